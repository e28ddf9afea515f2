import { createHash } from 'node:crypto';
import { AppError, externalId, orgId } from '@governsai/contracts';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { EXPIRED, FAILED, type Session, type Verdict } from '../verdict.ts';
import type { IdentityProvider } from './identity-provider.ts';

/** How the installation's own tokens are signed. */
export interface OwnTokens {
  secret: string;
  /** The secret before: tokens signed with it are read until they end. */
  previousSecret?: string | undefined;
  issuer: string;
  audience: string;
  /** By how much clocks may differ: what has ended is taken for as long. */
  skewSeconds: number;
}

/** Begins the id of a session that began here. */
export const SESSION_PREFIX = 'ses_';
// Well below the largest time a Date can hold, in seconds.
const MAX_SECONDS = 8e12;
const seconds = z.number().positive().max(MAX_SECONDS);
const header = z.object({ alg: z.string(), kid: z.string().max(256).optional(), crit: z.undefined().optional() });
const envelope = z.object({ header, payload: z.object({ iss: z.string() }) });
const claimsSchema = z.looseObject({ sub: externalId, iat: seconds.optional(), exp: seconds });

/** Names a secret in the header of the tokens it signs, so that it can be changed. Says nothing about the secret. */
export function secretId(secret: string): string {
  return createHash('sha256').update(`kid:${secret}`).digest('hex').slice(0, 16);
}

/**
 * Reads session tokens. Who issued a token decides how it is checked, never the token's own `alg`: ours by HS256 and our
 * secret, the identity provider's by its public keys.
 */
export class TokenReader {
  readonly #own: OwnTokens;
  readonly #provider: IdentityProvider | null;

  constructor(own: OwnTokens, provider: IdentityProvider | null = null) {
    this.#own = own;
    this.#provider = provider;
  }

  /**
   * Who the token is for, or its refusal.
   *
   * @throws AppError UNAVAILABLE when the keys of the identity provider cannot be had.
   */
  async read(token: string, now: Date): Promise<Session | Verdict> {
    const parsed = envelope.safeParse(decode(token));
    if (!parsed.success) return FAILED;
    const { header: head, payload } = parsed.data;
    try {
      if (this.#provider && payload.iss === this.#provider.issuer) {
        const claims = await this.#provider.verify(token, head, now);
        return sessionOf(claims, this.#provider.orgClaim, null, this.#own.skewSeconds);
      }
      const claims = this.#verifyOwn(token, head.kid, now);
      // Who shares the secret may sign tokens too, whose sessions are its own business.
      const sid = typeof claims.sid === 'string' && claims.sid.startsWith(SESSION_PREFIX) ? claims.sid : null;
      return sessionOf(claims, 'org', sid, this.#own.skewSeconds);
    } catch (error) {
      if (error instanceof AppError) throw error;
      return error instanceof jwt.TokenExpiredError ? EXPIRED : FAILED;
    }
  }

  /** Whom a token of the identity provider is for, in whichever org; null when it is no valid one. Throws as `read` does. */
  async readSubject(token: string, now: Date): Promise<string | null> {
    const parsed = envelope.safeParse(decode(token));
    if (!parsed.success || !this.#provider || parsed.data.payload.iss !== this.#provider.issuer) return null;
    try {
      const { sub } = await this.#provider.verify(token, parsed.data.header, now);
      return externalId.parse(sub);
    } catch (error) {
      if (error instanceof AppError) throw error;
      return null;
    }
  }

  #verifyOwn(token: string, kid: string | undefined, now: Date): jwt.JwtPayload {
    const { secret, previousSecret, issuer, audience, skewSeconds } = this.#own;
    const verify = (key: string) =>
      jwt.verify(token, key, {
        // Pinned: the token must not choose how it is checked.
        algorithms: ['HS256'],
        issuer,
        audience,
        clockTimestamp: Math.floor(now.getTime() / 1000),
        clockTolerance: skewSeconds,
      }) as jwt.JwtPayload;
    if (previousSecret === undefined || kid === secretId(secret)) return verify(secret);
    if (kid === secretId(previousSecret)) return verify(previousSecret);
    try {
      return verify(secret);
    } catch (error) {
      // Signed by somebody who names no secret: it may be the one before.
      if (error instanceof jwt.TokenExpiredError) throw error;
      return verify(previousSecret);
    }
  }
}

/** Throws for claims that are not of the right form. */
function sessionOf(claims: object, orgClaim: string, sessionId: string | null, skewSeconds: number): Session {
  const { sub, exp, iat, ...rest } = claimsSchema.parse(claims);
  return {
    userId: sub,
    orgId: orgId.parse(rest[orgClaim]),
    sessionId,
    issuedAt: iat === undefined ? null : new Date(iat * 1000).toISOString(),
    expiresAt: new Date((exp + skewSeconds) * 1000).toISOString(),
  };
}

function decode(token: string): unknown {
  try {
    return jwt.decode(token, { complete: true });
  } catch {
    return null;
  }
}
