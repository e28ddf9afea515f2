import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase } from '@governsai/db';
import WebSocket from 'ws';
import { startStack } from '../../../tools/dist/stack.js';
import { type ChaosOrg, makeOrgs } from '../../chaos/dist/orgs.js';
import { overHttp } from '../../chaos/dist/transports.js';

interface StalledOptions {
  dir: string;
  healthy: number;
  stalled: number;
  /** Each of the two measurements lasts so long. */
  seconds: number;
  progress: (text: string) => void;
}

/** Milliseconds from a decision's posting to its arrival at a healthy reader. */
export interface Latency {
  p50: number;
  p99: number;
  count: number;
}

/** Decisions a second, and what each carries: a stalled socket is full within seconds. */
const RATE = 25;
const SCOPE_BYTES = 6000;

/** Measures the healthy readers of an org on one push-gateway, alone and beside stalled readers of the same org. */
export async function runStalled(
  options: StalledOptions,
): Promise<{ alone: Latency; beside: Latency & { closed: number } }> {
  const { progress, seconds } = options;
  progress('starting the system');
  const stack = await startStack({ dir: options.dir, temporary: true });
  const admin = createDatabase({ url: stack.databaseUrl, poolSize: 2, applicationName: 'subscribers' });
  let stalled: ChildProcess | null = null;
  try {
    const [org] = (await makeOrgs(admin, 1)) as [ChaosOrg];
    const url = `${stack.service('push-gateway').upstreams()[0]?.replace('http', 'ws')}/ws?key=${org.key}&org=${org.id}`;
    const latencies: number[] = [];
    const sockets = await Promise.all(Array.from({ length: options.healthy }, () => reader(url, org, latencies)));
    progress(`warming up, then ${seconds} s with ${options.healthy} healthy readers alone`);
    await load(stack.edgeUrl, org, 5);
    latencies.length = 0;
    await load(stack.edgeUrl, org, seconds);
    const alone = latencyOf(latencies);
    progress(`${seconds} s beside ${options.stalled} readers that read nothing`);
    // A process of its own: what they cost here is not to count.
    stalled = fork(join(import.meta.dirname, 'stalled-readers.js'), [url, org.id, String(options.stalled)]);
    await once(stalled, 'message');
    latencies.length = 0;
    await load(stack.edgeUrl, org, seconds);
    const beside = latencyOf(latencies);
    stalled.send('how many');
    const [closed] = (await once(stalled, 'message')) as [number];
    for (const socket of sockets) socket.terminate();
    return { alone, beside: { ...beside, closed } };
  } finally {
    stalled?.kill();
    await admin.close();
    await stack.stop();
  }
}

async function reader(url: string, org: ChaosOrg, latencies: number[]): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'SUB', channels: [`org:${org.id}:decisions`] }));
  socket.on('message', (data) => {
    const { type, data: decision } = JSON.parse(data.toString()) as { type: string; data?: { correlationId: string } };
    if (type === 'DECISION' && decision) latencies.push(Date.now() - Number(decision.correlationId));
  });
  await once(socket, 'message');
  return socket;
}

let sent = 0;
/** Posts decisions that say when they were posted. */
async function load(edgeUrl: string, org: ChaosOrg, seconds: number): Promise<void> {
  const { send } = overHttp(edgeUrl, org);
  const scope = 'x'.repeat(SCOPE_BYTES);
  const sending: Promise<unknown>[] = [];
  const begun = performance.now();
  for (let i = 0; i < seconds * RATE; i++) {
    const data = { direction: 'precheck', decision: 'allow', scope, correlationId: String(Date.now()) };
    sending.push(send([{ schema: 'decision.v1', idempotencyKey: `stalled-${sent++}`, data }], () => {}));
    await delay(Math.max(0, begun + ((i + 1) * 1000) / RATE - performance.now()));
  }
  await Promise.all(sending);
  await delay(1000);
}

function latencyOf(latencies: readonly number[]): Latency {
  const sorted = [...latencies].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), count: sorted.length };
}
