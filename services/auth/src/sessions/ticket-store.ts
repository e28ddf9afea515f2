import type { Principal } from '@governsai/contracts';
import type { Database, Sql } from '@governsai/db';

/** How long a ticket may be redeemed. */
const TICKET_MS = 30_000;
/** How long a connection that was made by a ticket may go on without AUTH. */
const CONNECTION_MS = 24 * 60 * 60 * 1000;

/** What a redeemed ticket was made with. Times are RFC 3339 UTC. */
export interface TicketOwner {
  orgId: string;
  userId: string | null;
  /** Null: it was made with a session. */
  keyId: string | null;
  sessionId: string | null;
  createdAt: string;
  /** When it stops speaking for its owner. */
  endsAt: string;
}

interface Row {
  userId: string | null;
  keyId: string | null;
  sessionId: string | null;
  createdAt: string;
  credentialExpiresAt: string | null;
}

const INSERT = `
  INSERT INTO connection_tickets (ticket_hash, org_id, user_id, key_id, session_id, created_at, expires_at, credential_expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
// Who comes first has it. The same one may ask again: when its credential is verified anew, or an answer was lost.
const REDEEM = `
  UPDATE connection_tickets SET redeemer = $3
  WHERE ticket_hash = $1 AND org_id = $2 AND (redeemer = $3 OR (redeemer IS NULL AND expires_at > $4))
  RETURNING user_id AS "userId", key_id AS "keyId", session_id AS "sessionId", created_at AS "createdAt",
    credential_expires_at AS "credentialExpiresAt"`;

// What was made with the present secret ends with it; what ends by the end of the secret before was made with that one, which
// is over now. A key that ends by then itself is not told apart: its connections have to be made anew.
const END_WITH_SECRET = `
  UPDATE connection_tickets t
  SET credential_expires_at = CASE
    WHEN k.previous_expires_at IS NOT NULL AND t.credential_expires_at <= k.previous_expires_at THEN $3::timestamptz
    ELSE least(t.credential_expires_at, $4::timestamptz)
  END
  FROM api_keys k
  WHERE k.org_id = $1 AND k.id = $2 AND t.org_id = k.org_id AND t.key_id = k.id`;

/**
 * Lets the connections that were made by tickets of a key end with its present secret, at `endsAt`: call it before the secret
 * is replaced, in the same transaction. Times are RFC 3339 UTC.
 */
export async function endTicketsOfSecret(
  tx: Sql,
  orgId: string,
  keyId: string,
  now: string,
  endsAt: string,
): Promise<void> {
  await tx.execute(END_WITH_SECRET, [orgId, keyId, now, endsAt]);
}

/** The tickets for connections. Every method throws what {@link Database} throws. */
export class TicketStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Stores a ticket of a principal by its SHA-256; returns when it can no longer be redeemed. */
  async add(ticketHash: string, principal: Principal, now: Date): Promise<string> {
    const { orgId, userId, keyId, sessionId = null, expiresAt } = principal;
    const ends = new Date(now.getTime() + TICKET_MS).toISOString();
    await this.#db.transaction([orgId], (tx) =>
      tx.execute(INSERT, [ticketHash, orgId, userId, keyId, sessionId, now.toISOString(), ends, expiresAt]),
    );
    return ends;
  }

  /** Binds a ticket to its first redeemer; null for everybody else, and when it is unknown or too late. */
  async redeem(ticketHash: string, orgId: string, redeemer: string, now: Date): Promise<TicketOwner | null> {
    const [row] = await this.#db.transaction([orgId], (tx) =>
      tx.query<Row>(REDEEM, [ticketHash, orgId, redeemer, now.toISOString()]),
    );
    if (!row) return null;
    const { credentialExpiresAt, ...owner } = row;
    const limit = Date.parse(owner.createdAt) + CONNECTION_MS;
    const end = credentialExpiresAt === null ? limit : Math.min(limit, Date.parse(credentialExpiresAt));
    return { orgId, ...owner, endsAt: new Date(end).toISOString() };
  }
}
