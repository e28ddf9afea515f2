import { DEFAULT_LIMITS } from '@governsai/contracts';
import { accessEnv, baseEnv, clientEnv, databaseEnv, kafkaEnv, serviceUrl, socketEnv } from '@governsai/service';
import { z } from 'zod';

const count = (initial: number) => z.coerce.number().int().positive().default(initial);

/** The environment of push-gateway. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend(accessEnv.shape)
  .extend(clientEnv.shape)
  .extend(socketEnv.shape)
  .extend({
    PORT: z.coerce.number().int().min(0).max(65_535).default(3005).describe('Port of its socket and its probes.'),
    INGEST_URL: serviceUrl.describe('Where ingest-gateway is: http://host:port.'),
    BUDGETS_URL: serviceUrl.describe('Where budget-tracker is: http://host:port.'),
    MAX_CONNECTIONS: count(20_000).describe(
      'Open sockets and event streams of this process; one more is closed with 4429, or answered 429.',
    ),
    MAX_MESSAGE_BYTES: count(DEFAULT_LIMITS.messageBytes).describe('A message above it is answered PAYLOAD_TOO_LARGE.'),
    MAX_FRAME_BYTES: count(DEFAULT_LIMITS.frameBytes).describe('A frame above it closes the socket with 1009.'),
    MAX_SUBSCRIPTIONS: count(256).describe('Channels that one connection may be subscribed to at a time.'),
    PUSH_BUFFER_BYTES: count(1024 * 1024).describe(
      'How far a subscriber may fall behind: bytes of recent pushes kept for each org. Who falls further and takes nothing is closed with 4430.',
    ),
    ADVERTISED_URL: serviceUrl
      .optional()
      .describe(
        'Where the other replicas of push-gateway reach this one: http://host:port. Unless given, HOST and PORT; with 0.0.0.0 or :: the first address of the machine.',
      ),
    NOTIFICATION_RETENTION_DAYS: z.coerce
      .number()
      .int()
      .min(1)
      .max(36_500)
      .default(90)
      .describe('Days that notifications are kept, read or not.'),
    SLOW_CONSUMER_MS: count(2000).describe(
      'How long such a subscriber may take nothing, in milliseconds; up to three times that, at random.',
    ),
  });
export type Config = z.infer<typeof configSchema>;
