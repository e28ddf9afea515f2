import { readNotifications } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { recipientOf } from '../notifications/recipient.ts';
import { countUnread, markRead } from '../notifications/store.ts';
import { orUnavailable } from '../unavailable.ts';

/** `POST /v1/orgs/:org/notifications/read` */
export function readNotificationsRoute(app: HttpApp, db: Database): void {
  app.mount(readNotifications, async ({ params: { org }, body, principal }) => {
    const recipient = recipientOf(principal, org);
    return orUnavailable(
      db.transaction([org], async (tx) => ({
        marked: await markRead(tx, recipient, body),
        unread: await countUnread(tx, recipient),
      })),
    );
  });
}
