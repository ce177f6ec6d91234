import { type AgentProcess, type ProcessOptions, startAgentProcess } from '../agent/agent-client.ts';

/** Agents that follow one another: each is killed, and the next one continues at once. */
export interface Relay {
  /** How many syncs the agents made so far, an agent's first one included. */
  syncs(): number;
  /**
   * Kills the working agent and starts the next one, which is loaded already, like an agent that waits for the node's
   * lock.
   */
  next(): Promise<void>;
  /** Kills all of them. */
  end(): Promise<void>;
}

interface Waiting {
  readonly agent: AgentProcess;
  readonly isLoaded: Promise<void>;
}

/** failed   gets each agent's error messages */
export function createRelay(options: ProcessOptions, failed: (message: string) => void): Relay {
  let synced = 0;
  const waiting: Waiting[] = [];
  let working: AgentProcess | undefined;

  function load(): Waiting {
    let loaded = (): void => {};
    const isLoaded = new Promise<void>((resolve) => {
      loaded = resolve;
    });
    const agent = startAgentProcess({ ...options, waits: true }, (reply) => {
      if (reply.kind === 'loaded') loaded();
      if (reply.kind === 'synced') synced++;
      if (reply.kind === 'failed') failed(reply.message);
    });
    return { agent, isLoaded };
  }

  return {
    syncs: () => synced,
    async next() {
      while (waiting.length < 2) waiting.push(load());
      const first = waiting.shift();
      if (first === undefined) throw new Error('one was loaded');
      await first.isLoaded;
      await working?.kill();
      working = first.agent;
      first.agent.go();
    },
    async end() {
      for (const { agent } of waiting.splice(0)) await agent.kill();
      await working?.kill();
      working = undefined;
    },
  };
}
