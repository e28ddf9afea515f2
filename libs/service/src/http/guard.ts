import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, type HttpRoute, INTERNAL_TOKEN_HEADER, type Principal, type Scope } from '@governsai/contracts';

export interface GuardOptions {
  /**
   * Says who a request speaks for, and may set headers of its answer. With `ticket` a ticket in the URL will do. @throws
   * AppError AUTH_FAILED, AUTH_EXPIRED, RATE_LIMITED or UNAVAILABLE
   */
  authenticate?: ((req: IncomingMessage, res: ServerResponse, ticket: boolean) => Promise<Principal>) | undefined;
  /** Throws FORBIDDEN unless the principal holds the scope in the org. */
  authorize?: ((principal: Principal, orgId: string, scope: Scope) => void) | undefined;
  /** What the other services send as `x-internal-token`. */
  internalToken?: string | undefined;
}

/** Who the request speaks for (null: nobody, or another service), and the check of the org once the path is read. */
interface Admission {
  principal: Principal | null;
  admitTo(params: unknown): void;
}

type Guard = (req: IncomingMessage, res: ServerResponse) => Promise<Admission>;

/**
 * Makes the guard of a route from its `auth`.
 *
 * @throws Error when the options lack what the route needs: a mistake in the service, found when it starts.
 */
export function createGuard(route: HttpRoute, options: GuardOptions): Guard {
  const { auth } = route;
  if (auth === 'none') return async () => ({ principal: null, admitTo: () => {} });
  if (auth === 'internal') {
    const { internalToken } = options;
    if (!internalToken) throw new Error(`${route.name} is internal: createHttpApp needs the option internalToken`);
    const expected = digest(internalToken);
    return async (req) => {
      const given = req.headers[INTERNAL_TOKEN_HEADER];
      // Digests are compared: equal length, and the time says nothing about the token.
      if (typeof given !== 'string' || !timingSafeEqual(digest(given), expected)) {
        throw new AppError(
          'AUTH_FAILED',
          `This route is for the services only; ${INTERNAL_TOKEN_HEADER} must hold their INTERNAL_TOKEN.`,
        );
      }
      return { principal: null, admitTo: () => {} };
    };
  }
  const { authenticate, authorize } = options;
  if (!authenticate) throw new Error(`${route.name} needs a credential: createHttpApp needs the option authenticate`);
  if (auth === 'credential')
    return async (req, res) => ({ principal: await authenticate(req, res, false), admitTo: () => {} });
  if (!authorize) throw new Error(`${route.name} needs a scope: createHttpApp needs the option authorize`);
  if (!route.path.includes('/:org'))
    throw new Error(`${route.name} needs a scope, so its path must name the org as :org`);
  return async (req, res) => {
    const principal = await authenticate(req, res, auth.ticket ?? false);
    return { principal, admitTo: (params) => authorize(principal, (params as { org: string }).org, auth.scope) };
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
