import { Counter, Histogram } from '../metrics.ts';

// `route` is the path as mounted, `unmatched` for everything else: a client cannot make up label values.
const labelNames = ['method', 'route', 'status'] as const;

const requests = new Counter({ name: 'governsai_http_requests_total', help: 'HTTP requests answered.', labelNames });
const durations = new Histogram({
  name: 'governsai_http_request_duration_seconds',
  help: 'Seconds from the request line to the end of the answer.',
  labelNames,
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Counts one answered request. */
export function recordRequest(method: string, route: string, status: number, seconds: number): void {
  const labels = { method: METHODS.has(method) ? method : 'other', route, status: String(status) };
  requests.inc(labels);
  durations.observe(labels, seconds);
}
