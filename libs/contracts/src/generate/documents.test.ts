import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import asyncApiSpecs from '@asyncapi/specs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { CLIENT_MESSAGES } from '../client-messages.ts';
import { ROUTES } from '../http/routes.ts';
import { SERVER_MESSAGES } from '../server-messages.ts';
import { TOPIC_NAMES } from '../topics.ts';
import { documents } from './documents.ts';
import { findDrift } from './drift.ts';

const files = documents();
const specification = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../../../tests/fixtures/spec-messages.json'), 'utf8'),
);
const folder = resolve(import.meta.dirname, '../../../../docs/api');

// biome-ignore lint/suspicious/noExplicitAny: the shape of the documents is what is tested here
const read = (path: string): any => JSON.parse(files.get(path) as string);

describe('docs/api', () => {
  it('is what the contracts say (else run `npm run contracts`)', () => {
    expect(findDrift(folder, files)).toEqual([]);
  });
});

describe('JSON Schemas', () => {
  const paths = [...files.keys()].filter((path) => path.startsWith('schemas/'));
  const ajv = withFormats(new Ajv2020({ strict: true, allowUnionTypes: true }));

  it('have ids of their own', () => {
    expect(new Set(paths.map((path) => read(path).$id)).size).toBe(paths.length);
  });

  it.each(paths)('%s is valid', (path) => {
    expect(typeof ajv.compile(read(path))).toBe('function');
  });

  it.each([
    ['IngestMessage', specification.client.INGEST],
    ['DecisionData', specification.client.INGEST.data],
    ['SubMessage', specification.client.SUB],
    ['UnsubMessage', specification.client.UNSUB],
    ['PingMessage', specification.client.PING],
  ])('%s takes what the specification prints', (id, message) => {
    ajv.validate(`urn:governsai:schema:${id}`, message);
    expect(ajv.errors ?? []).toEqual([]);
  });

  it.each(paths)('%s says what it is', (path) => {
    expect(read(path).description).toEqual(expect.stringMatching(/\.$/));
  });
});

describe('OpenAPI', () => {
  const document = read('openapi.json');

  it('is a valid 3.1 document', async () => {
    expect(await new Validator().validate(structuredClone(document))).toEqual({ valid: true });
  });

  it('refers only to what it has', () => {
    expect(danglingReferences(document)).toEqual([]);
  });

  it('has every route, the internal ones marked', () => {
    const operations = Object.values<Record<string, { operationId: string; 'x-internal'?: boolean }>>(document.paths)
      .flatMap((path) => Object.values(path))
      .map((operation) => [operation.operationId, operation['x-internal'] === true]);
    const expected = ROUTES.map((route) => [route.name, route.path.startsWith('/internal/')]);
    expect(operations.sort()).toEqual(expected.sort());
  });

  it('has schemas that compile', () => {
    const ajv = withFormats(new Ajv2020({ strict: true, allowUnionTypes: true }));
    ajv.addVocabulary(['components']);
    ajv.addSchema({ $id: 'urn:governsai:openapi', components: document.components }, undefined, undefined, false);
    for (const name of Object.keys(document.components.schemas)) {
      expect(typeof ajv.compile({ $ref: `urn:governsai:openapi#/components/schemas/${name}` })).toBe('function');
    }
  });
});

describe('AsyncAPI', () => {
  const document = read('asyncapi.json');
  let validate: ReturnType<Ajv['compile']>;

  beforeAll(() => {
    validate = withFormats(new Ajv({ strict: false, meta: false, validateSchema: false })).compile(
      asyncApiSpecs.schemas['3.0.0'],
    );
  });

  it('is a valid 3.0 document', () => {
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('refers only to what it has', () => {
    expect(danglingReferences(document)).toEqual([]);
  });

  it('has every message of both directions and every topic with its dead letters', () => {
    const names = [
      ...Object.keys(CLIENT_MESSAGES),
      ...Object.keys(SERVER_MESSAGES),
      ...TOPIC_NAMES.flatMap((topic) => [topic, `${topic}.dead`]),
    ];
    expect(Object.keys(document.components.messages).sort()).toEqual(names.sort());
    const used = Object.values<{ messages: { $ref: string }[]; reply?: { messages: { $ref: string }[] } }>(
      document.operations,
    )
      .flatMap((operation) => [...operation.messages, ...(operation.reply?.messages ?? [])])
      .map(({ $ref }) => $ref.replace(/^.*\//, ''));
    expect([...new Set(used)].sort()).toEqual(names);
  });
});

function withFormats<T extends Ajv | Ajv2020>(ajv: T): T {
  addFormats.default(ajv as Ajv);
  return ajv;
}

/** Every `$ref` of a document that leads nowhere in it. */
function danglingReferences(document: unknown): string[] {
  const dangling: string[] = [];
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return;
    for (const [name, member] of Object.entries(value)) {
      if (name === '$ref' && typeof member === 'string' && !leads(document, member)) dangling.push(member);
      visit(member);
    }
  };
  visit(document);
  return dangling;
}

function leads(document: unknown, reference: string): boolean {
  if (!reference.startsWith('#/')) return false;
  let at: unknown = document;
  for (const part of reference.slice(2).split('/')) at = (at as Record<string, unknown> | undefined)?.[part];
  return at !== undefined;
}
