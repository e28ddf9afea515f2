import { listInvitations } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { decodeCursor, pageOf } from '../cursor.ts';
import { readInvitations } from '../orgs/invitation-store.ts';
import { inOrg } from '../reachable.ts';

/** `GET /v1/orgs/:org/invitations` */
export function listInvitationsRoute(app: HttpApp, db: Database): void {
  app.mount(listInvitations, async ({ params: { org }, query: { cursor, limit } }) => {
    const after = decodeCursor(cursor);
    const rows = await inOrg(db, org, (tx) => readInvitations(tx, org, after, limit));
    return pageOf(
      rows,
      limit,
      (invitation) => invitation,
      (invitation) => [invitation.createdAt, invitation.id],
    );
  });
}
