import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as a trace store knows it. */
export interface ReceivedSpan {
  service: string;
  /** The replica. */
  instance: string;
  traceId: string;
  spanId: string;
  /** Null for the first span of a trace. */
  parentSpanId: string | null;
  name: string;
  attributes: Record<string, string | number | boolean>;
  /** The spans it links to. */
  links: { traceId: string; spanId: string }[];
  failed: boolean;
  /** Milliseconds since 1970. */
  startedAt: number;
  durationMs: number;
}

/** Takes spans over OTLP/HTTP as JSON, and keeps them. */
export interface OtlpReceiver {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is to be; OTEL_EXPORTER_OTLP_PROTOCOL must be `http/json`. */
  readonly url: string;
  /** In the order of arrival. */
  readonly spans: readonly ReceivedSpan[];
  /** Those of one trace. */
  trace(traceId: string): readonly ReceivedSpan[];
  close(): Promise<void>;
}

const ERROR_STATUS = 2;

/** A receiver on a free port of 127.0.0.1. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const byTrace = new Map<string, ReceivedSpan[]>();
  const keep = (span: ReceivedSpan) => {
    spans.push(span);
    const trace = byTrace.get(span.traceId);
    if (trace) trace.push(span);
    else byTrace.set(span.traceId, [span]);
  };
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    for (const resource of (JSON.parse(Buffer.concat(chunks).toString()) as Export).resourceSpans) {
      const process = attributesOf(resource.resource.attributes);
      for (const scope of resource.scopeSpans) for (const span of scope.spans) keep(received(process, span));
    }
    res.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    trace: (traceId) => byTrace.get(traceId) ?? [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface KeyValue {
  key: string;
  value: { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean };
}

interface ExportedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes?: KeyValue[];
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}

interface Export {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: ExportedSpan[] }[] }[];
}

function received(process: ReceivedSpan['attributes'], span: ExportedSpan): ReceivedSpan {
  const startedAt = Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000;
  return {
    service: String(process['service.name']),
    instance: String(process['service.instance.id']),
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || null,
    name: span.name,
    attributes: attributesOf(span.attributes ?? []),
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
    failed: span.status?.code === ERROR_STATUS,
    startedAt,
    durationMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000 - startedAt,
  };
}

function attributesOf(list: readonly KeyValue[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    list.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  );
}
