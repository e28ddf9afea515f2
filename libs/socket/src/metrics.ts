import { CLOSE_CODES } from '@governsai/contracts';
import { Counter, Gauge, Histogram } from '@governsai/service';
import { LATENCY_BUCKETS } from '@governsai/telemetry';

export const openConnections = new Gauge({
  name: 'governsai_ws_connections',
  help: 'Open WebSocket connections by state: authenticating, authenticated.',
  labelNames: ['state'] as const,
});

export const connectionSeconds = new Histogram({
  name: 'governsai_ws_connection_duration_seconds',
  help: 'How long closed connections were open.',
  buckets: Array.from({ length: 11 }, (_, i) => 4 ** (i - 1)),
});

export const messagesReceived = new Counter({
  name: 'governsai_ws_messages_total',
  help: 'Messages received, by type; a type that no handler takes counts as "unknown".',
  labelNames: ['type'] as const,
});

export const messageSeconds = new Histogram({
  name: 'governsai_ws_message_duration_seconds',
  help: 'Seconds from taking up a message to the end of its handler, which has answered by then, by type.',
  labelNames: ['type'] as const,
  buckets: [...LATENCY_BUCKETS],
});

export const errorsSent = new Counter({
  name: 'governsai_ws_errors_total',
  help: 'ERROR messages sent, by code and by the type of the message they answer; "none" when that is no message of a known type.',
  labelNames: ['code', 'type'] as const,
});

const closes = new Counter({
  name: 'governsai_ws_closes_total',
  help: 'Closed connections, by close code; codes a client made up count as "other".',
  labelNames: ['code'] as const,
});

// A client chooses the code it closes with: only known ones become a label, so that nobody can grow the metric.
const KNOWN_CODES = new Set<number>([
  1000,
  1001,
  1002,
  1003,
  1005,
  1006,
  1007,
  1008,
  1011,
  ...Object.values(CLOSE_CODES),
]);

// A counter that first appears with its first count would hide that count from a rate.
for (const code of KNOWN_CODES) closes.inc({ code: String(code) }, 0);

export function countClose(code: number): void {
  closes.inc({ code: KNOWN_CODES.has(code) ? String(code) : 'other' });
}
