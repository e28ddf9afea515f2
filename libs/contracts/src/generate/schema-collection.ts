import { z } from 'zod';

/** A JSON object of a generated document. */
export type Json = { [name: string]: JsonValue };
export type JsonValue = string | number | boolean | null | JsonValue[] | Json;

/** What a schema describes: what is sent to us (before parsing), or what we send (after it). */
export type Side = 'input' | 'output';

const MARK = 'schema:';

/**
 * Collects the JSON Schemas of one document and gives each named one (zod's `meta({ id })`) a single place among its
 * components. Where what is sent to us differs from what we send, the former is named `<id>Input`.
 *
 * Use: call {@link of} for each schema while the document is made, then {@link components} and {@link resolve}.
 */
export class SchemaCollection {
  readonly #target: 'draft-2020-12' | 'draft-07';
  readonly #place: string;
  readonly #named: Record<Side, Map<string, Json>> = { input: new Map(), output: new Map() };

  /** @param place where the document keeps its named schemas, as a JSON pointer: `#/components/schemas/` */
  constructor(target: 'draft-2020-12' | 'draft-07', place: string) {
    this.#target = target;
    this.#place = place;
  }

  /** The schema as the document shows it; its references are right only after {@link resolve}. */
  of(schema: z.ZodType, side: Side): Json {
    const { $schema: _dialect, $defs, definitions, ...rest } = jsonSchema(schema, side, this.#target);
    for (const [name, definition] of Object.entries((($defs ?? definitions) as Json | undefined) ?? {})) {
      this.#add(side, name, marked(definition, side) as Json);
    }
    return marked(rest, side) as Json;
  }

  /** Every named schema met so far, by its name in the document. */
  components(): Json {
    const all: Json = {};
    for (const side of ['output', 'input'] as const) {
      for (const [name, schema] of this.#named[side]) {
        const shown = this.#nameOf(name, side);
        if (!(shown in all)) all[shown] = this.resolve(schema) as Json;
      }
    }
    return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A copy of what {@link of} gave, or of a whole document made of it, with its references in place. */
  resolve(value: JsonValue): JsonValue {
    return mapReferences(value, (reference) => {
      const [, side, name] = /^schema:(input|output):(.*)$/.exec(reference) ?? [];
      return side === undefined ? reference : this.#place + this.#nameOf(name as string, side as Side);
    });
  }

  #add(side: Side, name: string, schema: Json): void {
    const present = this.#named[side].get(name);
    if (present !== undefined && JSON.stringify(present) !== JSON.stringify(schema)) {
      throw new Error(`two schemas have the id ${name}: rename one of them in its .meta({ id })`);
    }
    this.#named[side].set(name, schema);
  }

  #nameOf(name: string, side: Side): string {
    return side === 'output' || !this.#differs(name, new Set()) ? name : `${name}Input`;
  }

  /** Whether the two sides of a name are not the same, in itself or in what it refers to. */
  #differs(name: string, seen: Set<string>): boolean {
    if (seen.has(name)) return false;
    seen.add(name);
    const input = this.#named.input.get(name);
    const output = this.#named.output.get(name);
    if (input === undefined || output === undefined) return false;
    const referred = new Set<string>();
    const sideless = (schema: Json) =>
      JSON.stringify(
        mapReferences(schema, (reference) => {
          const to = reference.replace(/^schema:(input|output):/, '');
          referred.add(to);
          return to;
        }),
      );
    return sideless(input) !== sideless(output) || [...referred].some((to) => this.#differs(to, seen));
  }
}

/**
 * The JSON Schema of a zod schema. Objects are open unless they were made strict: a reader ignores what it does not know,
 * so that a later version may add fields.
 */
export function jsonSchema(schema: z.ZodType, side: Side, target: 'draft-2020-12' | 'draft-07'): Json {
  return z.toJSONSchema(schema, {
    io: side,
    target,
    override: ({ zodSchema, jsonSchema: shown }) => {
      const { def } = zodSchema._zod;
      if (def.type === 'object' && def.catchall === undefined) delete shown.additionalProperties;
      // Any JavaScript integer is meant; the bounds say nothing and clutter every field.
      if (shown.maximum === Number.MAX_SAFE_INTEGER) delete shown.maximum;
      if (shown.minimum === Number.MIN_SAFE_INTEGER) delete shown.minimum;
      if (shown.maxLength === Number.MAX_SAFE_INTEGER) delete shown.maxLength;
      if (shown.maxItems === Number.MAX_SAFE_INTEGER) delete shown.maxItems;
      // `date-time` says it; zod's pattern of every day of the calendar is for machines that ignore formats.
      if ('format' in def && def.format === 'datetime') delete shown.pattern;
    },
  }) as Json;
}

function marked(value: JsonValue, side: Side): JsonValue {
  return mapReferences(value, (reference) => `${MARK}${side}:${reference.replace(/^#\/(\$defs|definitions)\//, '')}`);
}

function mapReferences(value: JsonValue, map: (reference: string) => string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => mapReferences(item, map));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === '$ref' && typeof member === 'string' ? map(member) : mapReferences(member, map),
    ]),
  );
}
