import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { GENESIS_HASH } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { DeadLetters } from './dead-letters.ts';
import type { ChaosOrg } from './orgs.ts';
import type { ChaosProducer } from './producer.ts';
import type { ChaosSubscriber } from './subscriber.ts';

/** What is wrong once everything has come to rest; all empty or 0 is right. */
export interface Findings {
  /** ACKed and not stored, or stored and never seen by a subscriber. */
  lost: number;
  /** Stored twice, seen twice, or spent twice. */
  doubled: number;
  /** Everything else that should not be, in words. */
  faults: string[];
}

interface StoredOrg {
  lastSeq: number;
  publishedSeq: number;
  keys: Map<string, string>;
  faults: string[];
}

interface UnderTest {
  admin: Database;
  orgs: readonly ChaosOrg[];
  /** By org id. */
  producers: ReadonlyMap<string, readonly ChaosProducer[]>;
  subscribers: readonly ChaosSubscriber[];
  deadLetters: DeadLetters;
}

/** Waits until all that was ACKed is stored, published, counted and seen (at most `timeoutMs`), then holds all to account. */
export async function settleAndCheck(parts: UnderTest, timeoutMs: number): Promise<Findings> {
  const { admin, orgs, producers, subscribers, deadLetters } = parts;
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !(await isSettled(parts))) await delay(200);
  while (Date.now() < deadline && !(await deadLetters.arrived())) await delay(200);
  const findings: Findings = { lost: 0, doubled: 0, faults: [] };
  for (const org of orgs) {
    const stored = await readOrg(admin, org.id);
    findings.faults.push(...stored.faults);
    for (const producer of producers.get(org.id) ?? []) holdAcksTo(stored, producer, findings);
    findings.doubled += stored.lastSeq - stored.keys.size;
    findings.faults.push(...(await ledgerFaults(admin, org.id)));
    for (const subscriber of subscribers.filter((one) => one.org.id === org.id)) {
      findings.lost += subscriber.missed + Math.max(0, stored.lastSeq - subscriber.last);
      findings.doubled += subscriber.repeated;
      findings.faults.push(...subscriber.errors.map((code) => `a subscriber of ${org.id} was told ${code}`));
    }
  }
  findings.faults.push(...(await deadLetters.take()));
  return findings;
}

function holdAcksTo(stored: StoredOrg, producer: ChaosProducer, findings: Findings): void {
  for (const [key, decisionId] of producer.acked) {
    const id = stored.keys.get(key);
    if (id === undefined) findings.lost++;
    else if (id !== decisionId) findings.faults.push(`${key} was ACKed as ${decisionId} and stored as ${id}`);
  }
}

async function isSettled({ admin, orgs, subscribers }: UnderTest): Promise<boolean> {
  try {
    for (const org of orgs) {
      const [head] = await admin.system.query<{ last_seq: number; published_seq: number; cursor: number | null }>(
        `SELECT c.last_seq, c.published_seq, t.seq AS cursor FROM org_chains c LEFT JOIN tracker_cursors t USING (org_id)
         WHERE c.org_id = $1`,
        [org.id],
      );
      const last = head?.last_seq ?? 0;
      if (last < org.acked || head?.published_seq !== last || head.cursor !== last) return false;
      if (subscribers.some((subscriber) => subscriber.org.id === org.id && subscriber.last < last)) return false;
    }
    return true;
  } catch {
    // The fault under test may be that PostgreSQL is away.
    return false;
  }
}

/** Reads an org's chain and checks it by itself, without the code under test. */
async function readOrg(admin: Database, orgId: string): Promise<StoredOrg> {
  const [head] = await admin.system.query<{ last_seq: number; published_seq: number; head_hash: string }>(
    'SELECT last_seq, published_seq, head_hash FROM org_chains WHERE org_id = $1',
    [orgId],
  );
  const rows = await admin.system.query<{ seq: number; id: string; record: string; prev_hash: string; hash: string }>(
    'SELECT seq, id, record, prev_hash, hash FROM decisions WHERE org_id = $1 ORDER BY seq',
    [orgId],
  );
  const faults: string[] = [];
  const keys = new Map<string, string>();
  let hash = GENESIS_HASH;
  rows.forEach((row, i) => {
    if (row.seq !== i + 1) faults.push(`${orgId}: seq ${i + 1} is missing`);
    if (row.prev_hash !== hash) faults.push(`${orgId}: ${row.seq} is not linked to the one before`);
    hash = createHash('sha256').update(row.record).digest('hex');
    if (row.hash !== hash) faults.push(`${orgId}: the hash of ${row.seq} is wrong`);
    keys.set((JSON.parse(row.record) as { idempotencyKey: string }).idempotencyKey, row.id);
  });
  if (head && head.head_hash !== hash) faults.push(`${orgId}: the head is not the last hash`);
  return { lastSeq: rows.length, publishedSeq: head?.published_seq ?? 0, keys, faults };
}

async function ledgerFaults(admin: Database, orgId: string): Promise<string[]> {
  const [row] = await admin.system.query<{
    spent: string;
    booked: string;
    committed: string;
    equal: boolean;
    twice: number;
  }>(
    `WITH sums AS (
       SELECT
         (SELECT coalesce(sum((record::jsonb#>>'{usage,cost}')::numeric), 0) FROM decisions WHERE org_id = $1) AS spent,
         (SELECT coalesce(sum(amount), 0) FROM budget_ledger WHERE org_id = $1) AS booked,
         (SELECT coalesce(sum(committed), 0) FROM budget_states WHERE org_id = $1) AS committed,
         (SELECT count(*) FROM (SELECT 1 FROM budget_ledger WHERE org_id = $1 GROUP BY source_id HAVING count(*) > 1) t) AS twice
     )
     SELECT *, spent = booked AND booked = committed AS equal FROM sums`,
    [orgId],
  );
  if (!row) return [];
  return [
    ...(row.equal ? [] : [`${orgId}: stored usage ${row.spent}, ledger ${row.booked}, budget ${row.committed}`]),
    ...(row.twice > 0 ? [`${orgId}: ${row.twice} decisions are booked twice`] : []),
  ];
}
