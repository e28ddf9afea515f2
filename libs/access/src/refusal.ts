import { AppError, type Principal } from '@governsai/contracts';
import { isInNetworks } from '@governsai/service';

/** Whose a credential is. */
export type Owner = Pick<Principal, 'orgId' | 'userId' | 'keyId'>;

/** A credential was refused; whose it is, is known all the same. Never sent: the audit log tells it to that org alone. */
export class RefusedError extends AppError {
  readonly of: Owner;

  constructor(code: 'AUTH_FAILED' | 'AUTH_EXPIRED', message: string, { orgId, userId, keyId }: Owner) {
    super(code, message);
    this.of = { orgId, userId, keyId };
  }
}

/** The refusal of a credential. The same words whatever is wrong with it: they are no help in guessing. */
export function refusalOf(code: 'AUTH_FAILED' | 'AUTH_EXPIRED', of: Owner | null): AppError {
  const message =
    code === 'AUTH_EXPIRED'
      ? 'the credential has expired: use a new API key, or sign in again'
      : 'the credential is not valid: use a current API key, or sign in again';
  return of ? new RefusedError(code, message, of) : new AppError(code, message);
}

/** Throws RefusedError when a key that is bound to networks is used from elsewhere, or from nobody knows where. */
export function requireNetwork(principal: Principal, ip: string | null): void {
  const cidrs = principal.terms?.cidrs;
  if (cidrs === undefined || (ip !== null && isInNetworks(ip, cidrs))) return;
  const message = 'the API key may not be used from this address: use it from the networks it is bound to';
  throw new RefusedError('AUTH_FAILED', message, principal);
}
