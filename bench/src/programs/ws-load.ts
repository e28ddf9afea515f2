import WebSocket from 'ws';
import { decisionData, ingestBody } from '../decisions.ts';
import { LatencyRecorder, openLoop } from '../measure/latency.ts';
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
  /**
   * INGEST on one socket, DECISION on another: sends at a rate and tells how long after it was due each decision arrived.
   * `warmUp` messages before are not counted.
   */
  latency: async (input: {
    ingestUrl: string;
    pushUrl: string;
    org: BenchOrg;
    run: string;
    rate: number;
    count: number;
    warmUp: number;
  }) => {
    const channel = `org:${input.org.id}:decisions`;
    const [producer, subscriber] = await Promise.all([
      open(input.ingestUrl, input.org),
      open(input.pushUrl, input.org),
    ]);
    const due = new Map<string, number>();
    const latency = new LatencyRecorder();
    let arrived = 0;
    const total = input.warmUp + input.count;
    const ready = new Promise<void>((resolve) => {
      subscriber.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as Frame;
        if (frame.type === 'SUB_SUCCESS') resolve();
      });
    });
    subscriber.send(JSON.stringify({ type: 'SUB', channels: [channel] }));
    await ready;
    const all = new Promise<void>((resolve) => {
      subscriber.on('message', (data: Buffer) => {
        const now = performance.now();
        const { type, data: decision } = JSON.parse(data.toString()) as Frame;
        if (type !== 'DECISION') return;
        const since = due.get(decision?.correlationId ?? '');
        if (since !== undefined) latency.record(now - since);
        if (++arrived === total) resolve();
      });
    });
    let errors = 0;
    producer.on('message', (data: Buffer) => {
      if (!data.includes('"type":"ACK"')) errors++;
    });
    await openLoop(input.rate, total, (at, i) => {
      const correlationId = `${input.run}-${i}`;
      if (i >= input.warmUp) due.set(correlationId, at);
      const data = { ...decisionData(i), correlationId };
      producer.send(JSON.stringify({ type: 'INGEST', schema: 'decision.v1', idempotencyKey: correlationId, data }));
    });
    await all;
    producer.close();
    subscriber.close();
    return { latency: latency.summary(), errors };
  },
};
export type WsLoad = typeof handlers;

serve(handlers);
