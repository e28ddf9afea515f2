import { ERRORS, type ErrorCode } from '@governsai/contracts';
import WebSocket from 'ws';
import type { ChaosOrg } from './orgs.ts';

/** What one message came to. */
export type Outcome =
  | { kind: 'acked'; decisionId: string }
  /** An error of the registry, which the sender can read. */
  | { kind: 'refused'; code: ErrorCode; retryable: boolean }
  /** The connection broke or could not be opened. */
  | { kind: 'broken' }
  /** The connection stood, and nothing came for {@link SILENCE_MS}. */
  | { kind: 'silent' };

/** Sends messages and tells what each came to, as soon as it is known. */
export interface Transport {
  name: string;
  send(messages: readonly object[], answer: (index: number, outcome: Outcome) => void): Promise<void>;
  close(): void;
}

/** How long a client waits for an answer. */
const SILENCE_MS = 10_000;

const acked = (decisionId: string): Outcome => ({ kind: 'acked', decisionId });
const BROKEN: Outcome = { kind: 'broken' };
const SILENT: Outcome = { kind: 'silent' };

function refused(code: string | undefined): Outcome {
  const known = code !== undefined && code in ERRORS ? (code as ErrorCode) : 'INTERNAL';
  return { kind: 'refused', code: known, retryable: 'retryable' in ERRORS[known] };
}

/** Sends by `POST /v1/decisions`, all in one request. */
export function overHttp(edgeUrl: string, org: ChaosOrg): Transport {
  return {
    name: 'POST /v1/decisions',
    close: () => {},
    async send(messages, answer) {
      const answerAll = (outcome: Outcome) => {
        messages.forEach((_, i) => {
          answer(i, outcome);
        });
      };
      try {
        const response = await fetch(`${edgeUrl}/v1/decisions`, {
          method: 'POST',
          headers: { authorization: `Bearer ${org.key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ decisions: messages }),
          signal: AbortSignal.timeout(SILENCE_MS),
        });
        const body = (await response.json()) as HttpAnswer;
        const { results } = body;
        if (response.status !== 202 || !results) return answerAll(refused(body.code));
        messages.forEach((_, i) => {
          const { decisionId, error } = results[i] ?? {};
          answer(i, decisionId === undefined ? refused(error?.code) : acked(decisionId));
        });
      } catch (error) {
        answerAll((error as Error).name === 'TimeoutError' ? SILENT : BROKEN);
      }
    },
  };
}

interface HttpAnswer {
  code?: string;
  results?: { decisionId?: string; error?: { code: string } }[];
}

/** Sends by INGEST on one socket that is opened again when it breaks. `path` is `/ws` or `/ws/ingest`. */
export function overSocket(edgeUrl: string, path: '/ws' | '/ws/ingest', org: ChaosOrg): Transport {
  const url = `${edgeUrl.replace('http', 'ws')}${path}?key=${org.key}&org=${org.id}`;
  const waiting = new Map<string, (outcome: Outcome) => void>();
  let socket: WebSocket | null = null;
  let closed = false;

  const fail = (outcome: Outcome) => {
    socket = null;
    for (const answer of [...waiting.values()]) answer(outcome);
  };
  const open = (): WebSocket => {
    const made = new WebSocket(url, { handshakeTimeout: 5000 });
    let told: Outcome = BROKEN;
    // One listener a message that waits for the opening.
    made.setMaxListeners(0);
    made.on('error', () => {});
    made.on('close', () => socket === made && fail(told));
    made.on('message', (data) => {
      const frame = JSON.parse(data.toString()) as Frame;
      if (frame.type === 'ACK') waiting.get(frame.id ?? '')?.(acked(frame.decisionId ?? ''));
      else if (frame.type === 'ERROR' && frame.id !== undefined) waiting.get(frame.id)?.(refused(frame.code));
      // An error of the connection: what it ends was refused by it.
      else if (frame.type === 'ERROR') told = refused(frame.code);
    });
    return made;
  };
  const sendOne = (message: object, answered: (outcome: Outcome) => void) =>
    new Promise<void>((resolve) => {
      const { idempotencyKey } = message as { idempotencyKey: string };
      const timer = setTimeout(() => answer(SILENT), SILENCE_MS);
      const answer = (outcome: Outcome) => {
        clearTimeout(timer);
        waiting.delete(idempotencyKey);
        answered(outcome);
        resolve();
      };
      waiting.set(idempotencyKey, answer);
      if (closed) return answer(BROKEN);
      socket ??= open();
      const current = socket;
      if (current.readyState === WebSocket.OPEN) current.send(JSON.stringify(message));
      else current.once('open', () => current.send(JSON.stringify(message)));
    });
  return {
    name: `INGEST on ${path}`,
    close: () => {
      closed = true;
      socket?.close();
    },
    async send(messages, answer) {
      await Promise.all(messages.map((message, i) => sendOne(message, (outcome) => answer(i, outcome))));
    },
  };
}

interface Frame {
  type: string;
  id?: string;
  code?: string;
  decisionId?: string;
}
