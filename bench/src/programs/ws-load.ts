import WebSocket from 'ws';
import { decisionData, ingestBody } from '../decisions.ts';
import { ArrivalTimer, type Flow } from '../measure/latency.ts';
import type { BenchOrg } from '../orgs.ts';
import { serve } from '../program.ts';

interface Frame {
  type: string;
  id?: string;
  code?: string;
  data?: { correlationId?: string };
}

async function open(url: string, { id, key }: BenchOrg): Promise<WebSocket> {
  const socket = new WebSocket(`${url}?org=${id}`, {
    headers: { authorization: `Bearer ${key}` },
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}

let prepared: { socket: WebSocket; frames: string[] }[] = [];
let followed: WebSocket | undefined;
const timer = new ArrivalTimer();

const handlers = {
  /** Opens a socket for each org and prepares `count` INGEST messages over all of them. */
  prepare: async (input: { url: string; run: string; orgs: readonly BenchOrg[]; count: number }) => {
    for (const { socket } of prepared) socket.close();
    const share = input.count / input.orgs.length;
    prepared = await Promise.all(
      input.orgs.map(async (org, o) => ({
        socket: await open(input.url, org),
        frames: Array.from({ length: share }, (_, i) =>
          JSON.stringify({ type: 'INGEST', ...ingestBody(input.run, o * share + i) }),
        ),
      })),
    );
  },
  /** Sends all of it with at most `window` messages unanswered on each socket. */
  pipelined: async ({ window }: { window: number }) => {
    const begun = performance.now();
    let acks = 0;
    let errors = 0;
    const one = ({ socket, frames }: (typeof prepared)[number]) =>
      new Promise<void>((resolve) => {
        let sent = 0;
        let answered = 0;
        const fill = () => {
          while (sent < frames.length && sent - answered < window) socket.send(frames[sent++] as string);
        };
        socket.on('message', (data: Buffer) => {
          if (data.includes('"type":"ACK"')) acks++;
          else errors++;
          if (++answered === frames.length) resolve();
          else fill();
        });
        fill();
      });
    await Promise.all(prepared.map(one));
    return { seconds: (performance.now() - begun) / 1000, acks, errors };
  },
  /** Opens a socket that sends INGEST and one that is told the DECISIONs. */
  follow: async ({ ingestUrl, pushUrl, org }: { ingestUrl: string; pushUrl: string; org: BenchOrg }) => {
    const [producer, subscriber] = await Promise.all([open(ingestUrl, org), open(pushUrl, org)]);
    const subscribed = new Promise<void>((resolve) => {
      subscriber.on('message', (data: Buffer) => {
        const { type, data: decision } = JSON.parse(data.toString()) as Frame;
        if (type === 'SUB_SUCCESS') resolve();
        if (type === 'DECISION') timer.arrived(decision?.correlationId ?? '');
      });
    });
    producer.on('message', (data: Buffer) => {
      if (!data.includes('"type":"ACK"')) timer.fail(new Error(`a message was refused: ${data.toString()}`));
    });
    subscriber.send(JSON.stringify({ type: 'SUB', channels: [`org:${org.id}:decisions`] }));
    await subscribed;
    followed = producer;
  },
  /** Sends at a rate and tells how long after it was due each decision arrived. */
  latency: (flow: Flow) =>
    timer.flow(flow, (correlationId, i) => {
      const data = { ...decisionData(i), correlationId };
      followed?.send(JSON.stringify({ type: 'INGEST', schema: 'decision.v1', idempotencyKey: correlationId, data }));
    }),
};
export type WsLoad = typeof handlers;

serve(handlers);
