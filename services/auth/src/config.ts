import { SERVICES, type ServiceName } from '@governsai/contracts';
import { baseEnv, clientEnv, databaseEnv, kafkaEnv, secret } from '@governsai/service';
import { z } from 'zod';

const serviceName = z.enum(SERVICES as [ServiceName, ...ServiceName[]]);

const healthTargets = z
  .string()
  .transform((list) =>
    Object.fromEntries(
      list.split(',').map((item) => {
        const separator = item.indexOf('=');
        return [item.slice(0, separator).trim(), item.slice(separator + 1).trim()];
      }),
    ),
  )
  .pipe(z.partialRecord(serviceName, z.url({ protocol: /^https?$/, message: 'must be name=http://host:port, …' })));

const count = (min: number, max: number, initial: number) => z.coerce.number().int().min(min).max(max).default(initial);

// Keys that came in clear could be anybody's; a provider on the same machine is a test.
const jwksUrl = z
  .url({ protocol: /^https?$/, message: 'must be an https:// URL' })
  .refine(
    (url) => url.startsWith('https:') || /^(127\.0\.0\.1|\[::1\]|localhost)$/.test(new URL(url).hostname),
    'must be an https:// URL',
  );

/** The environment of auth. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend(clientEnv.shape)
  .extend({
    PORT: z.coerce.number().int().min(0).max(65_535).default(3001).describe('Port of its HTTP routes.'),
    JWT_SECRET: secret(z.string().min(32, 'must have at least 32 characters')).describe(
      'The secret that signs session tokens (HS256), at least 32 characters.',
    ),
    JWT_SECRET_PREVIOUS: secret(z.string().min(32, 'must have at least 32 characters'))
      .optional()
      .describe('The JWT_SECRET before: what it signed is read until it ends. Set it when you change JWT_SECRET.'),
    JWT_ISSUER: z.string().min(1).default('governsai').describe('The `iss` of session tokens.'),
    JWT_AUDIENCE: z.string().min(1).default('governsai').describe('The `aud` of session tokens.'),
    JWT_CLOCK_SKEW: count(0, 300, 5).describe(
      'Seconds by which the clocks of who signs and who reads may differ, 0 to 300.',
    ),
    JWT_JWKS_URL: jwksUrl
      .optional()
      .describe('Where an identity provider publishes its keys (JWKS), https; its tokens are taken when set.'),
    JWT_JWKS_ISSUER: z.string().min(1).optional().describe('The `iss` of its tokens; needed with JWT_JWKS_URL.'),
    JWT_JWKS_AUDIENCE: z.string().min(1).optional().describe('The `aud` of its tokens; needed with JWT_JWKS_URL.'),
    JWT_ORG_CLAIM: z.string().min(1).default('org').describe('The claim of its tokens that names the org.'),
    ACCESS_TOKEN_MINUTES: count(1, 1440, 15).describe(
      'How long a session token works before it is refreshed, 1 to 1440.',
    ),
    SESSION_HOURS: count(1, 8760, 720).describe('How long a session may be refreshed, from its login, 1 to 8760.'),
    LOGIN_CONCURRENCY: count(1, 64, 2).describe('Passwords hashed at a time (argon2id, 19 MiB each), 1 to 64.'),
    LOGIN_ADDRESS_PER_MINUTE: count(1, 10_000, 30).describe('Sign-ins from one address a minute, on all replicas.'),
    LOGIN_ACCOUNT_PER_MINUTE: count(1, 10_000, 10).describe('Sign-ins to one account a minute, on all replicas.'),
    AUDIT_RETENTION_DAYS: count(0, 36_500, 0)
      .refine((days) => days === 0 || days >= 30, 'must be 0 or at least 30')
      .describe('Days that audit records are kept, 30 at least; 0: for ever.'),
    HEALTH_TARGETS: healthTargets
      .default({
        'ingest-gateway': 'http://127.0.0.1:3002',
        'decision-writer': 'http://127.0.0.1:3003',
        'budget-tracker': 'http://127.0.0.1:3004',
        'push-gateway': 'http://127.0.0.1:3005',
      })
      .describe('Where GET /v1/health asks the other services: name=http://host:port, separated by commas.'),
  });
