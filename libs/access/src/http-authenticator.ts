import type { IncomingMessage } from 'node:http';
import { AppError, type Principal } from '@governsai/contracts';
import type { Access } from './access.ts';
import { credentialFromHttp } from './credential.ts';

/** The `authenticate` option of an HTTP app: verifies the bearer credential of a request. */
export function httpAuthenticator(access: Pick<Access, 'verify'>): (req: IncomingMessage) => Promise<Principal> {
  return async (req) => {
    const credential = credentialFromHttp(req);
    if (!credential)
      throw new AppError(
        'AUTH_FAILED',
        'no credential was sent: add the header Authorization: Bearer <API key or token>',
      );
    return access.verify(credential);
  };
}
