import { deadLetterTopic, type ServiceName, TOPIC_NAMES, TOPICS, type TopicName } from '../topics.ts';
import { type AsyncApiPart, serviceTag } from './asyncapi-part.ts';
import type { Json, SchemaCollection } from './schema-collection.ts';

const DAY = 24 * 60 * 60 * 1000;

/** Every Kafka topic and its dead-letter topic: value, key, headers, who writes and who reads. */
export function topicParts(schemas: SchemaCollection): AsyncApiPart {
  const parts: AsyncApiPart = { channels: {}, operations: {}, messages: {} };
  for (const topic of TOPIC_NAMES) {
    const { writers, readers } = TOPICS[topic];
    parts.messages[topic] = message(topic, schemas);
    parts.channels[topic] = channel(topic);
    for (const service of writers) add(parts, service, 'send', topic, `${service} writes ${topic}.`);
    for (const service of readers) add(parts, service, 'receive', topic, `${service} reads ${topic}.`);
    const dead = deadLetterTopic(topic);
    parts.messages[dead] = deadMessage(topic);
    parts.channels[dead] = deadChannel(topic);
    for (const service of readers)
      add(parts, service, 'send', dead, `${service} puts what it gave up on into ${dead}.`);
  }
  return parts;
}

function add(
  parts: AsyncApiPart,
  service: ServiceName,
  action: 'send' | 'receive',
  channel: string,
  summary: string,
): void {
  const here = `#/channels/${channel}`;
  parts.operations[`${service}.${action}.${channel}`] = {
    action,
    channel: { $ref: here },
    summary,
    tags: [serviceTag(service)],
    messages: [{ $ref: `${here}/messages/${channel}` }],
  };
}

const TRACE: Json = {
  traceparent: { type: 'string', description: 'W3C trace context of who wrote it, when there was a trace.' },
  tracestate: { type: 'string', description: 'W3C trace state, when there was one.' },
};

const KEY: Json = {
  kafka: {
    key: { type: 'string', description: 'The orgId: all messages of an org are in one partition, in order.' },
  },
};

function message(topic: TopicName, schemas: SchemaCollection): Json {
  const { schema, value, summary } = TOPICS[topic];
  return {
    name: topic,
    title: topic,
    summary,
    headers: {
      type: 'object',
      required: ['schema'],
      properties: { schema: { type: 'string', const: schema, description: 'Version of the value.' }, ...TRACE },
    },
    payload: schemas.of(value, 'output'),
    bindings: KEY,
  };
}

function channel(topic: TopicName): Json {
  const { summary, retentionMs } = TOPICS[topic];
  return {
    address: topic,
    servers: [{ $ref: '#/servers/kafka' }],
    description: `${summary} Kept ${retentionMs / DAY} days. The name on the broker begins with KAFKA_TOPIC_PREFIX.`,
    messages: { [topic]: { $ref: `#/components/messages/${topic}` } },
    bindings: { kafka: { topicConfiguration: { 'retention.ms': retentionMs } } },
  };
}

function deadMessage(topic: TopicName): Json {
  return {
    name: deadLetterTopic(topic),
    title: deadLetterTopic(topic),
    summary: `A message of ${topic} that its reader gave up on: its key, bytes and headers as they were.`,
    headers: {
      type: 'object',
      properties: { schema: { type: 'string', description: 'As the original had it.' }, ...TRACE },
      patternProperties: {
        '^dead\\.': {
          type: 'string',
          description: 'Why it was given up, by what error, and where the original stood.',
        },
      },
    },
    payload: { description: 'The original bytes; they may be no JSON at all.' },
    bindings: KEY,
  };
}

function deadChannel(topic: TopicName): Json {
  const dead = deadLetterTopic(topic);
  return {
    address: dead,
    servers: [{ $ref: '#/servers/kafka' }],
    description: `What a reader of ${topic} gave up on, until it is redriven.`,
    messages: { [dead]: { $ref: `#/components/messages/${dead}` } },
  };
}
