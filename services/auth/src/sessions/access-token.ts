import jwt from 'jsonwebtoken';
import { type OwnTokens, secretId } from './token-reader.ts';

export interface AccessTokenClaims {
  userId: string;
  orgId: string;
  sessionId: string;
}

/** Signs an access token that `TokenReader` reads, good until `expiresAt`. */
export function signAccessToken(own: OwnTokens, claims: AccessTokenClaims, issuedAt: Date, expiresAt: Date): string {
  const seconds = (time: Date) => Math.floor(time.getTime() / 1000);
  return jwt.sign(
    { sub: claims.userId, org: claims.orgId, sid: claims.sessionId, iat: seconds(issuedAt), exp: seconds(expiresAt) },
    own.secret,
    { algorithm: 'HS256', issuer: own.issuer, audience: own.audience, keyid: secretId(own.secret) },
  );
}
