import { ConfigError, type Logger } from '@governsai/service';
import type { z } from 'zod';
import type { configSchema } from '../config.ts';
import { IdentityProvider } from './identity-provider.ts';
import { JwksCache } from './jwks.ts';
import { type OwnTokens, TokenReader } from './token-reader.ts';

type Config = z.output<typeof configSchema>;

/** How the installation signs its own tokens. */
export function ownTokens(config: Config): OwnTokens {
  return {
    secret: config.JWT_SECRET,
    previousSecret: config.JWT_SECRET_PREVIOUS,
    issuer: config.JWT_ISSUER,
    audience: config.JWT_AUDIENCE,
    skewSeconds: config.JWT_CLOCK_SKEW,
  };
}

/** Makes the reader of session tokens. Throws ConfigError when an identity provider is named by halves. */
export function createTokenReader(config: Config, log: Logger): TokenReader {
  const { JWT_JWKS_URL: url, JWT_JWKS_ISSUER: issuer, JWT_JWKS_AUDIENCE: audience } = config;
  if (url === undefined) return new TokenReader(ownTokens(config));
  if (issuer === undefined || audience === undefined) {
    const variable = issuer === undefined ? 'JWT_JWKS_ISSUER' : 'JWT_JWKS_AUDIENCE';
    throw new ConfigError([{ variable, message: 'is not set, and JWT_JWKS_URL is; set both, or neither' }]);
  }
  if (issuer === config.JWT_ISSUER) {
    const message = 'is the same as JWT_ISSUER, which signs with JWT_SECRET; give one of them another name';
    throw new ConfigError([{ variable: 'JWT_JWKS_ISSUER', message }]);
  }
  const provider = new IdentityProvider({
    issuer,
    audience,
    orgClaim: config.JWT_ORG_CLAIM,
    skewSeconds: config.JWT_CLOCK_SKEW,
    keys: new JwksCache({ url, log }),
  });
  return new TokenReader(ownTokens(config), provider);
}
