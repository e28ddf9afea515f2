import type { z } from 'zod';
import { CLIENT_MESSAGES } from '../client-messages.ts';
import { decisionData } from '../decision.ts';
import { problem } from '../errors.ts';
import { storedDecision } from '../http/decisions.ts';
import { chainRecord, person } from '../record.ts';
import { SERVER_MESSAGES } from '../server-messages.ts';
import { TOPICS } from '../topics.ts';
import { type Json, jsonSchema, type Side } from './schema-collection.ts';

/** Each schema as a document of its own (JSON Schema 2020-12, no reference leaves it), by the id it has in the code. */
export function jsonSchemas(): Map<string, Json> {
  const sides: [Side, readonly z.ZodType[]][] = [
    ['input', [...Object.values(CLIENT_MESSAGES), decisionData]],
    ['output', [...Object.values(SERVER_MESSAGES), ...Object.values(TOPICS).map((topic) => topic.value)]],
    ['output', [storedDecision, chainRecord, person, problem]],
  ];
  const documents = new Map<string, Json>();
  for (const [side, schemas] of sides) {
    for (const schema of schemas) {
      const id = schema.meta()?.id;
      if (id === undefined) throw new Error('a published schema has no id: give it one with .meta({ id })');
      if (documents.has(id)) throw new Error(`two published schemas have the id ${id}: rename one`);
      const { $schema, $defs } = jsonSchema(schema, side, 'draft-2020-12') as { $schema: string; $defs: Json };
      const { [id]: root, ...named } = $defs;
      documents.set(id, {
        $schema,
        $id: `urn:governsai:schema:${id}`,
        title: id,
        ...(root as Json),
        ...(Object.keys(named).length > 0 && { $defs: named }),
      });
    }
  }
  return documents;
}
