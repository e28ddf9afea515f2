import type { Sql } from '@governsai/db';
import type { Range } from '../domain/sequence.ts';

/** A stored decision as the writer left it. */
export interface DecisionRow {
  orgId: string;
  seq: number;
  /** The canonical JSON of its chain record. */
  record: string;
  hash: string;
  /** Null when there is none, or it was erased. */
  person: unknown;
}

/** The stored decisions of ranges; a seq that was pruned is not among them. */
export function readDecisions(tx: Sql, ranges: readonly Range[]): Promise<DecisionRow[]> {
  return tx.query<DecisionRow>(
    `SELECT d.org_id AS "orgId", d.seq, d.record, d.hash, d.person
     FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS r(org_id, first, last)
     JOIN decisions d ON d.org_id = r.org_id AND d.seq BETWEEN r.first AND r.last`,
    [ranges.map((range) => range.orgId), ranges.map((range) => range.from), ranges.map((range) => range.to)],
  );
}

/** First and last stored seq of an org's chain. */
export interface ChainEnds {
  orgId: string;
  /** Lower ones were pruned. */
  firstSeq: number;
  /** 0 when nothing is stored. */
  lastSeq: number;
}

/** The ends of the orgs' chains, by org; an org that never stored a decision has none. */
export async function readChainEnds(tx: Sql, orgIds: readonly string[]): Promise<Map<string, ChainEnds>> {
  const rows = await tx.query<ChainEnds>(
    'SELECT org_id AS "orgId", first_seq AS "firstSeq", last_seq AS "lastSeq" FROM org_chains WHERE org_id = ANY($1)',
    [orgIds],
  );
  return new Map(rows.map((row) => [row.orgId, row]));
}
