import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase } from '@governsai/db';
import { startStack } from '../../../tools/dist/stack.js';
import { settleAndCheck } from './checks.ts';
import { DeadLetters } from './dead-letters.ts';
import { ServiceEnds } from './ends.ts';
import type { Fault } from './faults.ts';
import { Line, type Lines } from './lines.ts';
import { type ChaosOrg, makeOrgs } from './orgs.ts';
import { outageFaults } from './outage.ts';
import { ChaosProducer, type Try } from './producer.ts';
import { Random } from './random.ts';
import { ChaosSubscriber } from './subscriber.ts';
import { overHttp, overSocket } from './transports.ts';

export interface ChaosOptions {
  seed: number;
  faults: readonly Fault[];
  /** The stack's folder; it is removed at the end. */
  dir: string;
  /** Where the logs of all processes go when something is wrong. */
  logs: string;
  /** Decisions a second, all orgs together. */
  rate: number;
  /** Load before each fault, so that it hits a running system. */
  warmUpMs: number;
  /** Load after each fault, at least. */
  coolDownMs: number;
  /** See `FaultContext`. */
  long: boolean;
  /** Told each row as soon as it is known. */
  report: (row: ChaosRow) => void;
  progress: (text: string) => void;
}

/** What one fault came to. */
export interface ChaosRow {
  fault: string;
  /** Tries to send a decision. */
  sent: number;
  acked: number;
  lost: number;
  doubled: number;
  /** From the fault's beginning to the first decision that was sent after it and seen by a subscriber, in ms. */
  recoverMs: number | null;
  /** The longest that a try waited for its answer, in ms. */
  slowestMs: number;
  reconnects: number;
  faults: string[];
}

/** Whether the row shows the system to have kept its promises. */
export function isRight({ lost, doubled, recoverMs, faults }: ChaosRow): boolean {
  return lost === 0 && doubled === 0 && recoverMs !== null && faults.length === 0;
}

const ORGS = 5;
const SETTLE_MS = 90_000;

/** Runs a whole system with two of every service under load, breaks it in every way given, and holds it to account after each. */
export async function runChaos(options: ChaosOptions): Promise<ChaosRow[]> {
  const lines: Lines = { kafka: new Line(), postgres: new Line() };
  const advertised = { kafka: await lines.kafka.listen(), postgres: await lines.postgres.listen() };
  options.progress('starting the system, two of each service');
  const ends = new ServiceEnds();
  const stack = await startStack({
    dir: options.dir,
    temporary: true,
    replicas: { auth: 2, 'ingest-gateway': 2, 'decision-writer': 2, 'budget-tracker': 2, 'push-gateway': 2 },
    through: advertised,
    onPorts: (ports) => {
      lines.kafka.target = ports.kafka;
      lines.postgres.target = ports.postgres;
    },
    event: ends.event,
  });
  const deadLetters = new DeadLetters(stack.kafkaBrokers);
  const admin = createDatabase({ url: stack.databaseUrl, poolSize: 3, applicationName: 'chaos' });
  const rows: ChaosRow[] = [];
  try {
    const orgs = await makeOrgs(admin, ORGS);
    const random = new Random(options.seed);
    const subscribers = orgs.flatMap((org) => [
      new ChaosSubscriber(() => stack.edgeUrl, org),
      new ChaosSubscriber(() => stack.edgeUrl, org),
    ]);
    const watching = subscribers.map((subscriber) => subscriber.run());
    for (const fault of options.faults) {
      options.progress(`fault: ${fault.name}`);
      const row = await oneFault(fault, { options, stack, lines, admin, orgs, random, subscribers, ends, deadLetters });
      rows.push(row);
      options.report(row);
      if (!isRight(row)) await cp(join(options.dir, 'logs'), options.logs, { recursive: true });
    }
    for (const subscriber of subscribers) subscriber.stop();
    await Promise.all(watching);
  } finally {
    await admin.close();
    await stack.stop();
    await Promise.all([lines.kafka.close(), lines.postgres.close()]);
  }
  return rows;
}

interface Running {
  options: ChaosOptions;
  stack: Awaited<ReturnType<typeof startStack>>;
  lines: Lines;
  admin: ReturnType<typeof createDatabase>;
  orgs: readonly ChaosOrg[];
  random: Random;
  subscribers: readonly ChaosSubscriber[];
  ends: ServiceEnds;
  deadLetters: DeadLetters;
}

