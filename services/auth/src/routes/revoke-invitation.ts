import { revokeInvitation } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { revokeInvitation as revoke } from '../orgs/invitation-store.ts';

/** `DELETE /v1/orgs/:org/invitations/:id` */
export function revokeInvitationRoute(app: HttpApp, changes: Changes): void {
  app.mount(revokeInvitation, async ({ params: { org, id }, principal, req }) =>
    changes.make<undefined>({ principal, req }, org, async (tx) => {
      const before = await revoke(tx, org, id);
      return {
        result: undefined,
        audit: [{ action: 'invitation.revoke', target: id, detail: { before, after: null } }],
      };
    }),
  );
}
