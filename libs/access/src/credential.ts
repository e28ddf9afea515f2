import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AppError } from '@governsai/contracts';

/** What a client shows to say who it is: an API key (`gai_…`), or a session's JWT. */
export type Credential = { apiKey: string } | { token: string };

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

/**
 * What the request for a WebSocket says: the credential of the first of `?key=`, `Authorization` and
 * `Sec-WebSocket-Protocol: bearer.<token>`, and the org of `?org=`. Null for what is not there.
 */
export function credentialFromUpgrade(req: IncomingMessage): { credential: Credential | null; org: string | null } {
  // The base only makes the path a URL; it is never used.
  const query = URL.canParse(req.url ?? '', 'ws://upgrade')
    ? new URL(req.url ?? '', 'ws://upgrade').searchParams
    : null;
  const key = query?.get('key') || null;
  return {
    credential: key ? credentialOf(key) : (credentialFromHttp(req) ?? credentialFromSubprotocol(req)),
    org: query?.get('org') || null,
  };
}

function credentialFromSubprotocol(req: IncomingMessage): Credential | null {
  const protocols = (req.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const bearer = protocols.find((protocol) => protocol.startsWith(SUBPROTOCOL_PREFIX));
  return bearer && bearer.length > SUBPROTOCOL_PREFIX.length
    ? credentialOf(bearer.slice(SUBPROTOCOL_PREFIX.length))
    : null;
}

/** How auth is asked about a credential. */
export type CredentialQuery = { keyHash: string } | { token: string };

/**
 * The SHA-256 under which a credential is remembered, and how auth is asked about it. A key is never sent.
 *
 * @throws AppError AUTH_FAILED for what can be no credential: auth is not asked.
 */
export function identify(credential: Credential): { id: string; query: CredentialQuery } {
  if ('apiKey' in credential) {
    const { apiKey } = credential;
    if (!apiKey.startsWith(API_KEY_PREFIX) || apiKey.length > MAX_KEY_LENGTH) {
      throw new AppError('AUTH_FAILED', `this is no API key: send one that starts with ${API_KEY_PREFIX}`);
    }
    const id = sha256(apiKey);
    return { id, query: { keyHash: id } };
  }
  const { token } = credential;
  if (token === '' || token.length > MAX_TOKEN_LENGTH) {
    throw new AppError('AUTH_FAILED', 'this is no token: send the JWT of a session, or an API key');
  }
  return { id: sha256(token), query: { token } };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
