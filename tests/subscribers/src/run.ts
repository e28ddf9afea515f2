import { setTimeout as delay } from 'node:timers/promises';
import { createDatabase, type Database } from '@governsai/db';
import { startStack } from '../../../tools/dist/stack.js';
import { type ChaosOrg, makeOrgs } from '../../chaos/dist/orgs.js';
import { ChaosProducer } from '../../chaos/dist/producer.js';
import { Random } from '../../chaos/dist/random.js';
import { ChaosSubscriber, EVERYTHING, type Selection } from '../../chaos/dist/subscriber.js';
import { overHttp } from '../../chaos/dist/transports.js';
import { drawFaults, everyFault, inject } from './faults.ts';
import { SdkSubscriber } from './sdk-subscriber.ts';
import { SELECTIONS } from './selections.ts';

export interface SubscribersOptions {
  seed: number;
  /** The stack's folder; it is removed at the end. */
  dir: string;
  orgs: number;
  subscribers: number;
  /** So many at random, one after the other; or each kind once, those of different parts of the system at the same time. */
  faults: number | 'every';
  /** Decisions a second, all orgs together. */
  rate: number;
  progress: (text: string) => void;
}

/** What it came to. */
export interface SubscribersResult {
  decisions: number;
  /** Events handed to subscribers. */
  deliveries: number;
  reconnects: number;
  /** Seqs of a subscriber's selection that it never got, got again, or got before an earlier one. */
  lost: number;
  repeated: number;
  disordered: number;
  /** What else should not be, in words. */
  faults: string[];
  seconds: number;
}

type Subscriber = ChaosSubscriber | SdkSubscriber;

/** How long after the last decision everybody has to have everything. */
const SETTLE_MS = 120_000;
/** Refuses connections, as an address does while no replica runs. */
const NOWHERE = 'http://127.0.0.1:9';
/** One subscriber in four is the SDK's; the others count what the SDK would drop as repeated. */
const SDK_EVERY = 4;

/** Runs the system with two push-gateways and breaks it at random under load; every subscriber is held to what is stored. */
export async function runSubscribers(options: SubscribersOptions): Promise<SubscribersResult> {
  const { progress } = options;
  // Several, so that the faults of a seed do not depend on how often the rest asks.
  const random = new Random(options.seed);
  const other = new Random(options.seed + 1);
  progress('starting the system, two push-gateways');
  const stack = await startStack({
    dir: options.dir,
    temporary: true,
    replicas: { 'push-gateway': 2, 'decision-writer': 2 },
  });
  const admin = createDatabase({ url: stack.databaseUrl, poolSize: 3, applicationName: 'subscribers' });
  try {
    const orgs = await makeOrgs(admin, options.orgs);
    // As a Service of Kubernetes does, past the edge: its proxy would be the slowest part of this process.
    const urlOf = () => other.pick(stack.service('push-gateway').upstreams()) ?? NOWHERE;
    const subscribers = Array.from({ length: options.subscribers }, (_, i): Subscriber => {
      const org = orgs[i % orgs.length] as ChaosOrg;
      const selection = SELECTIONS[Math.floor(i / orgs.length) % SELECTIONS.length] as Selection;
      return i % SDK_EVERY === 0
        ? new SdkSubscriber(urlOf, org, selection)
        : new ChaosSubscriber(urlOf, org, selection);
    });
    const started = performance.now();
    const watching = subscribers.map((subscriber) => subscriber.run());
    const producers = orgs.map((org) => new ChaosProducer(org, `${org.id}-p`, other, overHttp(stack.edgeUrl, org)));
    const perOrg = options.rate / orgs.length;
    const sending = producers.map((producer) => producer.run(perOrg, Math.max(1, Math.round(perOrg))));
    await underWay(subscribers);
    const lists = options.faults === 'every' ? everyFault(random) : drawFaults(random, options.faults);
    const count = lists.flat().length;
    let begun = 0;
    const strike = async (names: string[], own: Random) => {
      for (const name of names) {
        progress(`${++begun} of ${count}: ${name}`);
        await inject(name, { stack, random: own, subscribers });
        await delay(own.between(100, 1500));
      }
    };
    await Promise.all(lists.map((names, i) => strike(names, new Random(options.seed + 2 + i))));
    progress('all faults are over; waiting for every ACK, then for every subscriber');
    await Promise.all(producers.map((producer) => producer.stop()));
    await Promise.all(sending);
    const acked = producers.reduce((sum, producer) => sum + producer.acked.size, 0);
    const stored = await readStored(admin, acked);
    await settled(subscribers, stored);
    const result = judge(subscribers, stored);
    const decisions = [...stored.values()].reduce((sum, tools) => sum + tools.length, 0);
    if (decisions < acked) result.faults.push(`${acked} decisions were ACKed and ${decisions} are stored`);
    await Promise.all(subscribers.map((subscriber) => subscriber.stop()));
    await Promise.all(watching);
    return { ...result, decisions, seconds: (performance.now() - started) / 1000 };
  } finally {
    await admin.close();
    await stack.stop();
  }
}

