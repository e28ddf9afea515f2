export {
  type Attributes,
  type Context,
  DECISION,
  decisionAttributes,
  describeActiveSpan,
  extractContext,
  followOrgs,
  isTraced,
  LATENCY_BUCKETS,
  messageAttributes,
  NO_TRACE,
  orgLabel,
  recordFailure,
  recordStatement,
  SIZE_BUCKETS,
  type Span,
  SpanKind,
  type SpanOptions,
  span,
  traceHeaders,
  traceIdOf,
  withLinkedSpan,
  withSpan,
} from '@governsai/telemetry';
export { type ClientEnv, clientEnv, type SocketEnv, socketEnv } from './admission-environment.ts';
export { type AuditEntry, type AuditSource, auditEvent } from './audit.ts';
export { ConfigError, type ConfigProblem, loadConfig, secret } from './config.ts';
export { type AccessEnv, accessEnv, type BaseEnv, baseEnv, databaseEnv, kafkaEnv, serviceUrl } from './environment.ts';
export { type DependencyOptions, Health, type HealthOptions } from './health.ts';
export { createHttpApp, type HttpApp, type HttpAppOptions, type HttpContext, httpAppOptions } from './http/app.ts';
export { createAddressReader } from './http/client-address.ts';
export { isOriginAllowed } from './http/origins.ts';
export { decodeCursor, pageOf } from './http/page.ts';
export { problemOf } from './http/problem.ts';
export { createInternalClient, type InternalClient, type InternalClientOptions } from './internal-client.ts';
export { createLogger, type Logger, replicaId } from './logger.ts';
export { Counter, enableProcessMetrics, Gauge, Histogram, register } from './metrics.ts';
export { isInNetworks } from './networks.ts';
export { Periodic, type PeriodicOptions } from './periodic.ts';
export { type RunningService, runService } from './run-service.ts';
export { type StopTracing, startTracing } from './tracing.ts';
export { VERSION } from './version.ts';
