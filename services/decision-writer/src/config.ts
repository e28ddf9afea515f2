import { accessEnv, baseEnv, clientEnv, databaseEnv, kafkaEnv, secret } from '@governsai/service';
import { z } from 'zod';

const milliseconds = (initial: number) => z.coerce.number().int().min(100).default(initial);

/** The environment of decision-writer. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend(accessEnv.shape)
  .extend(clientEnv.shape)
  .extend({
    PORT: z.coerce.number().int().min(0).max(65_535).default(3003).describe('Port of its HTTP routes.'),
    RECORD_BATCH: z.coerce
      .number()
      .int()
      .min(1)
      .max(5000)
      .default(500)
      .describe('Messages stored in one transaction, at most.'),
    RECORD_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(3).describe('Partitions recorded at once.'),
    MAX_POLICIES: z.coerce.number().int().positive().default(100).describe('Policies of one org at most.'),
    CHECKPOINT_KEY: secret(z.string())
      .optional()
      .describe('Ed25519 private key in PEM that signs checkpoints. Without it none are made, and nothing is pruned.'),
    CHECKPOINT_INTERVAL_MS: milliseconds(60_000).describe('Milliseconds between two rounds of checkpoints.'),
    RETENTION_INTERVAL_MS: milliseconds(600_000).describe('Milliseconds between two rounds of pruning.'),
    SWEEP_INTERVAL_MS: milliseconds(5000).describe(
      'Milliseconds between two looks for decisions that were stored and not published.',
    ),
  });
export type Config = z.infer<typeof configSchema>;
