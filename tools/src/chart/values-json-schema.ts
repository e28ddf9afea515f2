import { z } from 'zod';
import type { DocumentedValue } from './values-comments.ts';
import { valuesSchema } from './values-types.ts';

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  description?: string;
  required?: string[];
  [key: string]: unknown;
}

/**
 * values.schema.json: the types of values-types.ts, each with its sentence of values.yaml. Nothing is required: Helm merges the
 * defaults in first. `global` is what a parent chart passes on. Throws an Error that names a documented value the types do
 * not know.
 */
export function valuesJsonSchema(documented: readonly DocumentedValue[]): JsonSchema {
  const schema = z.toJSONSchema(valuesSchema, { target: 'draft-7', io: 'input' }) as JsonSchema;
  relax(schema);
  schema.properties = { ...schema.properties, global: { type: 'object' } };
  for (const { path, description } of documented) describe(schema, path, description);
  return { title: 'Values of the chart governsai', ...schema };
}

function relax(schema: JsonSchema): void {
  delete schema.required;
  // zod states the widest safe integers; they say nothing to a reader.
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  for (const value of Object.values(schema)) {
    if (Array.isArray(value)) for (const part of value) if (part && typeof part === 'object') relax(part as JsonSchema);
    if (value && typeof value === 'object' && !Array.isArray(value)) relax(value as JsonSchema);
  }
}

function describe(schema: JsonSchema, path: string, description: string): void {
  let place: JsonSchema | undefined = schema;
  for (const name of path.split('.')) place = place?.properties?.[name];
  if (!place) throw new Error(`values.yaml has ${path}, which values-types.ts does not know: add it there`);
  place.description = description;
}
