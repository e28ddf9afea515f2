import { accessEnv, baseEnv, clientEnv, databaseEnv, kafkaEnv } from '@governsai/service';
import { z } from 'zod';
import { AddressPolicy } from './webhooks/address-policy.ts';

/** The environment of budget-tracker. */
export const configSchema = baseEnv
  .extend(databaseEnv.shape)
  .extend(kafkaEnv.shape)
  .extend(accessEnv.shape)
  .extend(clientEnv.shape)
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
    HOLDS_ON_OUTAGE: z
      .enum(['closed', 'open'])
      .default('closed')
      .describe('What a hold is answered when PostgreSQL does not: `closed` refuses it, `open` allows it unchecked.'),
    HOLD_TIMEOUT: z.coerce
      .number()
      .int()
      .min(100)
      .max(30_000)
      .default(2000)
      .describe('Milliseconds that a statement of a hold may take before PostgreSQL counts as away, 100 to 30000.'),
    METRICS_RETENTION_DAYS: z.coerce
      .number()
      .int()
      .min(1)
      .max(3650)
      .default(30)
      .describe('Days that usage, closed holds and the log of webhooks are kept, 1 to 3650.'),
    BUDGETS_CHECK_INTERVAL: z.coerce
      .number()
      .int()
      .min(1000)
      .max(86_400_000)
      .default(600_000)
      .describe('Milliseconds between two checks that every budget is the sum of its ledger, 1000 to 86400000.'),
    WEBHOOK_TIMEOUT: z.coerce
      .number()
      .int()
      .min(100)
      .max(60_000)
      .default(10_000)
      .describe('Milliseconds that a webhook may take to answer, 100 to 60000.'),
    WEBHOOK_ALLOWED_NETWORKS: z
      .string()
      .default('')
      .transform((list) => list.split(/[\s,]+/).filter((network) => network !== ''))
      .refine(areNetworks, 'must be networks such as 10.1.0.0/16, separated by commas')
      .describe(
        'Networks besides the public internet that webhooks may be in, such as 10.1.0.0/16; http is taken there too.',
      ),
  });

function areNetworks(list: readonly string[]): boolean {
  try {
    new AddressPolicy(list);
    return true;
  } catch {
    return false;
  }
}
