import { collectDefaultMetrics, register } from 'prom-client';

export { Counter, Gauge, Histogram, register } from 'prom-client';

let enabled = false;

/** Collects the process's own metrics (CPU, memory, event loop) and labels every metric with the service. */
export function enableProcessMetrics(service: string): void {
  register.setDefaultLabels({ service });
  if (enabled) return;
  enabled = true;
  collectDefaultMetrics();
}
