import type { Database } from '@governsai/db';
import type { Session, StoredKey, StoredMembership } from './verdict.ts';

// Each answer and its access version come from one statement, so from one state of the database: a change that the version
// does not count is not in the answer either.
const VERSION = 'SELECT version FROM access_state';
const ORG = `o.suspended_at AS "suspendedAt", o.keep_raw_text AS "keepRawText",
  o.rate_per_second AS "orgRatePerSecond", o.rate_burst AS "orgRateBurst"`;
const KEY_BY_HASH = `
  SELECT s.version, k.id, k.org_id AS "orgId", k.user_id AS "userId", k.role, k.scopes, k.cidrs, k.expires_at AS "expiresAt",
    k.revoked_at AS "revokedAt", k.rate_per_second AS "ratePerSecond", k.rate_burst AS "rateBurst",
    k.suspended_at AS "suspendedAt", k.keep_raw_text AS "keepRawText",
    k.org_rate_per_second AS "orgRatePerSecond", k.org_rate_burst AS "orgRateBurst"
  FROM access_state s LEFT JOIN identify_api_key($1) k ON true`;
const KEY_BY_ID = `
  SELECT s.version, k.id, k.org_id AS "orgId", k.user_id AS "userId", m.role, k.scopes, k.cidrs, k.expires_at AS "expiresAt",
    k.revoked_at AS "revokedAt", k.rate_per_second AS "ratePerSecond", k.rate_burst AS "rateBurst", ${ORG}
  FROM access_state s
    LEFT JOIN api_keys k ON k.org_id = $1 AND k.id = $2
    LEFT JOIN organizations o ON o.id = k.org_id
    LEFT JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.user_id`;
const MEMBERSHIP = `
  SELECT s.version, m.role, u.sessions_not_before AS "sessionsNotBefore", n.created_at AS "sessionCreatedAt",
    n.expires_at AS "sessionExpiresAt", n.revoked_at AS "sessionRevokedAt", coalesce(o.keep_raw_text, false) AS "keepRawText",
    o.suspended_at AS "suspendedAt", o.rate_per_second AS "orgRatePerSecond", o.rate_burst AS "orgRateBurst"
  FROM access_state s
    LEFT JOIN organizations o ON o.id = $1
    LEFT JOIN memberships m ON m.org_id = o.id AND m.user_id = $2
    LEFT JOIN users u ON u.id = m.user_id
    LEFT JOIN sessions n ON n.org_id = m.org_id AND n.user_id = m.user_id AND n.id = $3`;

/** Something stored, with the access version it was read at. */
export interface At<Stored> {
  version: number;
  stored: Stored;
}

type Row<Stored> = { version: number } & { [K in keyof Stored]: Stored[K] | null };

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

  /** The key whose present or previous secret has this SHA-256; null when there is none. */
  async key(keyHash: string): Promise<At<StoredKey | null>> {
    const [row] = await this.#db.system.query<Row<StoredKey>>(KEY_BY_HASH, [keyHash]);
    return keyOf(theRow(row));
  }

  /** The key with this id; null when the org has none such. */
  async keyById(orgId: string, keyId: string): Promise<At<StoredKey | null>> {
    const [row] = await this.#db.transaction([orgId], (tx) => tx.query<Row<StoredKey>>(KEY_BY_ID, [orgId, keyId]));
    return keyOf(theRow(row));
  }

  async membership({
    orgId,
    userId,
    sessionId,
  }: Pick<Session, 'orgId' | 'userId' | 'sessionId'>): Promise<At<StoredMembership>> {
    const [row] = await this.#db.transaction([orgId], (tx) =>
      tx.query<{ version: number } & StoredMembership>(MEMBERSHIP, [orgId, userId, sessionId]),
    );
    const { version, ...stored } = theRow(row);
    return { version, stored };
  }
}

function keyOf({ version, id, ...rest }: Row<StoredKey>): At<StoredKey | null> {
  return { version, stored: id === null ? null : ({ id, ...rest } as StoredKey) };
}

function theRow<R>(row: R | undefined): R {
  if (!row) throw new Error('access_state has no row: run the migrations');
  return row;
}
