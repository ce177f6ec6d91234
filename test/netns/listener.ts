import { createServer } from 'node:net';

// The program of listen.ts: makes a socket where it runs, hands it over, and ends.
const [address = '', port = ''] = process.argv.slice(2);
const server = createServer();
server.listen(Number(port), address, () => process.send?.('listening', server));
process.on('message', () => process.exit());
