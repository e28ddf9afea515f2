import { SERVICES, type ServiceName } from '@governsai/contracts';
import { baseEnv, databaseEnv, kafkaEnv, secret } from '@governsai/service';
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

/** The environment of auth. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend({
    PORT: z.coerce.number().int().min(0).max(65_535).default(3001).describe('Port of its HTTP routes.'),
    JWT_SECRET: secret(z.string().min(32, 'must have at least 32 characters')).describe(
      'The secret that signs session tokens (HS256), at least 32 characters.',
    ),
    JWT_ISSUER: z.string().default('governsai').describe('The `iss` a session token must have.'),
    JWT_AUDIENCE: z.string().default('governsai').describe('The `aud` a session token must have.'),
    HEALTH_TARGETS: healthTargets
      .default({
        'ingest-gateway': 'http://127.0.0.1:3002',
        'decision-writer': 'http://127.0.0.1:3003',
        'budget-tracker': 'http://127.0.0.1:3004',
        'push-gateway': 'http://127.0.0.1:3005',
      })
      .describe('Where GET /v1/health asks the other services: name=http://host:port, separated by commas.'),
  });
