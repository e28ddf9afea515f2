import { GovernsaiError } from './errors.ts';

/** A token, or a token with its end when it is no JWT that says it. */
export type FreshToken = string | { token: string; expiresAt: string };

/**
 * Gives a token that is good now; called before each connection and again before the token expires. `signal` aborts when the
 * client closes. What it throws is told by `onState` and it is called again later, unless it is an `AuthenticationError`,
 * which ends the client: the user has signed out.
 */
export type TokenProvider = (context: { signal: AbortSignal }) => FreshToken | Promise<FreshToken>;

/** Gives a ticket of `POST /v1/auth/tickets`; called once for each connection, for a ticket is good for one. */
export type TicketProvider = (context: { signal: AbortSignal }) => string | Promise<string>;

/** Exactly one of the three. */
export type Credential =
  | { /** `gai_…`. */ apiKey: string; token?: undefined; ticket?: undefined }
  | { /** A session token, or what gives one. */ token: string | TokenProvider; apiKey?: undefined; ticket?: undefined }
  | { ticket: TicketProvider; apiKey?: undefined; token?: undefined };

/** What one connection shows. */
export interface Shown {
  /** The AUTH message; null when the URL's ticket says it all. */
  auth: { type: 'AUTH'; apiKey: string } | { type: 'AUTH'; token: string } | null;
  ticket: string | null;
  /** When it ends by itself, in milliseconds since the epoch; null: unknown or never. */
  expiresAt: number | null;
}

/** Whether another one can be had when the present one is refused. */
export function isRenewable({ token, ticket }: Credential): boolean {
  return ticket !== undefined || typeof token === 'function';
}

/** Whether the present one can be renewed on an open connection. */
export function isRefreshable({ token }: Credential): boolean {
  return typeof token === 'function';
}

/** Asks for what to show now. Rejects with what a provider throws. */
export async function show(credential: Credential, signal: AbortSignal): Promise<Shown> {
  const { apiKey, token, ticket } = credential;
  if (apiKey !== undefined) return { auth: { type: 'AUTH', apiKey }, ticket: null, expiresAt: null };
  if (ticket !== undefined)
    return { auth: null, ticket: text(await Promise.resolve(ticket({ signal })), 'ticket'), expiresAt: null };
  const fresh = typeof token === 'function' ? await Promise.resolve(token({ signal })) : token;
  const value = text(typeof fresh === 'object' && fresh !== null ? fresh.token : fresh, 'token');
  const expiresAt = typeof fresh === 'object' ? Date.parse(fresh.expiresAt) : expiryOf(value);
  return { auth: { type: 'AUTH', token: value }, ticket: null, expiresAt: Number.isNaN(expiresAt) ? null : expiresAt };
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new GovernsaiError('INVALID_OPTIONS', `${name}: the function must give a string that is not empty`);
}

/** The `exp` of a JWT (RFC 7519 §4.1.4) in milliseconds; null when it is none, or does not say. */
function expiryOf(token: string): number | null {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { exp } = JSON.parse(atob(payload)) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : null;
  } catch {
    return null;
  }
}
