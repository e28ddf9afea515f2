import type { ServiceName } from '../topics.ts';
import type { Json } from './schema-collection.ts';

/** What one half of the system (the sockets, the topics) adds to the AsyncAPI document. */
export interface AsyncApiPart {
  channels: Json;
  operations: Json;
  messages: Json;
}

/** A reference to the tag of a service. */
export function serviceTag(service: ServiceName): Json {
  return { $ref: `#/components/tags/${service}` };
}
