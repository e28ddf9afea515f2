import { type Member, updateMember } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { lockMember, requireOtherOwner, saveRole } from '../orgs/member-store.ts';
import { actingRole, caller, requireRank } from '../rights.ts';

/** `PATCH /v1/orgs/:org/members/:userId` */
export function updateMemberRoute(app: HttpApp, changes: Changes): void {
  app.mount(updateMember, async ({ params: { org, userId }, body: { role }, principal, req }) =>
    changes.make<Member>({ principal, req }, org, async (tx) => {
      const before = await lockMember(tx, org, userId);
      requireRank(await actingRole(tx, caller(principal)), before.role, role);
      if (before.role === 'owner' && role !== 'owner') await requireOtherOwner(tx, org, userId);
      await saveRole(tx, org, userId, role);
      const after = { ...before, role };
      const detail = { before: { role: before.role }, after: { role } };
      return { result: after, audit: [{ action: 'member.update', target: userId, detail }], access: { userId } };
    }),
  );
}
