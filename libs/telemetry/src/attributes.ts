import type { Attributes } from '@opentelemetry/api';

// Names by the OpenTelemetry semantic conventions 1.45. They are stated here and not imported: the messaging ones are still
// in development there and may change with any minor release of the package.

/** Attributes of HTTP spans. */
export const HTTP = {
  method: 'http.request.method',
  route: 'http.route',
  status: 'http.response.status_code',
  path: 'url.path',
  scheme: 'url.scheme',
  template: 'url.template',
  url: 'url.full',
  serverAddress: 'server.address',
  serverPort: 'server.port',
} as const;

/** Attributes of spans about one message of a socket, which is a call with an answer. */
export const RPC = {
  system: 'rpc.system.name',
  method: 'rpc.method',
  status: 'rpc.response.status_code',
} as const;

/** Attributes of spans about messages in Kafka. */
export const MESSAGING = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destination: 'messaging.destination.name',
  partition: 'messaging.destination.partition.id',
  group: 'messaging.consumer.group.name',
  clientId: 'messaging.client.id',
  batchSize: 'messaging.batch.message_count',
  messageId: 'messaging.message.id',
  conversationId: 'messaging.message.conversation_id',
  bodySize: 'messaging.message.body.size',
  key: 'kafka.message.key',
  offset: 'kafka.offset',
} as const;

/** Attributes of spans about statements. */
export const DB = {
  system: 'db.system.name',
  namespace: 'db.namespace',
  operation: 'db.operation.name',
  collection: 'db.collection.name',
  summary: 'db.query.summary',
  batchSize: 'db.operation.batch.size',
  status: 'db.response.status_code',
} as const;

// Of spans that each decision has, what is the same is made once, and what is not has its names written out: an object made
// with computed names, or of other objects, costs more than the span itself.

/** Statements are constant: there are fewer than this. */
const MAX_SUMMARIES = 512;
const bySummary = new Map<string, Attributes>();

/**
 * Attributes of a statement's span, not to be changed. `summary` is its operation and the table it is about: `INSERT
 * decisions`. Never its text or parameters.
 */
export function statementAttributes(summary: string): Attributes {
  const known = bySummary.get(summary);
  if (known) return known;
  const [operation, collection] = summary.split(' ', 2);
  const made = {
    [DB.system]: 'postgresql',
    [DB.summary]: summary,
    [DB.operation]: operation,
    ...(collection === undefined ? {} : { [DB.collection]: collection }),
  };
  if (bySummary.size < MAX_SUMMARIES) bySummary.set(summary, made);
  return made;
}

/** What a decision is found by in a trace store. Never what it says (G12). */
export const DECISION = {
  orgId: 'governsai.org.id',
  id: 'governsai.decision.id',
  seq: 'governsai.decision.seq',
  correlationId: 'governsai.correlation.id',
} as const;

/** Attributes of a span about one decision. */
export function decisionAttributes({ orgId, id, seq, correlationId }: DecisionNames): Attributes {
  const names: Attributes = { 'governsai.org.id': orgId, 'governsai.decision.id': id };
  if (seq !== undefined) names['governsai.decision.seq'] = seq;
  if (typeof correlationId === 'string' && correlationId !== '') names['governsai.correlation.id'] = correlationId;
  return names;
}

interface DecisionNames {
  orgId: string;
  id: string;
  /** Not known before it is stored. */
  seq?: number;
  /** Told when it is a text. */
  correlationId?: unknown;
}

export interface MessageAttributes {
  /** What is done: `send`, `process`, or this system's own word for processing, as `push`. */
  name: string;
  type: 'send' | 'process';
  topic: string;
}

const byMessage = new Map<string, Attributes>();

/** Attributes that every span about a message in Kafka has, not to be changed. */
export function messageAttributes({ name, type, topic }: MessageAttributes): Attributes {
  const key = `${name} ${type} ${topic}`;
  let made = byMessage.get(key);
  if (made === undefined) {
    made = {
      [MESSAGING.system]: 'kafka',
      [MESSAGING.operationName]: name,
      [MESSAGING.operationType]: type,
      [MESSAGING.destination]: topic,
    };
    byMessage.set(key, made);
  }
  return made;
}
