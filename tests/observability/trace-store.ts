import type { ReceivedSpan } from '@governsai/telemetry/testing';
import { startOtlpReceiver } from '@governsai/telemetry/testing';
import { findJaeger } from '../../tools/src/jaeger.ts';
import { startJaeger } from './jaeger.ts';

/** Where traces go and are looked up: a real Jaeger where there is one, else a receiver in this process. */
export interface TraceStore {
  /** For people: what it is. */
  readonly name: string;
  /** The services' environment. */
  readonly env: Record<string, string>;
  /** Every trace with a span of the service that has the attribute, each with all its spans. */
  search(service: string, attribute: string, value: string): Promise<ReceivedSpan[][]>;
  /** The spans of one trace; empty when it is not there. */
  trace(traceId: string): Promise<ReceivedSpan[]>;
  stop(): Promise<void>;
}

/** Starts the store: the `jaeger` of JAEGER_BIN, of `.dev/bin` or of the PATH, the receiver without one. */
export async function startTraceStore(dir: string): Promise<TraceStore> {
  const jaeger = findJaeger();
  return jaeger ? startJaeger(jaeger, dir) : startReceiverStore();
}

async function startReceiverStore(): Promise<TraceStore> {
  const receiver = await startOtlpReceiver();
  const trace = (traceId: string) => [...receiver.trace(traceId)];
  return {
    name: 'a receiver in the test; put a jaeger on the PATH for the real one',
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    async search(service, attribute, value) {
      const found = receiver.spans.filter((span) => span.service === service && span.attributes[attribute] === value);
      return [...new Set(found.map((span) => span.traceId))].map(trace);
    },
    trace: async (traceId) => trace(traceId),
    stop: () => receiver.close(),
  };
}
