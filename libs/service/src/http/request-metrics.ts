import type { ErrorCode } from '@governsai/contracts';
import { LATENCY_BUCKETS } from '@governsai/telemetry';
import { Counter, Histogram } from '../metrics.ts';

// `route` is the path as mounted, `unmatched` for everything else: a client cannot make up label values.
const labelNames = ['method', 'route', 'status'] as const;

const requests = new Counter({ name: 'governsai_http_requests_total', help: 'HTTP requests answered.', labelNames });
const durations = new Histogram({
  name: 'governsai_http_request_duration_seconds',
  help: 'Seconds from the request line to the end of the answer.',
  labelNames,
  buckets: [...LATENCY_BUCKETS],
});
const errors = new Counter({
  name: 'governsai_http_errors_total',
  help: 'HTTP requests answered with an error, by error code.',
  labelNames: ['code'] as const,
});

/** Counts an error that a request is answered with. */
export function recordError(code: ErrorCode): void {
  errors.inc({ code });
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Counts one answered request. */
export function recordRequest(method: string, route: string, status: number, seconds: number): void {
  const labels = { method: METHODS.has(method) ? method : 'other', route, status: String(status) };
  requests.inc(labels);
  durations.observe(labels, seconds);
}
