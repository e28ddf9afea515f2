import { CLIENT_MESSAGES, type ClientMessageType } from '../client-messages.ts';
import { CLOSE_CODES } from '../errors.ts';
import { SERVER_MESSAGES } from '../server-messages.ts';
import type { ServiceName } from '../topics.ts';
import { type AsyncApiPart, serviceTag } from './asyncapi-part.ts';
import type { Json, SchemaCollection } from './schema-collection.ts';

type ServerMessageType = keyof typeof SERVER_MESSAGES;

/** What each client message is answered by. */
const ANSWERS: Record<ClientMessageType, readonly ServerMessageType[]> = {
  AUTH: ['AUTH_SUCCESS', 'ERROR'],
  INGEST: ['ACK', 'ERROR'],
  SUB: ['SUB_SUCCESS', 'ERROR'],
  UNSUB: ['UNSUB_SUCCESS', 'ERROR'],
  PING: ['PONG'],
  HOLD: ['HOLD_RESULT', 'ERROR'],
  SETTLE: ['HOLD_STATE', 'ERROR'],
  RELEASE: ['HOLD_STATE', 'ERROR'],
};

/** What comes without being asked for, after a SUB. */
const PUSHES: readonly ServerMessageType[] = ['DECISION', 'BUDGET_UPDATE', 'NOTIFICATION'];

interface Endpoint {
  name: string;
  address: string;
  owner: ServiceName;
  description: string;
  takes: readonly ClientMessageType[];
  pushes: readonly ServerMessageType[];
}

const ENDPOINTS: readonly Endpoint[] = [
  {
    name: 'ws',
    address: '/ws',
    owner: 'push-gateway',
    description: 'Everything on one connection: publish, subscribe, or both.',
    takes: Object.keys(CLIENT_MESSAGES) as ClientMessageType[],
    pushes: PUSHES,
  },
  {
    name: 'wsIngest',
    address: '/ws/ingest',
    owner: 'ingest-gateway',
    description: 'For producers alone: the shortest way to an ACK.',
    takes: ['AUTH', 'INGEST', 'PING'],
    pushes: [],
  },
];

const CLOSING = `Close codes: ${Object.entries(CLOSE_CODES)
  .map(([name, code]) => `${code} ${name}`)
  .join(', ')}.`;

/** The WebSocket endpoints with every message of both directions. */
export function socketParts(schemas: SchemaCollection): AsyncApiPart {
  const messages: Json = {};
  for (const [type, schema] of Object.entries(CLIENT_MESSAGES))
    messages[type] = message(type, schemas.of(schema, 'input'));
  for (const [type, schema] of Object.entries(SERVER_MESSAGES))
    messages[type] = message(type, schemas.of(schema, 'output'));
  return {
    messages,
    channels: Object.fromEntries(ENDPOINTS.map((endpoint) => [endpoint.name, channel(endpoint)])),
    operations: Object.fromEntries(ENDPOINTS.flatMap(operations)),
  };
}

function message(type: string, payload: Json): Json {
  return { name: type, title: type, payload };
}

function channel(endpoint: Endpoint): Json {
  const answers = endpoint.takes.flatMap((type) => ANSWERS[type]);
  const types = [...new Set([...endpoint.takes, ...answers, ...endpoint.pushes])];
  return {
    address: endpoint.address,
    servers: [{ $ref: '#/servers/edge' }],
    description: `${endpoint.description} ${CLOSING}`,
    tags: [serviceTag(endpoint.owner)],
    messages: Object.fromEntries(types.map((type) => [type, { $ref: `#/components/messages/${type}` }])),
    bindings: {
      ws: {
        method: 'GET',
        query: {
          type: 'object',
          properties: {
            key: { type: 'string', description: 'An API key. Never logged; a header or an AUTH message is better.' },
            org: { type: 'string', description: "The org's slug; must be the credential's own." },
          },
        },
        headers: {
          type: 'object',
          properties: {
            Authorization: { type: 'string', description: '`Bearer <API key or session token>`.' },
            'Sec-WebSocket-Protocol': {
              type: 'string',
              description: '`governsai.v1, bearer.<session token>`, for browsers.',
            },
          },
        },
      },
    },
  };
}

function operations(endpoint: Endpoint): [string, Json][] {
  const here = `#/channels/${endpoint.name}`;
  const refer = (types: readonly string[]) => types.map((type) => ({ $ref: `${here}/messages/${type}` }));
  const received = endpoint.takes.map((type): [string, Json] => [
    `${endpoint.name}.receive.${type}`,
    {
      action: 'receive',
      channel: { $ref: here },
      summary: `A client sends ${type}.`,
      tags: [serviceTag(endpoint.owner)],
      messages: refer([type]),
      reply: { channel: { $ref: here }, messages: refer(ANSWERS[type]) },
    },
  ]);
  const sent = endpoint.pushes.map((type): [string, Json] => [
    `${endpoint.name}.send.${type}`,
    {
      action: 'send',
      channel: { $ref: here },
      summary: `The server pushes ${type} to who subscribed.`,
      tags: [serviceTag(endpoint.owner)],
      messages: refer([type]),
    },
  ]);
  return [...received, ...sent];
}
