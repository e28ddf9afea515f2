import type { Logger } from './logger.ts';

/** Ends tracing: sends what is left, within 5 s. */
export type StopTracing = () => Promise<void>;

/**
 * Sends traces by OTLP when `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` is set; the other
 * `OTEL_*` variables hold as OpenTelemetry defines them. Otherwise does nothing and loads nothing.
 *
 * A collector that is slow or down costs spans and nothing else: what waits for it is bounded, and `log` is told once a
 * minute at most.
 */
export async function startTracing(service: string, log?: Logger): Promise<StopTracing> {
  const {
    OTEL_EXPORTER_OTLP_ENDPOINT: all,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces,
    OTEL_TRACES_EXPORTER: exporter,
  } = process.env;
  if (!(all || traces) || exporter === 'none' || process.env.OTEL_SDK_DISABLED === 'true') return async () => {};
  const { startSdk } = await import('./tracing-sdk.ts');
  return startSdk(service, log);
}
