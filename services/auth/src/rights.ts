import { AppError, type Principal, type Role, role, type Scope } from '@governsai/contracts';
import type { Sql } from '@governsai/db';

const RANK: Readonly<Record<Role, number>> = { viewer: 0, member: 1, admin: 2, owner: 3 };

/**
 * The role somebody acts in: of the person a credential speaks for. A key of no person acts as an admin at most, whatever
 * its scopes: owners are people.
 */
export async function actingRole(tx: Sql, { orgId, userId }: Principal): Promise<Role> {
  if (userId === null) return 'admin';
  return (await roleOf(tx, orgId, userId)) ?? 'viewer';
}

/** The role of a person in an org; null for who is no member. */
export async function roleOf(tx: Sql, orgId: string, userId: string): Promise<Role | null> {
  const [row] = await tx.query<{ role: string }>('SELECT role FROM memberships WHERE org_id = $1 AND user_id = $2', [
    orgId,
    userId,
  ]);
  return role.safeParse(row?.role).data ?? null;
}

/** Throws FORBIDDEN when one of the roles is above the acting one: nobody gives or takes what is above them. */
export function requireRank(acting: Role, ...roles: readonly Role[]): void {
  const above = roles.find((other) => RANK[other] > RANK[acting]);
  if (above) throw new AppError('FORBIDDEN', `this is for ${above}s: ask one of them`);
}

/** Throws FORBIDDEN when somebody would handle a scope that they lack. */
function requireScopes(principal: Principal, scopes: readonly Scope[]): void {
  const lacking = scopes.find((scope) => !principal.scopes.includes(scope));
  if (lacking) {
    throw new AppError('FORBIDDEN', `scopes: the credential lacks ${lacking}, so it cannot handle a key that has it`, {
      path: 'scopes',
    });
  }
}

/**
 * Throws FORBIDDEN unless the principal may have the secret of such a key in hands: it must hold all of the key's scopes, and
 * of another person's key also org:admin and no lower a role, because whoever has the secret speaks for that person.
 */
export async function requireHold(
  tx: Sql,
  principal: Principal,
  key: { userId: string | null; scopes: readonly Scope[] },
): Promise<void> {
  requireScopes(principal, key.scopes);
  if (key.userId === null || key.userId === principal.userId) return;
  requireScopes(principal, ['org:admin']);
  const theirs = await roleOf(tx, principal.orgId, key.userId);
  if (theirs) requireRank(await actingRole(tx, principal), theirs);
}

/** The principal of a guarded route. Throws when the route has no guard, which is a mistake in the service. */
export function caller(principal: Principal | null): Principal {
  if (!principal) throw new Error('the route is open and has no principal');
  return principal;
}