async function oneFault(fault: Fault, running: Running): Promise<ChaosRow> {
  const { options, stack, lines, admin, orgs, random, subscribers, ends, deadLetters } = running;
  const before = subscribers.reduce((sum, subscriber) => sum + subscriber.reconnects, 0);
  const producers = new Map(orgs.map((org) => [org.id, producersOf(org, stack.edgeUrl, random)]));
  const all = [...producers.values()].flat();
  const perProducer = options.rate / all.length;
  const runs = all.map((producer) => producer.run(perProducer, Math.max(1, Math.round(perProducer / 5))));
  await delay(options.warmUpMs);
  const started = Date.now();
  const recovery = timeToRecover(orgs[0] as ChaosOrg, stack.edgeUrl, subscribers, started);
  const broken: string[] = [];
  const outage = await fault
    .inject({ stack, lines, deadLetters, random, long: options.long })
    .catch((error: Error) => void broken.push(error.message));
  const recoverMs = await recovery;
  await delay(options.coolDownMs);
  await Promise.all(all.map((producer) => producer.stop()));
  await Promise.all(runs);
  const findings = await settleAndCheck({ admin, orgs, producers, subscribers, deadLetters }, SETTLE_MS);
  const tries = all.flatMap((producer) => producer.tries);
  return {
    fault: fault.name,
    sent: tries.length,
    acked: all.reduce((sum, producer) => sum + producer.acked.size, 0),
    recoverMs,
    slowestMs: tries.reduce((slowest, { sentAt, answeredAt }) => Math.max(slowest, answeredAt - sentAt), 0),
    reconnects: subscribers.reduce((sum, subscriber) => sum + subscriber.reconnects, 0) - before,
    ...findings,
    faults: [
      ...broken,
      ...findings.faults,
      ...ends.take(fault.kills ?? 0),
      ...(outage ? outageFaults(outage, tries) : []),
      ...finalRefusals(tries),
      ...all.filter(({ givenUp }) => givenUp > 0).map(({ givenUp }) => `a producer got no ACK for ${givenUp}`),
    ],
  };
}

/** A producer that does everything right is never told that its decision cannot be taken. */
function finalRefusals(tries: readonly Try[]): string[] {
  const codes = tries.flatMap(({ outcome }) => (outcome.kind === 'refused' && !outcome.retryable ? outcome.code : []));
  return [...new Set(codes)].map((code) => `${codes.filter((one) => one === code).length} tries were told ${code}`);
}

let producerCount = 0;
/** Each org is written to in every way there is. */
function producersOf(org: ChaosOrg, edgeUrl: string, random: Random): ChaosProducer[] {
  const transports = [overHttp(edgeUrl, org), overSocket(edgeUrl, '/ws', org), overSocket(edgeUrl, '/ws/ingest', org)];
  return transports.map((transport) => new ChaosProducer(org, `${org.id}-${producerCount++}`, random, transport));
}

/** Sends probes until one arrives at a subscriber; the time from `started`, or null when none did in two minutes. */
async function timeToRecover(
  org: ChaosOrg,
  edgeUrl: string,
  subscribers: readonly ChaosSubscriber[],
  started: number,
): Promise<number | null> {
  const watcher = subscribers.find((subscriber) => subscriber.org.id === org.id);
  // The fault takes hold first: what passes in its first moments proves nothing.
  await delay(300);
  for (let i = 0; Date.now() - started < 120_000; i++) {
    const probe = `probe-${started}-${i}`;
    const data = { direction: 'precheck', decision: 'allow', correlationId: probe };
    const { send } = overHttp(edgeUrl, org);
    await send([{ schema: 'decision.v1', idempotencyKey: probe, data }], (_, { kind }) => {
      if (kind === 'acked') org.acked++;
    });
    await delay(100);
    for (let sent = 0; sent <= i; sent++) {
      const arrival = watcher?.arrivalOf(`probe-${started}-${sent}`);
      if (arrival !== undefined) return arrival - started;
    }
  }
  return null;
}

/** The rows as a table for people. */
export function chaosTable(rows: readonly ChaosRow[]): string {
  const header = ['fault', 'sent', 'ACKed', 'lost', 'doubled', 'recovered', 'slowest answer', 'reconnects'];
  const cells = rows.map((row) => [
    row.fault,
    String(row.sent),
    String(row.acked),
    String(row.lost),
    String(row.doubled),
    row.recoverMs === null ? 'never' : seconds(row.recoverMs),
    seconds(row.slowestMs),
    String(row.reconnects),
  ]);
  const widths = header.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (values: readonly string[]) =>
    values.map((value, i) => (i === 0 ? value.padEnd(widths[i] ?? 0) : value.padStart(widths[i] ?? 0))).join('  ');
  const faults = rows.flatMap((row) => row.faults.map((fault) => `  ${row.fault}: ${fault}`));
  return [line(header), widths.map((width) => '-'.repeat(width)).join('  '), ...cells.map(line), ...faults].join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
