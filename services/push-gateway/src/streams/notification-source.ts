import type { NotificationsRaised } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { frameText } from '@governsai/socket';
import { orUnavailable } from '../unavailable.ts';
import { PageReader } from './page-reader.ts';
import { framedPush, type Push } from './ring.ts';
import type { StreamSource } from './stream-source.ts';

const PAGE_CACHE_BYTES = 4 * 1024 * 1024;

interface Recipient {
  orgId: string;
  userId: string;
}

type Notification = NotificationsRaised['notification'];

interface Row {
  id: string;
  kind: string;
  severity: Notification['severity'];
  title: string;
  body: string;
  seq: number;
  data: Record<string, unknown>;
  created_at: string;
}

/** A stored notification, as its NOTIFICATION message. */
export function notificationPush(userId: string, seq: number, data: Notification): Push {
  const message = { type: 'NOTIFICATION', channel: `user:${userId}:notifications`, seq, data };
  return framedPush(seq, frameText(JSON.stringify(message)));
}

/** Reads the stored notifications of any user in an org. */
export function notificationSources(db: Database): (orgId: string, userId: string) => StreamSource {
  const pages = new PageReader<Recipient>(
    (recipient, afterSeq, toSeq) => orUnavailable(readPage(db, recipient, afterSeq, toSeq)),
    ({ orgId, userId }) => `${orgId}:${userId}`,
    PAGE_CACHE_BYTES,
  );
  return (orgId, userId) => ({
    head: () => orUnavailable(readHead(db, { orgId, userId })),
    after: (seq) => pages.after({ orgId, userId }, seq),
  });
}

async function readHead(db: Database, { orgId, userId }: Recipient) {
  const [row] = await db.transaction([orgId], (tx) =>
    tx.query<{ last_seq: number; first_seq: number }>(
      `SELECT h.seq AS last_seq, COALESCE((SELECT min(n.seq) FROM notifications n
         WHERE n.org_id = h.org_id AND n.user_id = h.user_id), h.seq + 1) AS first_seq
       FROM notification_heads h WHERE h.org_id = $1 AND h.user_id = $2`,
      [orgId, userId],
    ),
  );
  return { lastSeq: row?.last_seq ?? 0, firstSeq: row?.first_seq ?? 1 };
}

async function readPage(db: Database, { orgId, userId }: Recipient, afterSeq: number, toSeq: number) {
  const rows = await db.transaction([orgId], (tx) =>
    tx.query<Row>(
      `SELECT seq, id, kind, severity, title, body, data, created_at FROM notifications
       WHERE org_id = $1 AND user_id = $2 AND seq > $3 AND seq <= $4 ORDER BY seq`,
      [orgId, userId, afterSeq, toSeq],
    ),
  );
  return rows.map(({ seq, data, created_at: timestamp, id, kind, severity, title, body }) =>
    notificationPush(userId, seq, { id, kind, severity, title, body, timestamp, ...data }),
  );
}
