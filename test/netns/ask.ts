import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { sctpScript } from './sctp.ts';
import type { Answer, Question } from './station-protocol.ts';

/** Only against waiting forever: who asks again until an answer comes, or expects none, says how long to wait. */
const patienceMs = 120_000;

/** Opens one new connection, asks, and closes or resets it. Never rejects because of the network. */
export async function ask(question: Question): Promise<Answer> {
  const startedMs = performance.now();
  try {
    const text = await transports[question.transport](question, question.timeoutMs ?? patienceMs);
    if (text === undefined) return { kind: 'silence' };
    return { kind: 'answered', ...(JSON.parse(text) as Pick<Answer & { kind: 'answered' }, 'by' | 'from'>) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return code === 'ECONNREFUSED'
      ? { kind: 'refused', elapsedMs: performance.now() - startedMs }
      : { kind: 'failed', code };
  }
}

/** Each returns the server's answer, or undefined for silence. */
const transports = { tcp: askHttp, udp: askUdp, sctp: askSctp };

function askHttp(question: Question, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const ends = {
      host: question.address,
      port: question.port,
      ...(question.fromAddress !== undefined && { localAddress: question.fromAddress }),
      ...(question.fromPort !== undefined && { localPort: question.fromPort }),
    };
    // A socket can still be reset only if it did not close together with the server's.
    const createConnection = () => connect({ ...ends, allowHalfOpen: true });
    const resets = question.resets === true;
    const request = httpRequest({ ...ends, agent: false, ...(resets && { createConnection }) });
    const timer = setTimeout(() => {
      resolve(undefined);
      request.destroy();
    }, timeoutMs);
    request.on('error', reject);
    request.on('close', () => clearTimeout(timer));
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      // Runs before Node's own listener, which would begin to close the connection.
      response.prependListener('end', () => {
        resolve(text);
        if (resets) request.socket?.resetAndDestroy();
      });
      response.on('error', reject);
    });
    request.end();
  });
}

async function askUdp(question: Question, timeoutMs: number): Promise<string | undefined> {
  const socket = createSocket(question.address.includes(':') ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  socket.on('error', reject);
  socket.on('message', (data) => resolve(data.toString()));
  // Connected, so that an ICMP refusal comes back as an error.
  socket.bind(question.fromPort ?? 0, question.fromAddress, () => {
    socket.connect(question.port, question.address, () => socket.send('who are you?'));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askSctp(question: Question, timeoutMs: number): Promise<string | undefined> {
  const args = [sctpScript, 'ask', question.address, String(question.port), String(question.fromPort ?? 0)];
  return new Promise((resolve, reject) => {
    execFile('perl', args, { timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (stdout !== '') resolve(stdout);
      else if (error?.killed) resolve(undefined);
      else if (stderr.includes('refused')) reject(Object.assign(new Error(stderr), { code: 'ECONNREFUSED' }));
      else reject(new Error(stderr || 'no words from the SCTP client'));
    });
  });
}
