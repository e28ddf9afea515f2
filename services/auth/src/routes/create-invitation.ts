import { randomBytes } from 'node:crypto';
import { newOrgSecret } from '@governsai/access';
import { AppError, createInvitation, type Invitation } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { countOpenInvitations, insertInvitation } from '../orgs/invitation-store.ts';
import { actingRole, caller, requireRank } from '../rights.ts';

const HOUR_MS = 60 * 60 * 1000;
const MAX_OPEN = 1000;

/** `POST /v1/orgs/:org/invitations` */
export function createInvitationRoute(app: HttpApp, changes: Changes): void {
  app.mount(createInvitation, async ({ params: { org }, body: { email, role, expiresInHours }, principal, req }) => {
    const by = caller(principal);
    const { secret, hash } = newOrgSecret('gav_', org);
    const made = await changes.make<Invitation>({ principal, req }, org, async (tx) => {
      requireRank(await actingRole(tx, by), role);
      if ((await countOpenInvitations(tx, org)) >= MAX_OPEN) {
        throw new AppError('CONFLICT', `org ${org} has ${MAX_OPEN} open invitations: take some back first`);
      }
      const now = Date.now();
      const after = await insertInvitation(tx, {
        id: `inv_${randomBytes(12).toString('hex')}`,
        orgId: org,
        email,
        role,
        tokenHash: hash,
        invitedBy: by.userId ?? by.keyId,
        createdAt: new Date(now).toISOString(),
        expiresAt: new Date(now + expiresInHours * HOUR_MS).toISOString(),
      });
      return {
        result: after,
        audit: [{ action: 'invitation.create', target: after.id, detail: { before: null, after } }],
      };
    });
    return { ...made, token: secret };
  });
}
