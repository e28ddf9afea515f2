import { externalId, orgId } from '@governsai/contracts';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { EXPIRED, FAILED, type Session, type Verdict } from './verdict.ts';

export interface SessionTokenOptions {
  secret: string;
  issuer: string;
  audience: string;
}

// The largest time a Date can hold, in seconds.
const MAX_EXP = 8.64e12;
const claims = z.object({ sub: externalId, org: orgId, exp: z.number().positive().max(MAX_EXP) });

/** Reads a session's JWT; answers the refusal when it is not one of ours or has expired. */
export function readSessionToken(token: string, options: SessionTokenOptions, now: Date): Session | Verdict {
  const { secret, issuer, audience } = options;
  try {
    // The algorithm is pinned: the token must not choose how it is checked.
    const payload = jwt.verify(token, secret, {
      algorithms: ['HS256'],
      issuer,
      audience,
      clockTimestamp: Math.floor(now.getTime() / 1000),
    });
    const { sub, org, exp } = claims.parse(payload);
    return { userId: sub, orgId: org, expiresAt: new Date(exp * 1000).toISOString() };
  } catch (error) {
    return error instanceof jwt.TokenExpiredError ? EXPIRED : FAILED;
  }
}
