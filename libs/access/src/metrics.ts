import { Counter, Gauge } from '@governsai/service';

const verifications = new Counter({
  name: 'governsai_access_verifications_total',
  help: 'Credentials verified, by outcome: remembered, verified (auth was asked), refused, unavailable.',
  labelNames: ['outcome'],
});

const OUTCOMES = ['remembered', 'verified', 'refused', 'unavailable'] as const;
// A counter that first appears with its first count would hide that count from a rate.
for (const outcome of OUTCOMES) verifications.inc({ outcome }, 0);

/** Counts one verification. */
export function countVerification(outcome: (typeof OUTCOMES)[number]): void {
  verifications.inc({ outcome });
}

export const staleGauge = new Gauge({
  name: 'governsai_access_stale',
  help: '1 while there is no recent sign of auth and cached credentials are refused, else 0.',
});
