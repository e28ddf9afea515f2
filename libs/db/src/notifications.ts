import type { NotificationsRaised, Role } from '@governsai/contracts';
import type { Sql } from './sql.ts';

/** What a user should be told. */
export interface WantedNotification {
  orgId: string;
  userId: string;
  /** Unique over all orgs and users. The same for the same fact and user: it is stored once. */
  id: string;
  /** What it is about, for programs: `budget.threshold`. */
  kind: string;
  severity: NotificationsRaised['notification']['severity'];
  /** One line. */
  title: string;
  /** What happened and what to do next. */
  body: string;
  /** More members of the notification, by its kind. */
  data: Readonly<Record<string, unknown>>;
}

/**
 * Stores notifications with the next seqs of their users and returns the values of `notifications.raised` to append to the
 * outbox in the same transaction. One whose id is stored already is left out, whoever stores it at the same time: the heads
 * of the users stay locked until the transaction ends, always in the order (org, user). Lock what else the transaction needs
 * first. `timestamp` is RFC 3339.
 */
export async function storeNotifications(
  tx: Sql,
  wanted: readonly WantedNotification[],
  timestamp: string,
): Promise<NotificationsRaised[]> {
  if (wanted.length === 0) return [];
  const heads = await lockHeads(tx, wanted);
  // Under the locks: whoever stored one of these ids before has committed.
  const fresh = await unknown(tx, wanted);
  if (fresh.length === 0) return [];
  const raised = fresh.map((source) => {
    const seq = (heads.get(headKey(source)) ?? 0) + 1;
    heads.set(headKey(source), seq);
    return { source, seq };
  });
  await insert(tx, raised, timestamp);
  await moveHeads(tx, fresh, heads);
  return raised.map(({ source: { orgId, userId, id, kind, severity, title, body, data }, seq }) => ({
    orgId,
    userId,
    seq,
    notification: { ...data, id, kind, severity, title, body, timestamp },
  }));
}

/** The users with one of the roles, by org, in the order of their ids. An org without such a member has no entry. */
export async function membersWithRoles(
  tx: Sql,
  orgIds: readonly string[],
  roles: readonly Role[],
): Promise<Map<string, string[]>> {
  const rows = await tx.query<{ org_id: string; users: string[] }>(
    `SELECT org_id, array_agg(user_id ORDER BY user_id) AS users FROM memberships
     WHERE org_id = ANY($1) AND role = ANY($2) GROUP BY org_id`,
    [orgIds, roles],
  );
  return new Map(rows.map((row) => [row.org_id, row.users]));
}

type Addressee = Pick<WantedNotification, 'orgId' | 'userId'>;

function headKey({ orgId, userId }: Addressee): string {
  return JSON.stringify([orgId, userId]);
}

function addresseesOf(wanted: readonly WantedNotification[]): Addressee[] {
  return [...new Map(wanted.map((one) => [headKey(one), one])).values()];
}

/** Locks the heads of the addressees, makes those that are missing, and says where they stand. */
async function lockHeads(tx: Sql, wanted: readonly WantedNotification[]): Promise<Map<string, number>> {
  const addressees = addresseesOf(wanted);
  const columns = [addressees.map((one) => one.orgId), addressees.map((one) => one.userId)];
  const lock = async () => {
    const rows = await tx.query<Addressee & { seq: number }>(
      `SELECT h.org_id AS "orgId", h.user_id AS "userId", h.seq FROM notification_heads h
       JOIN unnest($1::text[], $2::text[]) AS a(org_id, user_id) ON a.org_id = h.org_id AND a.user_id = h.user_id
       ORDER BY h.org_id, h.user_id FOR UPDATE OF h`,
      columns,
    );
    return new Map(rows.map((row) => [headKey(row), row.seq]));
  };
  const heads = await lock();
  if (heads.size === addressees.length) return heads;
  await tx.execute(
    `INSERT INTO notification_heads (org_id, user_id)
     SELECT * FROM unnest($1::text[], $2::text[]) AS a(org_id, user_id) ORDER BY org_id, user_id ON CONFLICT DO NOTHING`,
    columns,
  );
  return lock();
}

/** Of the wanted ones, each id once, those not stored yet. */
async function unknown(tx: Sql, wanted: readonly WantedNotification[]): Promise<WantedNotification[]> {
  const byId = new Map(wanted.map((one) => [one.id, one]));
  const stored = await tx.query<{ id: string }>('SELECT id FROM notifications WHERE id = ANY($1)', [[...byId.keys()]]);
  for (const { id } of stored) byId.delete(id);
  return [...byId.values()];
}

async function moveHeads(
  tx: Sql,
  stored: readonly WantedNotification[],
  heads: ReadonlyMap<string, number>,
): Promise<void> {
  const addressees = addresseesOf(stored);
  await tx.execute(
    `UPDATE notification_heads h SET seq = a.seq
     FROM unnest($1::text[], $2::text[], $3::bigint[]) AS a(org_id, user_id, seq)
     WHERE a.org_id = h.org_id AND a.user_id = h.user_id`,
    [
      addressees.map((one) => one.orgId),
      addressees.map((one) => one.userId),
      addressees.map((one) => heads.get(headKey(one))),
    ],
  );
}

async function insert(
  tx: Sql,
  raised: readonly { source: WantedNotification; seq: number }[],
  timestamp: string,
): Promise<void> {
  await tx.execute(
    `INSERT INTO notifications (org_id, user_id, seq, id, kind, severity, title, body, data, created_at)
     SELECT org_id, user_id, seq, id, kind, severity, title, body, data::jsonb, $10
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
       AS n(org_id, user_id, seq, id, kind, severity, title, body, data)`,
    [
      raised.map(({ source }) => source.orgId),
      raised.map(({ source }) => source.userId),
      raised.map(({ seq }) => seq),
      raised.map(({ source }) => source.id),
      raised.map(({ source }) => source.kind),
      raised.map(({ source }) => source.severity),
      raised.map(({ source }) => source.title),
      raised.map(({ source }) => source.body),
      raised.map(({ source }) => JSON.stringify(source.data)),
      timestamp,
    ],
  );
}
