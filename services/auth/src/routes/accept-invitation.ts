import { acceptInvitation } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { SignInGuard } from '../guard-sign-in.ts';
import type { Joining, Proof } from '../sessions/joining.ts';

/** `POST /v1/auth/invitations` */
export function acceptInvitationRoute(app: HttpApp, guard: SignInGuard, joining: Joining): void {
  app.mount(acceptInvitation, async ({ body: { token, name, password, idToken }, principal, req }) => {
    const proof: Proof = idToken === undefined ? { name, password: password ?? '' } : { name, idToken };
    return guard.run('invitation', req.ip ?? null, null, () => joining.accept({ principal, req }, token, proof));
  });
}
