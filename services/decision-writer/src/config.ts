import { accessEnv, baseEnv, databaseEnv, kafkaEnv } from '@governsai/service';
import { z } from 'zod';

/** The environment of decision-writer. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend(accessEnv.shape)
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
    SWEEP_INTERVAL_MS: z.coerce
      .number()
      .int()
      .min(100)
      .default(5000)
      .describe('Milliseconds between two looks for decisions that were stored and not published.'),
  });
export type Config = z.infer<typeof configSchema>;
