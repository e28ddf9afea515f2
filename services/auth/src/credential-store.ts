import type { Database } from '@governsai/db';
import type { StoredKey, StoredMembership } from './verdict.ts';

// Each answer and its access version come from one statement, so from one state of the database: a change that the version
// does not count is not in the answer either.
const VERSION = 'SELECT version FROM access_state';
const KEY = `
  SELECT s.version, k.id, k.org_id AS "orgId", k.user_id AS "userId", k.scopes, k.expires_at AS "expiresAt",
    k.revoked_at AS "revokedAt", k.suspended_at AS "suspendedAt"
  FROM access_state s LEFT JOIN find_api_key($1) k ON true`;
const MEMBERSHIP = `
  SELECT s.version, m.role, o.suspended_at AS "suspendedAt"
  FROM access_state s
    LEFT JOIN organizations o ON o.id = $1
    LEFT JOIN memberships m ON m.org_id = o.id AND m.user_id = $2`;

/** Something stored, with the access version it was read at. */
export interface At<Stored> {
  version: number;
  stored: Stored;
}

/** What PostgreSQL knows of credentials. Every method throws what {@link Database} throws. */
export class CredentialStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async version(): Promise<number> {
    const [row] = await this.#db.system.query<{ version: number }>(VERSION);
    return theRow(row).version;
  }

  /** The key with this SHA-256; null when there is none. */
  async key(keyHash: string): Promise<At<StoredKey | null>> {
    type Row = { version: number } & { [K in keyof StoredKey]: StoredKey[K] | null };
    const [row] = await this.#db.system.query<Row>(KEY, [keyHash]);
    const { version, id, ...rest } = theRow(row);
    return { version, stored: id === null ? null : ({ id, ...rest } as StoredKey) };
  }

  async membership(orgId: string, userId: string): Promise<At<StoredMembership>> {
    const [row] = await this.#db.transaction([orgId], (tx) =>
      tx.query<{ version: number } & StoredMembership>(MEMBERSHIP, [orgId, userId]),
    );
    const { version, role, suspendedAt } = theRow(row);
    return { version, stored: { role, suspendedAt } };
  }
}

function theRow<Row>(row: Row | undefined): Row {
  if (!row) throw new Error('access_state has no row: run the migrations');
  return row;
}
