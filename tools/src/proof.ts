import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import type { StackFile } from './stack-file.ts';

/** A frame the server sent. */
type Frame = { type: string; channel?: string; data?: Record<string, unknown> } & Record<string, unknown>;

export interface Proof {
  ingest: Frame;
  decision: Frame;
  budgetUpdate: Frame;
  /** From the INGEST to the later of the two. */
  tookMs: number;
}

const TIMEOUT_MS = 20_000;

/**
 * Proves that the stack works from end to end: on one socket at the edge it subscribes, submits one decision that costs a
 * cent and waits for the DECISION and the BUDGET_UPDATE it causes. Rejects with what did not come within 20 s.
 */
export async function prove({ wsUrl, orgs }: Pick<StackFile, 'wsUrl' | 'orgs'>): Promise<Proof> {
  const org = orgs[0];
  if (!org) throw new Error('The stack has no demo org: run `make seed`.');
  const conversation = await converse(`${wsUrl}?org=${org.slug}&key=${org.adminApiKey}`);
  try {
    const decisions = `org:${org.slug}:decisions`;
    const budget = `org:${org.slug}:budget`;
    conversation.send({ type: 'SUB', channels: [decisions, budget] });
    await conversation.next('SUB_SUCCESS', () => true);
    // The present state comes unasked; the one the decision causes has a higher version.
    const present = await conversation.next('BUDGET_UPDATE', () => true);
    const idempotencyKey = `make-dev-${randomUUID()}`;
    const ingest: Frame = {
      type: 'INGEST',
      channel: decisions,
      schema: 'decision.v1',
      idempotencyKey,
      data: {
        direction: 'precheck',
        decision: 'allow',
        tool: 'web.fetch',
        payloadHash: 'sha256:make-dev',
        usage: { cost: '0.01', currency: 'USD' },
      },
    };
    const startedAt = performance.now();
    conversation.send(ingest);
    const ack = await conversation.next('ACK', (frame) => frame.id === idempotencyKey);
    const decision = await conversation.next('DECISION', (frame) => frame.data?.id === ack.decisionId);
    const budgetUpdate = await conversation.next(
      'BUDGET_UPDATE',
      ({ data }) => data?.budgetId === present.data?.budgetId && Number(data?.version) > Number(present.data?.version),
    );
    return { ingest, decision, budgetUpdate, tookMs: Math.round(performance.now() - startedAt) };
  } finally {
    conversation.close();
  }
}

interface Conversation {
  send(frame: Frame): void;
  /** The first frame of a type that is accepted, among those received and those to come. */
  next(type: string, accept: (frame: Frame) => boolean): Promise<Frame>;
  close(): void;
}

async function converse(url: string): Promise<Conversation> {
  const socket = new WebSocket(url, { handshakeTimeout: TIMEOUT_MS });
  const deadline = Date.now() + TIMEOUT_MS;
  const received: Frame[] = [];
  let ended: Error | null = null;
  let wake = () => {};
  const end = (reason: string) => {
    ended ??= new Error(reason);
    wake();
  };
  socket.on('message', (data) => {
    received.push(JSON.parse(String(data)) as Frame);
    wake();
  });
  socket.on('error', (error) => end(`The socket failed: ${error.message}`));
  socket.on('close', (code) => end(`The socket was closed with ${code}. Received: ${JSON.stringify(received)}`));
  await new Promise<void>((resolve) => {
    wake = resolve;
    socket.once('open', resolve);
  });
  if (ended) throw ended;
  return {
    send: (frame) => socket.send(JSON.stringify(frame)),
    close: () => socket.terminate(),
    next: async (type, accept) => {
      for (;;) {
        const found = received.find((frame) => frame.type === type && accept(frame));
        if (found) return found;
        const refusal = received.find((frame) => frame.type === 'ERROR');
        if (refusal) throw new Error(`Instead of ${type} the edge answered ${JSON.stringify(refusal)}`);
        if (ended) throw ended;
        const left = deadline - Date.now();
        if (left <= 0)
          throw new Error(`No ${type} within ${TIMEOUT_MS / 1000} s. Received: ${JSON.stringify(received)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
  };
}
