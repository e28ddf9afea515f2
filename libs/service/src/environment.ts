import { z } from 'zod';
import { secret } from './config.ts';

const count = z.coerce.number().int();

/** The address of another service: `http://host:port`, without a path. */
export const serviceUrl = z.url({ protocol: /^https?$/, message: 'must be an http:// or https:// URL' });

/** Variables of every service. */
export const baseEnv = z.object({
  NODE_ENV: z
    .enum(['production', 'development', 'test'])
    .default('development')
    .describe('What kind of installation this is.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('The least severe log line written.'),
  HOST: z.string().default('127.0.0.1').describe('The address to listen on; 0.0.0.0 in a container.'),
  PORT: count.min(0).max(65_535).describe('The port to listen on, 0 to 65535; 0 takes a free one.'),
  HEALTH_CHECK_INTERVAL: count
    .min(100)
    .max(600_000)
    .default(5000)
    .describe('Milliseconds between two checks of each dependency, 100 to 600000.'),
  METRICS_TOP_ORGS: count
    .min(0)
    .max(1000)
    .default(0)
    .describe('How many of the most used orgs have a label of their own in metrics, 0 to 1000; 0: no org is named.'),
  DRAIN_SECONDS: count
    .min(0)
    .max(600)
    .default(10)
    .describe('Seconds that in-flight work may take after SIGTERM, 0 to 600.'),
  INTERNAL_TOKEN: secret(z.string().min(16, 'must have at least 16 characters')).describe(
    'The secret the services show each other, the same in all of them, at least 16 characters.',
  ),
});
export type BaseEnv = z.infer<typeof baseEnv>;

/** Variables of a service that stores. */
export const databaseEnv = z.object({
  DATABASE_URL: secret(z.url({ protocol: /^postgres(ql)?$/, message: 'must be a postgres:// URL' })).describe(
    'PostgreSQL as the application role (no superuser, not the owner): a postgres:// URL with user, password, host and database.',
  ),
  DATABASE_POOL_SIZE: count.min(1).max(1000).default(10).describe('Connections to PostgreSQL at most, 1 to 1000.'),
});

/** Variables of a service that speaks through Kafka. */
export const kafkaEnv = z.object({
  KAFKA_BROKERS: z
    .string()
    .transform((list) =>
      list
        .split(',')
        .map((broker) => broker.trim())
        .filter((broker) => broker !== ''),
    )
    .pipe(z.array(z.string().regex(/^[^\s:]+:\d{1,5}$/, 'must be host:port, more of them separated by commas')).min(1))
    .describe('Kafka bootstrap brokers, host:port, separated by commas.'),
  KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,100}$/, 'may hold letters, digits, ".", "_" and "-"')
    .default('')
    .describe('Put before each topic name, so that installations can share a cluster.'),
  KAFKA_TLS: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true')
    .describe('Whether the connection to Kafka is encrypted.'),
  KAFKA_TLS_CA: z
    .string()
    .optional()
    .describe("PEM of the authority that signed the brokers' certificates; the public ones unless given."),
  KAFKA_TLS_CERT: z.string().optional().describe('PEM of the certificate shown to the brokers; with KAFKA_TLS_KEY.'),
  KAFKA_TLS_KEY: secret(z.string()).optional().describe('PEM of the private key of KAFKA_TLS_CERT.'),
  KAFKA_SASL_MECHANISM: z
    .enum(['scram-sha-512', 'scram-sha-256', 'plain'])
    .optional()
    .describe('How to authenticate to Kafka; not at all unless given.'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('Who to be on Kafka; with KAFKA_SASL_MECHANISM.'),
  KAFKA_SASL_PASSWORD: secret(z.string()).optional().describe('The password of KAFKA_SASL_USERNAME.'),
});

/** Variables of a service that verifies credentials. */
export const accessEnv = z.object({
  AUTH_URL: serviceUrl.describe('Where auth is: http://host:port.'),
  ACCESS_STALENESS: count
    .min(1000)
    .max(600_000)
    .default(10_000)
    .describe(
      'Milliseconds without a sign of auth, over Kafka or HTTP, after which cached credentials are refused, 1000 to 600000.',
    ),
});
export type AccessEnv = z.infer<typeof accessEnv>;
