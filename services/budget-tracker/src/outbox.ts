import type { ServiceName } from '@governsai/contracts';

/** Owner of this service's outbox rows. */
export const OUTBOX: ServiceName = 'budget-tracker';
