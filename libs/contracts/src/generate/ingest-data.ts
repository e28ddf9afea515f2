import { decisionData } from '../decision.ts';
import type { Json, SchemaCollection } from './schema-collection.ts';

/**
 * The named schemas of a document, with what an INGEST carries spelled out. The envelope's own schema leaves `data` open,
 * because it is checked only once `schema` is known; a reader of the document wants to see it.
 */
export function componentsWithIngestData(schemas: SchemaCollection): Json {
  const decision = schemas.resolve(schemas.of(decisionData, 'input')) as Json;
  const components = schemas.components();
  const envelope = components.IngestMessage as { properties: { data: Json } };
  const { description = '' } = envelope.properties.data;
  envelope.properties.data = { description, anyOf: [decision, { type: 'object' }] };
  return components;
}
