import { DiagLogLevel, diag } from '@opentelemetry/api';
import { core, NodeSDK, resources } from '@opentelemetry/sdk-node';
import { BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace';
import { type Logger, replicaId } from './logger.ts';
import { spansHandedOver } from './metrics.ts';
import { samplerFromEnvironment } from './trace-sampler.ts';
import type { StopTracing } from './tracing.ts';
import { VERSION } from './version.ts';

/** Room for the spans of some seconds of full load: a collector that hesitates must not tear traces. About 32 MB when full. */
const QUEUED_SPANS = 16_384;
const EXPORT_DELAY_MS = 1000;
/** A batch links to the traces of its messages. */
const LINKS_OF_A_SPAN = 1000;
const STOP_DEADLINE_MS = 5000;
const COMPLAINT_INTERVAL_MS = 60_000;

/** Loaded only when traces are sent: the SDK takes a while to load. Throws an Error when a variable is wrong. */
export async function startSdk(service: string, log: Logger | undefined): Promise<StopTracing> {
  const { env } = process;
  if (log) complainTo(log);
  const sdk = new NodeSDK({
    sampler: samplerFromEnvironment(env),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: counted(await exporterFromEnvironment(env)),
        maxQueueSize: number(env.OTEL_BSP_MAX_QUEUE_SIZE, QUEUED_SPANS),
        scheduledDelayMillis: number(env.OTEL_BSP_SCHEDULE_DELAY, EXPORT_DELAY_MS),
        ...optional('exportTimeoutMillis', env.OTEL_BSP_EXPORT_TIMEOUT),
        ...optional('maxExportBatchSize', env.OTEL_BSP_MAX_EXPORT_BATCH_SIZE),
      }),
    ],
    spanLimits: { linkCountLimit: number(env.OTEL_SPAN_LINK_COUNT_LIMIT, LINKS_OF_A_SPAN) },
    resource: resources.resourceFromAttributes({
      'service.namespace': 'governsai',
      'service.version': VERSION,
      'service.instance.id': replicaId(service),
      'telemetry.sdk.language': 'nodejs',
    }),
    // The command line and the host's details that others would add say nothing the replica's name does not.
    resourceDetectors: [resources.envDetector],
    serviceName: env.OTEL_SERVICE_NAME || service,
    textMapPropagator: new core.W3CTraceContextPropagator(),
    instrumentations: [],
    // Metrics are scraped and logs are read from standard output: unset, the SDK would send both.
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  return async () => {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_DEADLINE_MS);
    });
    // A collector that is down must not keep the process from ending.
    await Promise.race([sdk.shutdown().catch(() => {}), deadline]);
    clearTimeout(timer);
  };
}

/** The exporter of the protocol that the environment names, `http/protobuf` unless it names one. */
async function exporterFromEnvironment(env: NodeJS.ProcessEnv): Promise<SpanExporter> {
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf';
  switch (protocol) {
    case 'http/protobuf':
      return new (await import('@opentelemetry/exporter-trace-otlp-proto')).OTLPTraceExporter();
    case 'http/json':
      return new (await import('@opentelemetry/exporter-trace-otlp-http')).OTLPTraceExporter();
    case 'grpc':
      return new (await import('@opentelemetry/exporter-trace-otlp-grpc')).OTLPTraceExporter();
    default:
      throw new Error(
        `OTEL_EXPORTER_OTLP_PROTOCOL is ${JSON.stringify(protocol)}; use http/protobuf, http/json or grpc`,
      );
  }
}

function counted(inner: SpanExporter): SpanExporter {
  return {
    export(batch, done) {
      inner.export(batch, (result) => {
        spansHandedOver.inc(
          { outcome: result.code === core.ExportResultCode.SUCCESS ? 'exported' : 'failed' },
          batch.length,
        );
        done(result);
      });
    },
    shutdown: () => inner.shutdown(),
    ...(inner.forceFlush ? { forceFlush: () => inner.forceFlush?.() ?? Promise.resolve() } : {}),
  };
}

/** What the SDK has to complain about goes to the log, once a minute at most: an outage repeats it with every batch. */
function complainTo(log: Logger): void {
  let quietUntil = 0;
  const complain = (message: string) => {
    const now = Date.now();
    if (now < quietUntil) return;
    quietUntil = now + COMPLAINT_INTERVAL_MS;
    log.warn(
      { detail: message.slice(0, 500) },
      'traces cannot be sent as they should; see OTEL_EXPORTER_OTLP_ENDPOINT',
    );
  };
  const silent = () => {};
  const logger = { error: complain, warn: complain, info: silent, debug: silent, verbose: silent };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

function number(text: string | undefined, fallback: number): number {
  const value = Number(text);
  return text && Number.isFinite(value) && value > 0 ? value : fallback;
}

function optional<Name extends string>(name: Name, text: string | undefined): { [Key in Name]?: number } {
  return (text ? { [name]: number(text, 1) } : {}) as { [Key in Name]?: number };
}
