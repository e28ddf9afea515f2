import { refreshSession } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { SignInGuard } from '../guard-sign-in.ts';
import type { SignIn } from '../sessions/sign-in.ts';

/** `POST /v1/auth/refresh` */
export function refreshSessionRoute(app: HttpApp, guard: SignInGuard, signIn: SignIn): void {
  app.mount(refreshSession, async ({ body: { refreshToken }, principal, req }) =>
    guard.present('refresh', req.ip ?? null, () => signIn.refresh({ principal, req }, refreshToken)),
  );
}
