import { socketParts } from './asyncapi-sockets.ts';
import { topicParts } from './asyncapi-topics.ts';
import { componentsWithIngestData } from './ingest-data.ts';
import { type Json, SchemaCollection } from './schema-collection.ts';
import { SERVICE_SUMMARIES } from './service-summaries.ts';

/** The AsyncAPI 3 document of the WebSocket endpoints and the Kafka topics. */
export function asyncApi(version: string): Json {
  // Payloads are draft-07: the one dialect that AsyncAPI 3 takes without a wrapper.
  const schemas = new SchemaCollection('draft-07', '#/components/schemas/');
  const sockets = socketParts(schemas);
  const topics = topicParts(schemas);
  const document: Json = {
    asyncapi: '3.0.0',
    info: {
      title: 'GovernsAI messages',
      version,
      description:
        'The WebSocket protocol that clients speak, and the Kafka topics that the services speak through. Operations are from ' +
        "the system's side: it receives what a client sends. A reader ignores fields it does not know.",
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      edge: {
        host: '127.0.0.1:3000',
        protocol: 'ws',
        description: 'The edge of the local stack. The server speaks only when spoken to, pushes aside.',
      },
      kafka: {
        host: '127.0.0.1:9092',
        protocol: 'kafka',
        description: 'The broker of the local stack. Between services only.',
      },
    },
    channels: { ...sockets.channels, ...topics.channels },
    operations: { ...sockets.operations, ...topics.operations },
    components: {
      messages: { ...sockets.messages, ...topics.messages },
      schemas: componentsWithIngestData(schemas),
      tags: Object.fromEntries(
        Object.entries(SERVICE_SUMMARIES).map(([name, description]) => [name, { name, description }]),
      ),
    },
  };
  return schemas.resolve(document) as Json;
}
