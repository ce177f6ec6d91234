/**
 * The requests of a test to the process that it keeps in a namespace, and the answers. Plain JSON:
 * they cross a process border.
 */
export type Transport = 'tcp' | 'udp' | 'sctp';

/** Serves until the network is taken down: HTTP over TCP, one datagram for each datagram over UDP. */
export interface Server {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
  /** Its name in answers: `member1`. */
  readonly name: string;
}

/** One new connection and one question through it. */
export interface Question {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
  /** Address to dial from; chosen by the kernel when absent. */
  readonly fromAddress?: string;
  readonly fromPort?: number;
  /** How long to wait before it counts as silence; two minutes when absent. */
  readonly timeoutMs?: number;
  /** TCP: ends its connection with a reset, which kernels forget after seconds instead of minutes. */
  readonly resets?: boolean;
}

export type Answer =
  /** from: the client's address and port as the server saw them. */
  | {
      readonly kind: 'answered';
      readonly by: string;
      readonly from: { readonly address: string; readonly port: number };
    }
  /** Refused at once. */
  | { readonly kind: 'refused'; readonly elapsedMs: number }
  /** Nothing came back in time. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'failed'; readonly code: string };

/** Connections opened continuously: `workers` at once, each asking the targets in turn. */
export interface Load {
  readonly targets: readonly { readonly address: string; readonly port: number }[];
  readonly workers: number;
  readonly timeoutMs: number;
  /** As in {@link Question}. */
  readonly resets?: boolean;
}

export interface LoadReport {
  readonly connections: number;
  /** `10.0.0.1:80 member1` → how often member1 answered there. */
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: readonly LoadFailure[];
}

export interface LoadFailure {
  /** `10.0.0.1:80` */
  readonly target: string;
  /** Milliseconds of the machine's clock, which every process here shares. */
  readonly startedMs: number;
  readonly endedMs: number;
  readonly answer: Answer;
}

export type Request =
  | { readonly kind: 'serve'; readonly server: Server }
  | { readonly kind: 'ask'; readonly question: Question }
  | { readonly kind: 'startLoad'; readonly load: Load }
  | { readonly kind: 'stopLoad' };

export interface Envelope {
  readonly id: number;
  readonly request: Request;
}

export type Reply =
  | { readonly id: number; readonly kind: 'done'; readonly value: unknown }
  | { readonly id: number; readonly kind: 'error'; readonly message: string };
