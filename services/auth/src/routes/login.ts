import { login } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { SignInGuard } from '../guard-sign-in.ts';
import type { SignIn } from '../sessions/sign-in.ts';

/** `POST /v1/auth/login` */
export function loginRoute(app: HttpApp, guard: SignInGuard, signIn: SignIn): void {
  app.mount(login, async ({ body: { email, password, org }, principal, req }) =>
    guard.run('login', req.ip ?? null, email, () => signIn.login({ principal, req }, email, password, org)),
  );
}
