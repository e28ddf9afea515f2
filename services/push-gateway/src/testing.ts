import { createHash } from 'node:crypto';
import { type ChainRecord, canonicalJson, GENESIS_HASH } from '@governsai/contracts';
import type { Database } from '@governsai/db';

/** What decisions of a test say beside the usual. */
export type Say = (seq: number) => Partial<ChainRecord>;

/** SHA-256, in hex. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A recorded decision. Always the same for a seq of an org; linked to none before it. */
export function recordOf(orgId: string, seq: number, say: Say = () => ({})): ChainRecord {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    v: 1,
    orgId,
    seq,
    id: `dec_${hashOf(`${orgId}${seq}`).slice(0, 32)}`,
    idempotencyKey: `k${seq}`,
    bodyHash: 'b'.repeat(64),
    direction: 'precheck',
    decision: 'allow',
    tool: 'web.fetch',
    scope: '',
    ts: at,
    receivedAt: at,
    recordedAt: at,
    prevHash: GENESIS_HASH,
    ...say(seq),
  };
}

/** Stores the decisions of an org from one seq to another as decision-writer does: rows and head in one transaction. */
export async function store(db: Database, orgId: string, from: number, to: number, say?: Say): Promise<void> {
  await db.transaction([orgId], async (tx) => {
    for (let seq = from; seq <= to; seq++) {
      const record = recordOf(orgId, seq, say);
      const { id, bodyHash, direction, decision, tool, prevHash } = record;
      const text = canonicalJson(record);
      await tx.execute(
        `INSERT INTO decisions (org_id, seq, id, body_hash, direction, decision, tool, tags, ts, recorded_at, record, prev_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', now(), now(), $8, $9, $10)`,
        [orgId, seq, id, bodyHash, direction, decision, tool, text, prevHash, hashOf(text)],
      );
    }
    await tx.execute(
      'INSERT INTO org_chains (org_id, last_seq) VALUES ($1, $2) ON CONFLICT (org_id) DO UPDATE SET last_seq = $2',
      [orgId, to],
    );
  });
}
