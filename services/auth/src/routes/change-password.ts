import { changePassword } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { SignInGuard } from '../guard-sign-in.ts';
import { caller } from '../rights.ts';
import { changePassword as change, type PasswordChangeOptions } from '../sessions/password-change.ts';

/** `POST /v1/auth/password` */
export function changePasswordRoute(app: HttpApp, guard: SignInGuard, options: PasswordChangeOptions): void {
  app.mount(changePassword, async ({ body: { current, password }, principal, req }) => {
    const by = caller(principal);
    // Whoever stole a session must not guess the password with it.
    await guard.run('password', req.ip ?? null, by.userId, () =>
      change(options, { principal: by, req }, current, password),
    );
    return undefined;
  });
}
