export { type Attributes, type Context, type Span, SpanKind } from '@opentelemetry/api';
export {
  DB,
  DECISION,
  decisionAttributes,
  HTTP,
  MESSAGING,
  type MessageAttributes,
  messageAttributes,
  RPC,
  statementAttributes,
} from './attributes.ts';
export { LATENCY_BUCKETS, SIZE_BUCKETS } from './buckets.ts';
export { watchCertificates } from './certificates.ts';
export { followOrgs, orgLabel, setTopOrgs } from './org-label.ts';
export { extractContext, isTraced, NO_TRACE, type TraceHeaders, traceHeaders, traceIdOf } from './propagation.ts';
export {
  describeActiveSpan,
  recordFailure,
  recordStatement,
  type SpanOptions,
  span,
  withLinkedSpan,
  withSpan,
} from './spans.ts';
