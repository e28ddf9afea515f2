import { DEFAULT_LIMITS } from '@governsai/contracts';
import { accessEnv, baseEnv, clientEnv, databaseEnv, kafkaEnv, socketEnv } from '@governsai/service';
import { z } from 'zod';

const count = (initial: number) => z.coerce.number().int().positive().default(initial);

/** The environment of ingest-gateway. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend(accessEnv.shape)
  .extend(clientEnv.shape)
  .extend(socketEnv.shape)
  .extend({
    PORT: z.coerce.number().int().min(0).max(65_535).default(3002).describe('Port of its HTTP routes and its socket.'),
    DEDUP_CACHE_KEYS: count(200_000).describe('Confirmed idempotency keys remembered, to answer dedup from memory.'),
    DEDUP_DEADLINE_MS: count(50).describe(
      'Milliseconds an ingest waits for PostgreSQL to say whether a key is stored.',
    ),
    SEND_TIMEOUT_MS: count(4000).describe(
      'Milliseconds within which Kafka confirms, or the sender is told UNAVAILABLE.',
    ),
    MAX_CONNECTIONS: count(20_000).describe('Open sockets of this process; one more is closed with 4429.'),
    MAX_MESSAGE_BYTES: count(DEFAULT_LIMITS.messageBytes).describe('A message above it is answered PAYLOAD_TOO_LARGE.'),
    MAX_FRAME_BYTES: count(DEFAULT_LIMITS.frameBytes).describe('A frame above it closes the socket with 1009.'),
    MAX_BODY_BYTES: count(8 * 1024 * 1024).describe('An HTTP body above it is answered PAYLOAD_TOO_LARGE.'),
    MAX_IDEMPOTENCY_KEY_LENGTH: count(DEFAULT_LIMITS.idempotencyKeyLength).describe('Characters of an idempotencyKey.'),
    MAX_TAGS: count(DEFAULT_LIMITS.tags).describe('Tags of a decision.'),
    MAX_TAG_LENGTH: count(DEFAULT_LIMITS.tagLength).describe('Characters of a tag.'),
  });
