import type { z } from 'zod';
import { ERRORS, type ErrorCode, problem } from '../errors.ts';
import { INTERNAL_TOKEN_HEADER } from '../http/internal.ts';
import type { HttpRoute, RouteAuth } from '../http/route.ts';
import { ROUTES } from '../http/routes.ts';
import { componentsWithIngestData } from './ingest-data.ts';
import { type Json, type JsonValue, SchemaCollection } from './schema-collection.ts';
import { SERVICE_SUMMARIES } from './service-summaries.ts';

/** Errors any route may answer, whatever it does. */
const ALWAYS: readonly ErrorCode[] = ['VALIDATION_FAILED', 'RATE_LIMITED', 'INTERNAL', 'UNAVAILABLE'];

/** The OpenAPI 3.1 document of every route. */
export function openApi(version: string): Json {
  const schemas = new SchemaCollection('draft-2020-12', '#/components/schemas/');
  const paths: Record<string, Json> = {};
  for (const route of ROUTES) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route, schemas) };
  }
  const problemRef = schemas.of(problem, 'output');
  const document: Json = {
    openapi: '3.1.1',
    info: {
      title: 'GovernsAI HTTP API',
      version,
      description:
        'Record, stream and budget every governance decision of AI agents. JSON; money as decimal strings; times RFC 3339 UTC; ' +
        'lists are pages whose `next` goes back as `cursor`. Errors are RFC 9457 problem details whose `code` is for programs.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://127.0.0.1:3000', description: 'The edge of the local stack.' }],
    tags: Object.entries(SERVICE_SUMMARIES).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key (`gai_…`) or a session token. The roles named by an operation are scopes.',
        },
        ticket: {
          type: 'apiKey',
          in: 'query',
          name: 'ticket',
          description:
            'A ticket of `POST /v1/auth/tickets`, good for one request: for browsers, whose EventSource sets no headers.',
        },
        internal: {
          type: 'apiKey',
          in: 'header',
          name: INTERNAL_TOKEN_HEADER,
          description: 'Between services only; never on the edge.',
        },
      },
      responses: problemResponses(problemRef),
      schemas: componentsWithIngestData(schemas),
    },
  };
  return schemas.resolve(document) as Json;
}

function operation(route: HttpRoute, schemas: SchemaCollection): Json {
  const body: Json = route.body
    ? { requestBody: { required: true, content: { 'application/json': { schema: schemas.of(route.body, 'input') } } } }
    : {};
  return {
    operationId: route.name,
    summary: route.summary,
    tags: [route.owner],
    ...(route.auth === 'internal' && { 'x-internal': true }),
    security: security(route.auth),
    parameters: [...parameters(route.params, 'path', schemas), ...parameters(route.query, 'query', schemas)],
    ...body,
    responses: responses(route, schemas),
  };
}

function security(auth: RouteAuth): JsonValue {
  if (auth === 'none') return [];
  if (auth === 'internal') return [{ internal: [] }];
  if (auth === 'credential') return [{ bearer: [] }];
  return [{ bearer: [auth.scope] }, ...(auth.ticket ? [{ ticket: [] }] : [])];
}

function parameters(schema: z.ZodType, place: 'path' | 'query', schemas: SchemaCollection): Json[] {
  const { properties = {}, required = [] } = schemas.of(schema, 'input') as { properties?: Json; required?: string[] };
  return Object.entries(properties as Record<string, Json>).map(([name, property]) => {
    const { description, ...rest } = property;
    return {
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

function responses(route: HttpRoute, schemas: SchemaCollection): Json {
  const success: Json = {
    description: route.summary,
    headers: { 'x-request-id': { description: 'Names the request in our logs.', schema: { type: 'string' } } },
    ...(route.status !== 204 && { content: { [route.mediaType]: { schema: schemas.of(route.response, 'output') } } }),
  };
  const errors = new Set(errorCodes(route).map((code) => ERRORS[code].status));
  const byStatus = [...errors].sort().map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]);
  return {
    [route.status]: success,
    ...Object.fromEntries(byStatus),
    default: { $ref: '#/components/responses/Problem' },
  };
}

/** What the declaration of a route says it may answer; `default` covers what only its code knows. */
function errorCodes(route: HttpRoute): ErrorCode[] {
  const codes: ErrorCode[] = [...ALWAYS];
  if (route.auth !== 'none') codes.push('AUTH_FAILED', 'AUTH_EXPIRED');
  if (route.auth !== 'none' && route.auth !== 'internal') codes.push('FORBIDDEN');
  if (route.path.includes(':')) codes.push('NOT_FOUND');
  if (route.body !== null) codes.push('PAYLOAD_TOO_LARGE');
  return codes;
}

/** One response for each status of the registry, and one for any. */
function problemResponses(schema: Json): Json {
  const byStatus: Record<number, string[]> = {};
  for (const [code, { status, title }] of Object.entries(ERRORS)) {
    byStatus[status] = [...(byStatus[status] ?? []), `\`${code}\`: ${title}.`];
  }
  const content: Json = { 'application/problem+json': { schema } };
  const retry: Json = {
    'retry-after': { description: 'Seconds to wait before the same request may succeed.', schema: { type: 'integer' } },
  };
  const each = Object.entries(byStatus).map(([status, lines]) => [
    `Problem${status}`,
    { description: lines.join(' '), ...(['429', '503'].includes(status) && { headers: retry }), content },
  ]);
  return { ...Object.fromEntries(each), Problem: { description: 'Any other error.', content } };
}
