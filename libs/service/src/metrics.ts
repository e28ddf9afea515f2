import { setTopOrgs } from '@governsai/telemetry';
import { Counter, collectDefaultMetrics, Gauge, register } from 'prom-client';
import { VERSION } from './version.ts';

export { Counter, Gauge, Histogram, register } from 'prom-client';

const info = new Gauge({
  name: 'governsai_info',
  help: 'Always 1; its label says which release this process is. Counted, it says how many replicas there are.',
  labelNames: ['version'] as const,
});

export const spansHandedOver = new Counter({
  name: 'governsai_trace_spans_total',
  help: 'Spans handed to the collector by outcome: exported, failed. What did not fit the queue before is in neither.',
  labelNames: ['outcome'] as const,
});
// A counter that first appears with its first count would hide that count from a rate.
for (const outcome of ['exported', 'failed']) spansHandedOver.inc({ outcome }, 0);

let enabled = false;

export interface MetricsOptions {
  /** How many orgs have a label of their own; 0: none. */
  topOrgs: number;
}

/** Collects the process's own metrics (CPU, memory, event loop) and labels every metric with the service. */
export function enableProcessMetrics(service: string, options: MetricsOptions = { topOrgs: 0 }): void {
  register.setDefaultLabels({ service });
  info.set({ version: VERSION }, 1);
  setTopOrgs(options.topOrgs);
  if (enabled) return;
  enabled = true;
  collectDefaultMetrics();
}
