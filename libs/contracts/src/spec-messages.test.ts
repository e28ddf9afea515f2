import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { CLIENT_MESSAGES, type ClientMessageType } from './client-messages.ts';
import { decisionData } from './decision.ts';
import { SERVER_MESSAGES } from './server-messages.ts';

type Json = Record<string, unknown>;

/** The messages of the specification, as it prints them. */
const spec: { client: Record<string, Json>; server: Record<string, Json> } = JSON.parse(
  readFileSync(new URL('../../../tests/fixtures/spec-messages.json', import.meta.url), 'utf8'),
);

describe('the messages of the specification', () => {
  it.each(Object.entries(spec.client))('%s is taken as it stands', (type, message) => {
    expect(CLIENT_MESSAGES[type as ClientMessageType].parse(message)).toEqual(message);
    if (type === 'INGEST') expect(decisionData.parse(message.data)).toEqual(message.data);
  });

  it.each(Object.entries(spec.server))(
    '%s has in ours every field of the specification, with its type',
    (type, message) => {
      const root = z.toJSONSchema(SERVER_MESSAGES[type as keyof typeof SERVER_MESSAGES]) as JsonSchema;
      expect(missing(message, resolve(root, root) as JsonSchema, root)).toEqual([]);
    },
  );
});

interface JsonSchema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
}

/** Fields of an example that a message of this schema need not have, or has with another type. */
function missing(example: Json, schema: JsonSchema, root: JsonSchema, path = ''): string[] {
  return Object.entries(example).flatMap(([name, value]) => {
    const here = `${path}${name}`;
    const property = resolve(schema.properties?.[name], root);
    if (property === undefined || !schema.required?.includes(name)) return [here];
    if (!accepts(property, value)) return [`${here} as ${JSON.stringify(value)}`];
    // Of several forms the first is the one that a client gets who asks for nothing else.
    const object = [property, ...(property.anyOf ?? [])]
      .map((form) => resolve(form, root))
      .find((form) => form?.type === 'object');
    return object ? missing(value as Json, object, root, `${here}.`) : [];
  });
}

function resolve(schema: JsonSchema | undefined, root: JsonSchema): JsonSchema | undefined {
  return schema?.$ref ? root.$defs?.[schema.$ref.replace('#/$defs/', '')] : schema;
}

function accepts(schema: JsonSchema, value: unknown): boolean {
  if (schema.const !== undefined) return schema.const === value;
  if (schema.enum) return schema.enum.includes(value);
  if (schema.anyOf) return schema.anyOf.some((one) => accepts(one, value));
  return [schema.type].flat().includes(value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
}
