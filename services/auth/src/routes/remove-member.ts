import { removeMember } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { revokeKeysOf } from '../keys/key-store.ts';
import { deleteMember, lockMember, requireOtherOwner } from '../orgs/member-store.ts';
import { actingRole, caller, requireRank } from '../rights.ts';
import { revokeSessionsOf } from '../sessions/session-store.ts';

/** `DELETE /v1/orgs/:org/members/:userId` */
export function removeMemberRoute(app: HttpApp, changes: Changes): void {
  app.mount(removeMember, async ({ params: { org, userId }, principal, req }) =>
    changes.make<undefined>({ principal, req }, org, async (tx) => {
      const before = await lockMember(tx, org, userId);
      requireRank(await actingRole(tx, caller(principal)), before.role);
      if (before.role === 'owner') await requireOtherOwner(tx, org, userId);
      await deleteMember(tx, org, userId);
      // Ended, not only refused: who is invited again does not get old keys and sessions back.
      await revokeSessionsOf(tx, org, userId, 'member removed');
      const keys = await revokeKeysOf(tx, org, userId, new Date().toISOString());
      const detail = { before: { role: before.role }, after: null, revokedKeys: keys };
      return { result: undefined, audit: [{ action: 'member.remove', target: userId, detail }], access: { userId } };
    }),
  );
}
