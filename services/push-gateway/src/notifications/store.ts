import type { StoredNotification } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

/** Whose notifications: each org has its own of a user. */
export interface Recipient {
  orgId: string;
  userId: string;
}

interface Row extends Pick<StoredNotification, 'id' | 'kind' | 'severity' | 'title' | 'body' | 'seq' | 'readAt'> {
  data: Record<string, unknown>;
  timestamp: string;
}

/** A user's notifications with a lower seq than `before`, the latest first; `unread` null: read or not. */
export async function readLatest(
  tx: Sql,
  { orgId, userId }: Recipient,
  { unread, before, limit }: { unread: boolean | null; before: number | null; limit: number },
): Promise<StoredNotification[]> {
  const rows = await tx.query<Row>(
    `SELECT seq, id, kind, severity, title, body, data, created_at AS timestamp, read_at AS "readAt"
     FROM notifications
     WHERE org_id = $1 AND user_id = $2 AND ($3::bigint IS NULL OR seq < $3)
       AND ($4::boolean IS NULL OR (read_at IS NULL) = $4)
     ORDER BY seq DESC LIMIT $5`,
    [orgId, userId, before, unread, limit],
  );
  return rows.map(({ data, ...own }) => ({ ...data, ...own }));
}

export async function countUnread(tx: Sql, { orgId, userId }: Recipient): Promise<number> {
  const [row] = await tx.query<{ unread: number }>(
    'SELECT count(*) AS unread FROM notifications WHERE org_id = $1 AND user_id = $2 AND read_at IS NULL',
    [orgId, userId],
  );
  return row?.unread ?? 0;
}

/** Marks unread ones read, by their seqs, or all up to one; returns how many. Those that were read keep their time. */
export async function markRead(
  tx: Sql,
  { orgId, userId }: Recipient,
  { seqs, upToSeq }: { seqs?: readonly number[] | undefined; upToSeq?: number | undefined },
): Promise<number> {
  // In one order, so that two that mark the same never wait for each other in a circle.
  return tx.execute(
    `WITH marked AS (
       SELECT seq FROM notifications
       WHERE org_id = $1 AND user_id = $2 AND read_at IS NULL AND (seq = ANY ($3::bigint[]) OR seq <= $4::bigint)
       ORDER BY seq FOR UPDATE
     )
     UPDATE notifications n SET read_at = now() FROM marked m
     WHERE n.org_id = $1 AND n.user_id = $2 AND n.seq = m.seq`,
    [orgId, userId, seqs ?? [], upToSeq ?? null],
  );
}
