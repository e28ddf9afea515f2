import type { NotificationsRaised } from '@governsai/contracts';
import type { Sql } from '@governsai/db';
import { type AlertNotification, notificationOf, TOLD_ROLES } from '../domain/alert.ts';
import type { Alert } from '../domain/booking.ts';

/**
 * Stores the notifications of alerts for every member who may read budgets and returns the events that tell of them. One
 * that is stored already (same budget, threshold, period and user) is left out: a threshold is told of once a period (G5).
 */
export async function addAlertNotifications(
  tx: Sql,
  alerts: readonly Alert[],
  now: number,
): Promise<NotificationsRaised[]> {
  const members = await readMembers(tx, [...new Set(alerts.map((alert) => alert.budget.orgId))]);
  const wanted = alerts.flatMap((alert) =>
    (members.get(alert.budget.orgId) ?? []).map((userId) => notificationOf(alert, userId)),
  );
  if (wanted.length === 0) return [];
  const stored = await tx.query<{ id: string }>('SELECT id FROM notifications WHERE id = ANY($1)', [
    wanted.map(({ id }) => id),
  ]);
  const known = new Set(stored.map((row) => row.id));
  const raised = await placed(
    tx,
    wanted.filter(({ id }) => !known.has(id)),
    new Date(now).toISOString(),
  );
  await insert(tx, raised);
  return raised.map(({ event }) => event);
}

async function readMembers(tx: Sql, orgIds: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await tx.query<{ org_id: string; users: string[] }>(
    `SELECT org_id, array_agg(user_id ORDER BY user_id) AS users FROM memberships
     WHERE org_id = ANY($1) AND role = ANY($2) GROUP BY org_id`,
    [orgIds, TOLD_ROLES],
  );
  return new Map(rows.map((row) => [row.org_id, row.users]));
}

interface Placed {
  source: AlertNotification;
  event: NotificationsRaised;
}

/** Takes the next seqs of each user, under the lock of their heads. */
async function placed(tx: Sql, wanted: readonly AlertNotification[], timestamp: string): Promise<Placed[]> {
  const byUser = new Map<string, AlertNotification[]>();
  for (const one of wanted) {
    const key = JSON.stringify([one.orgId, one.userId]);
    byUser.set(key, [...(byUser.get(key) ?? []), one]);
  }
  const groups = [...byUser.values()];
  const heads = await tx.query<{ org_id: string; user_id: string; seq: number }>(
    `INSERT INTO notification_heads AS h (org_id, user_id, seq)
     SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u(org_id, user_id, n) ORDER BY org_id, user_id
     ON CONFLICT (org_id, user_id) DO UPDATE SET seq = h.seq + EXCLUDED.seq RETURNING org_id, user_id, seq`,
    [groups.map(([one]) => one?.orgId), groups.map(([one]) => one?.userId), groups.map((group) => group.length)],
  );
  return heads.flatMap((head) => {
    const group = byUser.get(JSON.stringify([head.org_id, head.user_id])) ?? [];
    return group.map((source, index) => {
      const { id, kind, severity, title, body, data } = source;
      const seq = head.seq - group.length + index + 1;
      const notification = { id, kind, severity, title, body, timestamp, ...data };
      return { source, event: { orgId: head.org_id, userId: head.user_id, seq, notification } };
    });
  });
}

async function insert(tx: Sql, raised: readonly Placed[]): Promise<void> {
  await tx.execute(
    `INSERT INTO notifications (org_id, user_id, seq, id, kind, severity, title, body, data, created_at)
     SELECT org_id, user_id, seq, id, kind, severity, title, body, data::jsonb, created_at
     FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
       $10::timestamptz[]) AS n(org_id, user_id, seq, id, kind, severity, title, body, data, created_at)`,
    [
      raised.map(({ event }) => event.orgId),
      raised.map(({ event }) => event.userId),
      raised.map(({ event }) => event.seq),
      raised.map(({ source }) => source.id),
      raised.map(({ source }) => source.kind),
      raised.map(({ source }) => source.severity),
      raised.map(({ source }) => source.title),
      raised.map(({ source }) => source.body),
      raised.map(({ source }) => JSON.stringify(source.data)),
      raised.map(({ event }) => event.notification.timestamp),
    ],
  );
}
