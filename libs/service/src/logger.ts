import { hostname } from 'node:os';
import { trace } from '@opentelemetry/api';
import { type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

// The host is the pod's name in Kubernetes; the process tells several on one machine apart.
const replica = `${hostname()}-${process.pid}`;

/** Names this process among all of the system, from its start to its end. */
export function replicaId(service: string): string {
  return `${service}-${replica}`;
}

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'apiKey',
  'keyHash',
  'token',
  'jwt',
  'ticket',
  'password',
  'secret',
  'internalToken',
  '["x-internal-token"]',
  'rawText',
  'rawTextOut',
  'payloadOut',
];

// pino redacts by path, not by name: each field is named at the depths we log at.
const REDACTED = SECRET_FIELDS.flatMap((field) => {
  const below = field.startsWith('[') ? field : `.${field}`;
  return [field, `*${below}`, `*.*${below}`, `*.*.*${below}`];
});

/** Removes what looks like a credential from text: API keys, JWTs, `key=` of a URL, passwords of a connection string. */
export function scrub(text: string): string {
  return text
    .replace(/gai_[A-Za-z0-9_-]+/g, 'gai_[redacted]')
    .replace(/eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, '[redacted]')
    .replace(/([?&](?:key|token|ticket)=)[^&\s"\\]+/g, '$1[redacted]')
    .replace(/(:\/\/[^\s:/@"]+:)[^\s@"]+@/g, '$1[redacted]@');
}

/**
 * The JSON logger of a service. Every line names the service, the replica and, within a traced request, `trace_id` and
 * `span_id`. Credentials are removed by field name and by shape, raw text by field name (G12).
 *
 * @param destination where the lines go; standard output unless given.
 */
export function createLogger(service: string, level = 'info', destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service, replica },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED, censor: '[redacted]' },
      hooks: { streamWrite: scrub },
      mixin() {
        const span = trace.getActiveSpan()?.spanContext();
        return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
      },
    },
    destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
