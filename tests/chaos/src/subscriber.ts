import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import type { ChaosOrg } from './orgs.ts';

/** Which decisions of the org a watcher asks for. */
export interface Selection {
  /** What it is called in a report. */
  name: string;
  /** A glob of tools: by the channel of these alone. */
  tools?: string;
  /** CEL over the decision. */
  filter?: string;
  /** Whether a decision of this tool is among them. */
  matches: (tool: string | null) => boolean;
}

export const EVERYTHING: Selection = { name: 'everything', matches: () => true };

/** The channel of a selection. */
export function channelOf(org: ChaosOrg, { tools }: Selection): string {
  return `org:${org.id}:decisions${tools === undefined ? '' : `:tool:${tools}`}`;
}

/** A watcher of an org that comes back after every break and names the last seq it saw. */
export class ChaosSubscriber {
  /** The last seq seen; 0 before the first. */
  last = 0;
  /** Every seq that came, as it came. */
  readonly seqs: number[] = [];
  /** Seqs that came a second time or out of order, and seqs that were left out. */
  repeated = 0;
  missed = 0;
  reconnects = 0;
  /** Other errors than those that say to come back, with their codes. */
  readonly errors: string[] = [];
  readonly org: ChaosOrg;
  readonly selection: Selection;
  readonly #urlOf: () => string;
  readonly #seen = new Map<string, number>();
  #socket: WebSocket | null = null;
  #stopped = false;

  /** `urlOf`: where to connect this time. */
  constructor(urlOf: () => string, org: ChaosOrg, selection: Selection = EVERYTHING) {
    this.org = org;
    this.selection = selection;
    this.#urlOf = () => `${urlOf().replace('http', 'ws')}/ws?key=${org.key}&org=${org.id}`;
  }

  /** Connects and keeps connected until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const retryAfterMs = await this.#connection();
      if (this.#stopped) return;
      this.reconnects++;
      await delay(retryAfterMs);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.terminate();
  }

  /** Breaks the connection, as a network does. */
  breakOff(): void {
    this.#socket?.terminate();
  }

  /** Reads nothing for a while. */
  async stall(ms: number): Promise<void> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.pause();
    await delay(ms);
    socket.resume();
  }

  /** When a decision arrived, by its correlation id; undefined when it has not. */
  arrivalOf(correlationId: string): number | undefined {
    return this.#seen.get(correlationId);
  }

  /** One connection, from its opening to its end; resolves with the pause before the next. */
  #connection(): Promise<number> {
    const channel = channelOf(this.org, this.selection);
    const { filter } = this.selection;
    return new Promise((resolve) => {
      const socket = new WebSocket(this.#urlOf(), { handshakeTimeout: 5000 });
      this.#socket = socket;
      // A peer that was frozen or cut off says nothing; the server pings every 25 s, and a client need not wait for it.
      let heard = Date.now();
      const watch = setInterval(() => {
        if (Date.now() - heard > 6000) socket.terminate();
        else if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"PING"}');
      }, 2000);
      socket.on('error', () => {});
      socket.on('open', () => {
        socket.send(JSON.stringify({ type: 'SUB', channels: [channel], since: { [channel]: this.last }, filter }));
      });
      socket.on('message', (data) => {
        heard = Date.now();
        const frame = JSON.parse(data.toString()) as Frame;
        if (frame.type === 'DECISION') this.#take(frame);
        else if (frame.type === 'PONG') this.last = Math.max(this.last, frame.positions?.[channel] ?? 0);
        else if (frame.type === 'ERROR') {
          if (frame.code !== 'UNAVAILABLE') this.errors.push(frame.code ?? '?');
          socket.close();
        }
      });
      socket.on('close', (_code, reason) => {
        clearInterval(watch);
        resolve(Math.min(retryAfter(reason.toString()), 1000) * (0.5 + Math.random() / 2));
      });
    });
  }

  #take({ seq, data }: Frame): void {
    if (seq === undefined || !data) return;
    this.seqs.push(seq);
    if (seq <= this.last) {
      this.repeated++;
      return;
    }
    // What a selection leaves out is no loss; who uses one compares `seqs` with what is stored.
    if (this.selection === EVERYTHING) this.missed += seq - this.last - 1;
    this.last = seq;
    if (data.correlationId?.startsWith('probe-')) this.#seen.set(data.correlationId, Date.now());
  }
}

interface Frame {
  type: string;
  code?: string;
  seq?: number;
  positions?: Record<string, number>;
  data?: { correlationId?: string | null };
}

function retryAfter(reason: string): number {
  try {
    return (JSON.parse(reason) as { retryAfterMs: number }).retryAfterMs;
  } catch {
    return 300;
  }
}
