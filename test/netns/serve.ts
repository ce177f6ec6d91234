import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { sctpScript } from './sctp.ts';
import type { Server } from './station-protocol.ts';

/** Resolves once clients can reach it. Serves until the process ends. */
export async function serve(server: Server): Promise<void> {
  switch (server.transport) {
    case 'tcp':
      return serveHttp(server);
    case 'udp':
      return serveUdp(server);
    case 'sctp':
      return serveSctp(server);
  }
}

/** Answers any request with its own name and the client's address, and closes: every question is a new connection. */
async function serveHttp({ address, port, name }: Server): Promise<void> {
  const http = createServer((request, response) => {
    response.setHeader('connection', 'close');
    const { remoteAddress, remotePort } = request.socket;
    response.end(JSON.stringify({ by: name, from: { address: remoteAddress, port: remotePort } }));
  });
  http.listen({ host: address, port, backlog: 1024 });
  await once(http, 'listening');
}

async function serveUdp({ address, port, name }: Server): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (_, sender) => {
    const text = JSON.stringify({ by: name, from: { address: sender.address, port: sender.port } });
    socket.send(text, sender.port, sender.address);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
}

async function serveSctp({ address, port, name }: Server): Promise<void> {
  const child = spawn('perl', [sctpScript, 'serve', address, String(port), name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
}
