export type { Attributes, Context, Span } from '@opentelemetry/api';
export { DB, DECISION, HTTP, MESSAGING, type MessageAttributes, messageAttributes, RPC } from './attributes.ts';
export { LATENCY_BUCKETS, SIZE_BUCKETS } from './buckets.ts';
export { followedBy, orgLabel, setTopOrgs } from './org-label.ts';
export { extractContext, isTraced, type TraceHeaders, traceHeaders, traceIdOf } from './propagation.ts';
export { describeActiveSpan, recordFailure, type SpanOptions, span, withSpan } from './spans.ts';
