import { AppError, logout } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { caller } from '../rights.ts';
import { revokeSession } from '../sessions/session-store.ts';

/** `POST /v1/auth/logout` */
export function logoutRoute(app: HttpApp, changes: Changes): void {
  app.mount(logout, async ({ principal, req }) => {
    const { orgId, sessionId } = caller(principal);
    if (sessionId === undefined) {
      throw new AppError(
        'FORBIDDEN',
        'this credential is no session that began here: revoke the key, or sign out where it began',
      );
    }
    return changes.make<undefined>({ principal, req }, orgId, async (tx) => {
      const ended = await revokeSession(tx, orgId, sessionId, 'logout');
      const audit = ended ? [{ action: 'session.end', target: sessionId }] : [];
      return { result: undefined, audit, access: { sessionId } };
    });
  });
}
