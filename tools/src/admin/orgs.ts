import { randomBytes } from 'node:crypto';
import { type NewSecret, newApiKey, newOrgSecret, SYSTEM_ORG } from '@governsai/access';
import { orgId as orgIdSchema, SCOPES, type Scope, scope } from '@governsai/contracts';
import { announceAccessChange, type Sql } from '@governsai/db';
import type { AdminCommand } from './command.ts';
import { audit, withDatabase } from './database.ts';
import { invitationIn, keyIn } from './given-secrets.ts';

// What no credential may do, because it is about orgs as a whole: it is done by whoever runs the installation.

const HOUR_MS = 60 * 60 * 1000;
const INVITATION_HOURS = 72;
/** Two who bootstrap at once: one of them finds an org. */
const BOOTSTRAP_LOCK = 7_206_110_413;

type Options = Readonly<Record<string, string | undefined>>;
const text = { type: 'string' } as const;

/** Commands on orgs. */
export const ORG_COMMANDS: Record<string, AdminCommand> = {
  bootstrap: {
    summary:
      'Makes the first org of an empty installation and prints its key once. --org SLUG, --name NAME, --email OWNER, --key-file PATH (takes that key, prints none, and is content with an installation that has orgs), --invitation-file PATH (the same for the owner)',
    options: { org: text, name: text, email: text, 'key-file': text, 'invitation-file': text },
    run: (options) => createOrg(options, 'first'),
  },
  'org-create': {
    summary: 'Makes another org and prints its key once. --org SLUG, --name NAME, --email OWNER',
    options: { org: text, name: text, email: text },
    run: (options) => createOrg(options, 'further'),
  },
  'org-suspend': {
    summary: 'Stops everything of an org within a second. --org SLUG',
    options: { org: text },
    run: (options) => setSuspended(options, true),
  },
  'org-resume': {
    summary: 'Lets a suspended org go on. --org SLUG',
    options: { org: text },
    run: (options) => setSuspended(options, false),
  },
  'org-limit': {
    summary:
      'Limits the requests of an org a second; without numbers, as the installation. --org SLUG, --per-second N, --burst N',
    options: { org: text, 'per-second': text, burst: text },
    run: limitOrg,
  },
  'key-new': {
    summary: 'Prints a new API key that nobody knows yet, for the secret that bootstrap --key-file reads.',
    options: {},
    run: async () => console.log(newApiKey().secret),
  },
  'invitation-new': {
    summary: 'Prints a new invitation that nobody knows yet, for bootstrap --invitation-file. --org SLUG',
    options: { org: text },
    run: async (options) => console.log(newOrgSecret('gav_', orgOf(options)).secret),
  },
  'key-create': {
    summary: 'Makes an API key and prints it once. --org SLUG, --name NAME, --scopes A,B (all by default)',
    options: { org: text, name: text, scopes: text },
    run: createKey,
  },
};

async function createOrg(options: Options, which: 'first' | 'further'): Promise<void> {
  const org = orgOf(options);
  if (org === SYSTEM_ORG) throw new Error(`--org: ${org} is a name of our own; choose another one`);
  const name = options.name ?? org;
  const email = options.email?.toLowerCase();
  const given = options['key-file'] === undefined ? null : keyIn(options['key-file']);
  const invitationFile = options['invitation-file'];
  const invitation = invitationFile === undefined ? null : invitationIn(invitationFile, org);
  if (invitation !== null && email === undefined) throw new Error('--email: say whom --invitation-file is for');
  if (email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(email)) throw new Error('--email: give the e-mail of the owner');
  await withDatabase(async (db) => {
    const made = await db.transaction([org], async (tx) => {
      await tx.execute('SELECT pg_advisory_xact_lock($1)', [BOOTSTRAP_LOCK]);
      const [state] = await tx.query<{ some: boolean }>('SELECT has_organizations() AS some');
      if (which === 'first' && state?.some && given !== null) return null;
      if (which === 'first' && state?.some) {
        throw new Error('there is an org already: add more with org-create, or a key with key-create');
      }
      const added = await tx.execute('INSERT INTO organizations (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
        org,
        name,
      ]);
      if (added === 0) throw new Error(`--org: there is an org ${org} already; choose another name`);
      const key = await insertKey(tx, org, 'First key', SCOPES, given ?? newApiKey());
      const token =
        email === undefined ? null : await inviteOwner(tx, org, email, invitation ?? newOrgSecret('gav_', org));
      await audit(tx, org, 'org.create', org, { name });
      await announceAccessChange(tx, org, {});
      return { key, token };
    });
    if (made === null) {
      console.log('There is an org already; nothing to do.');
      return;
    }
    console.log(`org         ${org}`);
    console.log(given ? 'api key     as given' : `api key     ${made.key}   (all scopes; it is not shown again)`);
    if (made.token !== null) {
      console.log(`invitation  ${invitation ? 'as given' : made.token}`);
      console.log(
        `            for ${email} to become the owner within ${INVITATION_HOURS} h: POST /v1/auth/invitations`,
      );
    }
  });
}

