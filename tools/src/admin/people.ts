import { randomBytes } from 'node:crypto';
import { hashPassword } from '@governsai/access/passwords';
import { announceAccessChange } from '@governsai/db';
import type { AdminCommand } from './command.ts';
import { audit, withDatabase } from './database.ts';

/** Commands on people. */
export const PEOPLE_COMMANDS: Record<string, AdminCommand> = {
  'password-reset': {
    summary: 'Gives a person a new password, prints it once, and ends all their sessions. --email PERSON',
    options: { email: { type: 'string' } },
    run: resetPassword,
  },
};

async function resetPassword(options: Readonly<Record<string, string | undefined>>): Promise<void> {
  const email = options.email?.toLowerCase();
  if (email === undefined) throw new Error('--email: give the e-mail of the person');
  const password = randomBytes(18).toString('base64url');
  const hash = await hashPassword(password);
  await withDatabase(async (db) => {
    const [person] = await db.system.query<{ id: string }>('SELECT id FROM users WHERE email = $1', [email]);
    if (!person) throw new Error(`--email: nobody here has the e-mail ${email}`);
    const { id } = person;
    const rows = await db.system.query<{ org: string }>('SELECT org_id AS org FROM orgs_of_user($1)', [id]);
    const orgs = rows.map(({ org }) => org);
    await db.transaction(orgs, async (tx) => {
      await tx.execute('UPDATE users SET password_hash = $2, sessions_not_before = now() WHERE id = $1', [id, hash]);
      for (const org of orgs) await audit(tx, org, 'password.reset', id, {});
      for (const org of orgs) await announceAccessChange(tx, org, { userId: id });
    });
    console.log(`person    ${id}`);
    console.log(`password  ${password}   (it is not shown again: to be changed by POST /v1/auth/password)`);
  });
}
