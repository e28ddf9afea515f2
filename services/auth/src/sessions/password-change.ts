import { AppError, type Principal } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { AuditSource } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { reachable } from '../reachable.ts';
import type { Passwords } from './passwords.ts';
import { orgsOf, personById, setPassword } from './people.ts';
import { SignInRefused } from './sign-in.ts';

export interface PasswordChangeOptions {
  db: Database;
  changes: Changes;
  passwords: Passwords;
}

/**
 * Changes the password of a session's person and ends all sessions of that person, in every org.
 *
 * @throws FORBIDDEN for a credential without a password, SignInRefused when `current` is not it, UNAVAILABLE.
 */
export async function changePassword(
  { db, changes, passwords }: PasswordChangeOptions,
  source: AuditSource & { principal: Principal },
  current: string,
  next: string,
): Promise<void> {
  const { kind, userId, orgId } = source.principal;
  const person = kind === 'session' && userId !== null ? await reachable(() => personById(db.system, userId)) : null;
  if (!person || person.passwordHash === null) {
    throw new AppError('FORBIDDEN', 'this credential has no password: sign in by one to change it');
  }
  if (!(await passwords.fits(current, person.passwordHash))) {
    throw new SignInRefused('AUTH_FAILED', 'current: it is not the present password', { orgId, userId: person.id });
  }
  const hash = await passwords.hash(next);
  const others = (await reachable(() => orgsOf(db, person.id))).map(({ id }) => id).filter((id) => id !== orgId);
  await changes.make(source, orgId, async (tx) => {
    await setPassword(tx, person.id, hash);
    return {
      result: undefined,
      audit: [{ action: 'password.change', target: person.id }],
      access: { userId: person.id },
    };
  });
  // It is true in every org from the first on; the others only have to hear of it.
  for (const other of others) {
    await changes.make(source, other, async () => ({ result: undefined, audit: [], access: { userId: person.id } }));
  }
}