async function setSuspended(options: Options, suspended: boolean): Promise<void> {
  const org = orgOf(options);
  await changeOrg(org, suspended ? 'org.suspend' : 'org.resume', {}, (tx) =>
    tx.execute(
      `UPDATE organizations SET suspended_at = CASE WHEN $2 THEN coalesce(suspended_at, now()) END WHERE id = $1`,
      [org, suspended],
    ),
  );
  console.log(`${org} ${suspended ? 'is suspended' : 'goes on'}.`);
}

async function limitOrg(options: Options): Promise<void> {
  const org = orgOf(options);
  const perSecond = countOf(options, 'per-second');
  const burst = countOf(options, 'burst') ?? perSecond;
  if (perSecond === null && burst !== null) throw new Error('--per-second: give it beside --burst');
  await changeOrg(org, 'org.limit', { perSecond, burst }, (tx) =>
    tx.execute('UPDATE organizations SET rate_per_second = $2, rate_burst = $3 WHERE id = $1', [org, perSecond, burst]),
  );
  console.log(
    perSecond === null ? `${org} has the limit of the installation.` : `${org} may ask ${perSecond} times a second.`,
  );
}

async function createKey(options: Options): Promise<void> {
  const org = orgOf(options);
  const scopes = options.scopes === undefined ? [...SCOPES] : options.scopes.split(',').map(scopeOf);
  await withDatabase(async (db) => {
    const key = await db.transaction([org], async (tx) => {
      const [there] = await tx.query('SELECT 1 FROM organizations WHERE id = $1', [org]);
      if (!there) throw new Error(`--org: there is no org ${org}`);
      return insertKey(tx, org, options.name ?? 'Made by an operator', scopes, newApiKey());
    });
    console.log(key);
  });
}

async function changeOrg(
  org: string,
  action: string,
  detail: object,
  change: (tx: Sql) => Promise<number>,
): Promise<void> {
  await withDatabase((db) =>
    db.transaction([org], async (tx) => {
      if ((await change(tx)) === 0) throw new Error(`--org: there is no org ${org}`);
      await audit(tx, org, action, org, detail);
      await announceAccessChange(tx, org, {});
    }),
  );
}

async function insertKey(
  tx: Sql,
  org: string,
  name: string,
  scopes: readonly Scope[],
  { secret, hash, prefix }: ReturnType<typeof newApiKey>,
): Promise<string> {
  const id = `key_${randomBytes(12).toString('hex')}`;
  await tx.execute(
    'INSERT INTO api_keys (id, org_id, name, prefix, key_hash, scopes, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)',
    [id, org, name, prefix, hash, scopes, new Date().toISOString()],
  );
  await audit(tx, org, 'key.create', id, { name, scopes });
  return secret;
}

async function inviteOwner(tx: Sql, org: string, email: string, { secret, hash }: NewSecret): Promise<string> {
  const id = `inv_${randomBytes(12).toString('hex')}`;
  const now = Date.now();
  await tx.execute(
    `INSERT INTO invitations (id, org_id, email, role, token_hash, created_at, expires_at) VALUES ($1, $2, $3, 'owner', $4, $5, $6)`,
    [id, org, email, hash, new Date(now).toISOString(), new Date(now + INVITATION_HOURS * HOUR_MS).toISOString()],
  );
  await audit(tx, org, 'invitation.create', id, { email, role: 'owner' });
  return secret;
}

function orgOf({ org }: Options): string {
  const parsed = orgIdSchema.safeParse(org);
  if (parsed.success) return parsed.data;
  throw new Error('--org: give the slug of the org: 1 to 63 of a-z, 0-9 and "-"');
}

function scopeOf(name: string): Scope {
  const parsed = scope.safeParse(name.trim());
  if (parsed.success) return parsed.data;
  throw new Error(`--scopes: there is no scope ${name}; use some of ${SCOPES.join(', ')}`);
}

function countOf(options: Options, name: string): number | null {
  const given = options[name];
  if (given === undefined) return null;
  if (/^[1-9]\d{0,6}$/.test(given)) return Number(given);
  throw new Error(`--${name}: give a number from 1 on`);
}
