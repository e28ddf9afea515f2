import { AppError, type Principal } from '@governsai/contracts';

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