/** Resolves when everybody who asked for everything has got something: a connection that is not there cannot be broken. */
async function underWay(subscribers: readonly Subscriber[]): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  while (subscribers.some(({ selection, seqs }) => selection === EVERYTHING && seqs.length === 0)) {
    if (Date.now() > deadline) throw new Error('a subscriber got nothing, though nothing is broken yet');
    await delay(50);
  }
}

/** The tools of each org's decisions, by seq - 1, once the `acked` ones are stored and no more come. */
async function readStored(admin: Database, acked: number): Promise<Map<string, (string | null)[]>> {
  const deadline = Date.now() + SETTLE_MS;
  for (let before = -1; ; await delay(1000)) {
    const rows = await admin.system.query<{ org_id: string; seq: number; tool: string | null }>(
      `SELECT org_id, seq, tool FROM decisions WHERE org_id LIKE 'chaos-%' ORDER BY org_id, seq`,
    );
    if (rows.length > before || (rows.length < acked && Date.now() < deadline)) {
      before = rows.length;
      continue;
    }
    const stored = new Map<string, (string | null)[]>();
    for (const { org_id, tool } of rows) stored.set(org_id, [...(stored.get(org_id) ?? []), tool]);
    return stored;
  }
}

/** The seqs a subscriber has to have. */
function expected({ org, selection }: Subscriber, stored: ReadonlyMap<string, (string | null)[]>): number[] {
  return (stored.get(org.id) ?? []).flatMap((tool, i) => (selection.matches(tool) ? [i + 1] : []));
}

async function settled(
  subscribers: readonly Subscriber[],
  stored: ReadonlyMap<string, (string | null)[]>,
): Promise<void> {
  const deadline = Date.now() + SETTLE_MS;
  const lasts = subscribers.map((subscriber) => expected(subscriber, stored).at(-1));
  const isThere = () => subscribers.every(({ seqs }, i) => lasts[i] === undefined || seqs.at(-1) === lasts[i]);
  while (!isThere() && Date.now() < deadline) await delay(200);
}

function judge(subscribers: readonly Subscriber[], stored: ReadonlyMap<string, (string | null)[]>) {
  const result = { deliveries: 0, reconnects: 0, lost: 0, repeated: 0, disordered: 0, faults: [] as string[] };
  for (const subscriber of subscribers) {
    const { seqs, org, selection, errors } = subscriber;
    const kind = `${subscriber instanceof SdkSubscriber ? 'the SDK' : 'a subscriber'} of ${org.id} (${selection.name})`;
    const seen = new Set(seqs);
    const wanted = expected(subscriber, stored);
    const lost = wanted.filter((seq) => !seen.has(seq));
    const unwanted = seqs.filter((seq) => !selection.matches(stored.get(org.id)?.[seq - 1] ?? null));
    const disordered = seqs.filter((seq, i) => i > 0 && seq < (seqs[i - 1] as number));
    result.deliveries += seqs.length;
    result.reconnects += subscriber.reconnects;
    result.lost += lost.length;
    result.repeated += seqs.length - seen.size;
    result.disordered += disordered.length;
    const wrong = [
      ...(lost.length > 0 ? [`lacks ${lost.slice(0, 5)}${lost.length > 5 ? ` and ${lost.length - 5} more` : ''}`] : []),
      ...(seqs.length > seen.size ? [`got ${seqs.length - seen.size} again`] : []),
      ...(disordered.length > 0 ? [`got ${disordered.slice(0, 5)} late`] : []),
      ...(unwanted.length > 0 ? [`got ${unwanted.slice(0, 5)}, which it did not ask for`] : []),
      ...errors.map((error) => `was told ${error}`),
    ];
    if (wrong.length > 0) result.faults.push(`${kind} ${wrong.join('; ')}`);
  }
  return result;
}
