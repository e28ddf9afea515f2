import { listNotifications } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import { recipientOf } from '../notifications/recipient.ts';
import { countUnread, readLatest } from '../notifications/store.ts';
import { orUnavailable } from '../unavailable.ts';

/** `GET /v1/orgs/:org/notifications` */
export function listNotificationsRoute(app: HttpApp, db: Database): void {
  app.mount(listNotifications, async ({ params: { org }, query: { unread, cursor, limit }, principal }) => {
    const recipient = recipientOf(principal, org);
    const [before = null] = decodeCursor(cursor, 'number') ?? [];
    const which = { unread: unread === undefined ? null : unread === 'true', before, limit: limit + 1 };
    return orUnavailable(
      db.transaction([org], async (tx) => ({
        ...pageOf(
          await readLatest(tx, recipient, which),
          limit,
          ({ seq }) => [seq],
          (item) => item,
        ),
        unread: await countUnread(tx, recipient),
      })),
    );
  });
}
