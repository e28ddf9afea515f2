import { type ChainRecord, decisionViewOf, type Usage } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { orUnavailable } from '../unavailable.ts';
import { DecisionPush } from './decision-push.ts';
import { PageReader } from './page-reader.ts';
import type { StreamSource } from './stream-source.ts';

/** What pages of all orgs may keep in memory. */
const PAGE_CACHE_BYTES = 16 * 1024 * 1024;

/** Reads the stored decisions of any org. */
export function decisionSources(db: Database): (orgId: string) => StreamSource {
  const pages = new PageReader<string>(
    (orgId, afterSeq, toSeq) => orUnavailable(readPage(db, orgId, afterSeq, toSeq)),
    (orgId) => orgId,
    PAGE_CACHE_BYTES,
  );
  return (orgId) => ({
    head: () => orUnavailable(readHead(db, orgId)),
    after: (seq) => pages.after(orgId, seq),
  });
}

async function readHead(db: Database, orgId: string) {
  const [row] = await db.transaction([orgId], (tx) =>
    tx.query<{ last_seq: number; first_seq: number }>('SELECT last_seq, first_seq FROM org_chains WHERE org_id = $1', [
      orgId,
    ]),
  );
  // An org's chain begins with its first decision.
  return { lastSeq: row?.last_seq ?? 0, firstSeq: row?.first_seq ?? 1 };
}

async function readPage(db: Database, orgId: string, afterSeq: number, toSeq: number) {
  const rows = await db.transaction([orgId], (tx) =>
    tx.query<{ seq: number; record: string; hash: string }>(
      'SELECT seq, record, hash FROM decisions WHERE org_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq',
      [orgId, afterSeq, toSeq],
    ),
  );
  return rows.map(({ seq, record: canonical, hash }) => {
    const record = JSON.parse(canonical) as ChainRecord;
    const usage = (record.usage as Usage | undefined) ?? null;
    return new DecisionPush(orgId, seq, decisionViewOf(record, hash), { keyId: record.keyId ?? null, usage });
  });
}
