import { accessEnv, baseEnv, databaseEnv, kafkaEnv } from '@governsai/service';
import { z } from 'zod';

/** The environment of budget-tracker. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend(accessEnv.shape)
  .extend({
    PORT: z.coerce.number().int().min(0).max(65_535).default(3004).describe('The port to listen on, 0 to 65535.'),
    COUNT_BATCH: z.coerce
      .number()
      .int()
      .min(1)
      .max(5000)
      .default(1000)
      .describe('Decisions counted in one transaction at most, 1 to 5000.'),
    COUNT_CONCURRENCY: z.coerce
      .number()
      .int()
      .min(1)
      .max(64)
      .default(3)
      .describe('Partitions counted at the same time, 1 to 64.'),
    MAX_BUDGETS: z.coerce
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(1000)
      .describe('Budgets of one org at most, 1 to 100000: each batch of decisions is matched against all of them.'),
  });
