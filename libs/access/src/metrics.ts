import { Counter, Gauge } from '@governsai/service';

const verifications = new Counter({
  name: 'governsai_access_verifications_total',
  help: 'Credentials verified, by outcome: remembered, verified (auth was asked), refused, unavailable.',
  labelNames: ['outcome'],
});

/** Counts one verification. */
export function countVerification(outcome: 'remembered' | 'verified' | 'refused' | 'unavailable'): void {
  verifications.inc({ outcome });
}

export const staleGauge = new Gauge({
  name: 'governsai_access_stale',
  help: '1 while there is no recent sign of auth and cached credentials are refused, else 0.',
});
