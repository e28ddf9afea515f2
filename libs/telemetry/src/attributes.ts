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

/**
 * Attributes of a statement's span. `summary` is its operation and the table it is about: `INSERT decisions`. Never its text
 * or parameters.
 */
export function statementAttributes(summary: string): Attributes {
  const [operation, collection] = summary.split(' ', 2);
  return {
    [DB.system]: 'postgresql',
    [DB.summary]: summary,
    [DB.operation]: operation,
    ...(collection === undefined ? {} : { [DB.collection]: collection }),
  };
}

/** What a decision is found by in a trace store. Never what it says (G12). */
export const DECISION = {
  orgId: 'governsai.org.id',
  id: 'governsai.decision.id',
  seq: 'governsai.decision.seq',
  correlationId: 'governsai.correlation.id',
} as const;

export interface MessageAttributes {
  /** What is done: `send`, `process`, or this system's own word for processing, as `push`. */
  name: string;
  type: 'send' | 'process';
  topic: string;
}

/** Attributes that every span about a message in Kafka has. */
export function messageAttributes({ name, type, topic }: MessageAttributes): Attributes {
  return {
    [MESSAGING.system]: 'kafka',
    [MESSAGING.operationName]: name,
    [MESSAGING.operationType]: type,
    [MESSAGING.destination]: topic,
  };
}
