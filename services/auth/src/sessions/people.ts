import { randomBytes } from 'node:crypto';
import { type Role, role } from '@governsai/contracts';
import type { Database, Sql } from '@governsai/db';

/** A person, in whichever orgs. */
export interface Person {
  id: string;
  /** Null: cannot sign in by password. */
  passwordHash: string | null;
}

/** A membership of a person, as the person sees it. */
export interface OrgOfPerson {
  id: string;
  name: string;
  role: Role;
  suspendedAt: string | null;
}

const COLUMNS = 'id, password_hash AS "passwordHash"';

export async function personByEmail(sql: Sql, email: string): Promise<Person | null> {
  const [row] = await sql.query<Person>(`SELECT ${COLUMNS} FROM users WHERE email = $1`, [email]);
  return row ?? null;
}

export async function personById(sql: Sql, id: string): Promise<Person | null> {
  const [row] = await sql.query<Person>(`SELECT ${COLUMNS} FROM users WHERE id = $1`, [id]);
  return row ?? null;
}

/** The orgs a person is a member of, suspended ones included, by id. */
export async function orgsOf(db: Database, userId: string): Promise<OrgOfPerson[]> {
  const rows = await db.system.query<Omit<OrgOfPerson, 'role'> & { role: string }>(
    'SELECT org_id AS id, name, role, suspended_at AS "suspendedAt" FROM orgs_of_user($1)',
    [userId],
  );
  // A role of another release means nothing here, as for `judgeSession`.
  return rows.flatMap((row) => {
    const known = role.safeParse(row.role);
    return known.success ? [{ ...row, role: known.data }] : [];
  });
}

/** The id of a person whom no identity provider knows. */
export function newPersonId(): string {
  return `usr_${randomBytes(12).toString('hex')}`;
}

/** Adds a person. Throws a unique violation when the id or the e-mail is taken. */
export async function insertPerson(
  tx: Sql,
  person: { id: string; email: string; name: string; passwordHash: string | null },
): Promise<void> {
  await tx.execute('INSERT INTO users (id, email, name, password_hash) VALUES ($1, $2, $3, $4)', [
    person.id,
    person.email,
    person.name,
    person.passwordHash,
  ]);
}

/** Sets a password and ends every session of the person that began before. Whoever uses one must be told of the change. */
export async function setPassword(sql: Sql, userId: string, passwordHash: string): Promise<void> {
  await sql.execute('UPDATE users SET password_hash = $2, sessions_not_before = now() WHERE id = $1', [
    userId,
    passwordHash,
  ]);
}
