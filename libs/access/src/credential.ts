import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AppError } from '@governsai/contracts';
import { isMistypedKey, orgOfSecret, secretHash } from './secret.ts';

/**
 * What a client shows to say who it is: an API key (`gai_…`), a session's JWT, or a ticket (`gat_…`) with the name of the one
 * connection that it is for.
 */
export type Credential = { apiKey: string } | { token: string } | { ticket: string; redeemer: string };

const API_KEY_PREFIX = 'gai_';
const MAX_KEY_LENGTH = 512;
const MAX_TOKEN_LENGTH = 16_384;
const SUBPROTOCOL_PREFIX = 'bearer.';

/** Tells an API key from a token by its prefix. */
function credentialOf(text: string): Credential {
  return text.startsWith(API_KEY_PREFIX) ? { apiKey: text } : { token: text };
}

/** The credential of `Authorization: Bearer …`; null when there is none. */
export function credentialFromHttp(req: IncomingMessage): Credential | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '')?.[1];
  return bearer === undefined ? null : credentialOf(bearer);
}

const redeemers = new WeakMap<IncomingMessage, string>();

/** The credential of `Authorization`, else the ticket of `?ticket=`: of one request the same whenever it is asked. */
export function credentialFromStream(req: IncomingMessage): Credential | null {
  const ticket = queryOf(req)?.get('ticket');
  if (req.headers.authorization !== undefined || !ticket) return credentialFromHttp(req);
  const redeemer = redeemers.get(req) ?? randomUUID();
  redeemers.set(req, redeemer);
  return { ticket, redeemer };
}

/**
 * What the request for a WebSocket says: the credential of the first of `?key=`, `?ticket=`, `Authorization` and
 * `Sec-WebSocket-Protocol: bearer.<token>`, and the org of `?org=`. Null for what is not there. Call it once a connection: a
 * ticket is bound to the answer.
 */
export function credentialFromUpgrade(req: IncomingMessage): { credential: Credential | null; org: string | null } {
  const query = queryOf(req);
  const org = query?.get('org') || null;
  const key = query?.get('key');
  if (key) return { credential: credentialOf(key), org };
  const ticket = query?.get('ticket');
  if (ticket) return { credential: { ticket, redeemer: randomUUID() }, org };
  return { credential: credentialFromHttp(req) ?? credentialFromSubprotocol(req), org };
}

function queryOf(req: IncomingMessage): URLSearchParams | null {
  // The base only makes the path a URL; it is never used.
  return URL.canParse(req.url ?? '', 'ws://upgrade') ? new URL(req.url ?? '', 'ws://upgrade').searchParams : null;
}

function credentialFromSubprotocol(req: IncomingMessage): Credential | null {
  const protocols = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const bearer = protocols.find((protocol) => protocol.startsWith(SUBPROTOCOL_PREFIX));
  return bearer && bearer.length > SUBPROTOCOL_PREFIX.length
    ? credentialOf(bearer.slice(SUBPROTOCOL_PREFIX.length))
    : null;
}

/** How auth is asked about a credential. */
export type CredentialQuery =
  | { keyHash: string }
  | { token: string }
  | { ticketHash: string; orgId: string; redeemer: string };

/**
 * The SHA-256 under which a credential is remembered, and how auth is asked about it. Keys and tickets are never sent.
 *
 * @throws AppError AUTH_FAILED for none, and for what can be no credential: auth is not asked.
 */
export function identify(credential: Credential | null): { id: string; query: CredentialQuery } {
  if (!credential) {
    throw new AppError(
      'AUTH_FAILED',
      'no credential was sent: add the header Authorization: Bearer <API key or token>',
    );
  }
  if ('apiKey' in credential) return identifyKey(credential.apiKey);
  if ('ticket' in credential) return identifyTicket(credential);
  const { token } = credential;
  if (token === '' || token.length > MAX_TOKEN_LENGTH) {
    throw new AppError('AUTH_FAILED', 'this is no token: send the JWT of a session, or an API key');
  }
  return { id: secretHash(token), query: { token } };
}

function identifyKey(apiKey: string): ReturnType<typeof identify> {
  if (!apiKey.startsWith(API_KEY_PREFIX) || apiKey.length > MAX_KEY_LENGTH) {
    throw new AppError('AUTH_FAILED', `this is no API key: send one that starts with ${API_KEY_PREFIX}`);
  }
  if (isMistypedKey(apiKey)) {
    throw new AppError('AUTH_FAILED', 'the API key has a typo, its checksum is wrong: copy it whole once more');
  }
  const id = secretHash(apiKey);
  return { id, query: { keyHash: id } };
}

function identifyTicket({ ticket, redeemer }: { ticket: string; redeemer: string }): ReturnType<typeof identify> {
  const orgId = orgOfSecret('gat_', ticket);
  if (orgId === null) throw new AppError('AUTH_FAILED', 'this is no ticket: get a new one from POST /v1/auth/tickets');
  // Remembered for its redeemer alone: another connection with the same ticket has to ask, and is refused.
  return { id: secretHash(`${ticket}\u0000${redeemer}`), query: { ticketHash: secretHash(ticket), orgId, redeemer } };
}
