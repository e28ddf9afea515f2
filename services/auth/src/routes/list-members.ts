import { listMembers } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { decodeCursor, pageOf } from '../cursor.ts';
import { readMembers } from '../orgs/member-store.ts';
import { inOrg } from '../reachable.ts';

/** `GET /v1/orgs/:org/members` */
export function listMembersRoute(app: HttpApp, db: Database): void {
  app.mount(listMembers, async ({ params: { org }, query: { cursor, limit } }) => {
    const after = decodeCursor(cursor)?.[1] ?? null;
    const rows = await inOrg(db, org, (tx) => readMembers(tx, org, after, limit));
    return pageOf(
      rows,
      limit,
      (member) => member,
      (member) => ['', member.userId],
    );
  });
}
