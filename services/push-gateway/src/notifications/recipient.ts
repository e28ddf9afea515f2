import { AppError, type Principal } from '@governsai/contracts';
import type { Recipient } from './store.ts';

/** Whose notifications a caller may see: those of its own user. Throws FORBIDDEN for a key that belongs to nobody. */
export function recipientOf(principal: Principal | null, orgId: string): Recipient {
  const userId = principal?.userId ?? null;
  if (userId === null) {
    throw new AppError(
      'FORBIDDEN',
      'this key belongs to no user, and notifications do: use a session or a personal key',
    );
  }
  return { orgId, userId };
}
