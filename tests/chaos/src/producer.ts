import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import type { ChaosOrg } from './orgs.ts';
import type { Random } from './random.ts';

/** What a producer was told of one idempotency key. */
export interface Acked {
  decisionId: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** What one way of sending came to. `null`: no answer, an error that may be retried, or a broken connection. */
type Send = (messages: readonly object[]) => Promise<(string | null)[]>;

/**
 * One producer of an org: sends at its rate, and again, with the same key, until it is told that a decision is kept. That
 * is all a client may rely on, and what the checks hold the system to.
 */
export class ChaosProducer {
  /** By idempotency key. */
  readonly acked = new Map<string, Acked>();
  /** Answers of any kind but an ACK. */
  refusals = 0;
  readonly #org: ChaosOrg;
  readonly #name: string;
  readonly #random: Random;
  readonly #send: Send;
  readonly #close: () => void;
  #next = 0;
  #stopped = false;
  #sending = new Set<Promise<void>>();

  constructor(org: ChaosOrg, name: string, random: Random, transport: { send: Send; close: () => void }) {
    this.#org = org;
    this.#name = name;
    this.#random = random;
    this.#send = transport.send;
    this.#close = transport.close;
  }

  /** Sends `perSecond` decisions until {@link stop}. */
  async run(perSecond: number, batch: number): Promise<void> {
    const pause = (1000 * batch) / perSecond;
    let due = performance.now();
    while (!this.#stopped) {
      const keys = Array.from({ length: batch }, () => `${this.#name}-${this.#next++}`);
      // Clients repeat what they are not sure of: now and then one that was ACKed long ago.
      if (this.#random.next() < 0.05 && this.#next > 100)
        keys.push(`${this.#name}-${this.#random.between(0, this.#next - 50)}`);
      const sending = this.#untilAcked(keys).finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
      due += pause;
      await delay(Math.max(0, due - performance.now()));
    }
  }

  /** Sends nothing new; resolves when everything sent has been ACKed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#sending);
    this.#close();
  }

  async #untilAcked(keys: readonly string[]): Promise<void> {
    let open = keys.map((key) => ({ key, message: this.#message(key) }));
    for (let pause = 100; open.length > 0; pause = Math.min(pause * 2, 2000)) {
      const answers = await this.#send(open.map((item) => item.message));
      open = open.filter(({ key }, i) => {
        const decisionId = answers[i];
        if (decisionId == null) return true;
        if (!this.acked.has(key)) this.acked.set(key, { decisionId, at: Date.now() });
        return false;
      });
      if (open.length === 0) return;
      this.refusals += open.length;
      await delay(pause / 2 + (pause / 2) * Math.random());
    }
  }

  #message(key: string): object {
    const cents = [...key].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 100;
    return {
      type: 'INGEST',
      schema: 'decision.v1',
      idempotencyKey: key,
      data: {
        orgId: this.#org.id,
        direction: 'precheck',
        decision: 'allow',
        tool: `tool-${cents % 7}`,
        correlationId: key,
        usage: { cost: `0.${String(cents).padStart(2, '0')}0000000001`, currency: 'USD' },
      },
    };
  }
}

/** Sends by `POST /v1/decisions`, all in one request. */
export function overHttp(edgeUrl: string, org: ChaosOrg): { send: Send; close: () => void } {
  return {
    close: () => {},
    async send(messages) {
      const nothing = messages.map(() => null);
      try {
        const response = await fetch(`${edgeUrl}/v1/decisions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${org.key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ decisions: messages }),
          signal: AbortSignal.timeout(10_000),
        });
        if (response.status !== 202) {
          await response.arrayBuffer();
          return nothing;
        }
        const { results } = (await response.json()) as { results: { decisionId?: string }[] };
        return results.map((result) => result.decisionId ?? null);
      } catch {
        return nothing;
      }
    },
  };
}

/** Sends by INGEST on one socket that is opened again when it breaks. `path` is `/ws` or `/ws/ingest`. */
export function overSocket(edgeUrl: string, path: string, org: ChaosOrg): { send: Send; close: () => void } {
  const url = `${edgeUrl.replace('http', 'ws')}${path}?key=${org.key}&org=${org.id}`;
  const waiting = new Map<string, (decisionId: string | null) => void>();
  let socket: WebSocket | null = null;
  let closed = false;

  const fail = () => {
    socket = null;
    for (const answer of [...waiting.values()]) answer(null);
  };
  const open = (): WebSocket => {
    const made = new WebSocket(url, { handshakeTimeout: 5000 });
    // One listener a message that waits for the opening.
    made.setMaxListeners(0);
    made.on('error', () => {});
    made.on('close', () => socket === made && fail());
    made.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as { type: string; id?: string; decisionId?: string };
      if (frame.id !== undefined) waiting.get(frame.id)?.(frame.type === 'ACK' ? (frame.decisionId ?? null) : null);
    });
    return made;
  };
  const sendOne = (message: object) =>
    new Promise<string | null>((resolve) => {
      const { idempotencyKey } = message as { idempotencyKey: string };
      const timer = setTimeout(() => answer(null), 10_000);
      const answer = (decisionId: string | null) => {
        clearTimeout(timer);
        waiting.delete(idempotencyKey);
        resolve(decisionId);
      };
      waiting.set(idempotencyKey, answer);
      if (closed) return answer(null);
      socket ??= open();
      const current = socket;
      if (current.readyState === WebSocket.OPEN) current.send(JSON.stringify(message));
      else current.once('open', () => current.send(JSON.stringify(message)));
    });
  return {
    close: () => {
      closed = true;
      socket?.close();
    },
    send: (messages) => Promise.all(messages.map(sendOne)),
  };
}
