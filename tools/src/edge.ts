import { randomUUID } from 'node:crypto';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  ERRORS,
  type ErrorCode,
  edgeService,
  INTERNAL_TOKEN_HEADER,
  type Problem,
  type ServiceName,
} from '@governsai/contracts';
import { isInNetworks } from '@governsai/service';

export interface Edge {
  readonly server: Server;
  listen(port: number, host: string): Promise<void>;
  /** Breaks off what is still open. */
  close(): Promise<void>;
}

export interface EdgeOptions {
  /** Which service answers a path; by default as on the Ingress. */
  serviceOf?: (path: string) => ServiceName | null;
  /** Base URLs of a service's replicas that take requests now. Asked for every request; they are used in turn. */
  upstreams: (service: ServiceName) => readonly string[];
  /** True: it stands between services, as a Kubernetes Service does, and passes on the token they show each other. */
  internal?: boolean;
  /** Networks of the proxies in front, whose X-Forwarded-For and X-Forwarded-Proto are passed on; none unless given. */
  trustedProxies?: readonly string[];
}

/** An answer that takes longer than this between two bytes is given up. Streams send a heartbeat more often. */
const IDLE_TIMEOUT_MS = 75_000;
const UPGRADE_TIMEOUT_MS = 10_000;
/** How long one end of a socket may stay when the other is gone. */
const LEAVE_TIMEOUT_MS = 10_000;
const RETRY_AFTER_MS = 1_000;

/** Headers about one hop (RFC 9110 §7.6.1), and those by which a client could speak for the edge. */
const NOT_FORWARDED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'],
]);

/**
 * The one door of the local stack: it routes HTTP and WebSocket as the Ingress does, by `edgeService` of the contracts.
 * Not listening yet. Its own errors are problem documents: 404 for a path that no service has here, 503 when no replica
 * could be reached (nothing was handed on, so the request may be repeated), 502 when one broke off its answer.
 */
export function createEdge({
  serviceOf = edgeService,
  upstreams,
  internal = false,
  trustedProxies = [],
}: EdgeOptions): Edge {
  // No limit on connections: the services have theirs, and they are to be seen.
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 64 });
  const turns = new Map<ServiceName, number>();
  const upgraded = new Set<Duplex>();

  /** The replicas to try for a request, the one whose turn it is first; or the problem to answer with. */
  function route(url: string): { path: string; targets: string[] } | Fault {
    const parsed = URL.canParse(url, 'http://edge') ? new URL(url, 'http://edge') : null;
    const service = parsed?.host === 'edge' ? serviceOf(parsed.pathname) : null;
    if (!parsed || !service)
      return { code: 'NOT_FOUND', status: 404, detail: 'No service answers this path on the edge.' };
    const replicas = upstreams(service);
    if (replicas.length === 0) return unavailable(service);
    const turn = (turns.get(service) ?? 0) % replicas.length;
    turns.set(service, turn + 1);
    return {
      path: parsed.pathname + parsed.search,
      targets: [...replicas.slice(turn), ...replicas.slice(0, turn)],
    };
  }

  const server = createServer((req, res) => {
    const requestId = requestIdOf(req);
    const found = route(req.url ?? '/');
    if ('code' in found) return refuse(res, found, requestId);
    req.on('error', () => {});
    let repeated = false;
    attempt(found.targets);

    function attempt([target, ...others]: readonly string[]): void {
      if (target === undefined) return refuse(res, unavailable('the service'), requestId);
      const headers = forwardedHeaders(req, requestId, internal, trustedProxies);
      const upstream = request(new URL(target), {
        agent,
        method: req.method,
        path: (found as { path: string }).path,
        headers,
      });
      let connected = false;
      upstream.once('socket', (socket) => {
        const begin = () => {
          connected = true;
          req.pipe(upstream);
        };
        // A kept-alive connection is there already.
        if (socket.connecting) socket.once('connect', begin);
        else begin();
      });
      upstream.setTimeout(IDLE_TIMEOUT_MS, () => upstream.destroy(new Error('no byte within 75 s')));
      upstream.once('response', (answer) => {
        res.writeHead(answer.statusCode ?? 502, withoutHop(answer.headers));
        answer.pipe(res);
        // A broken answer must not look whole.
        answer.once('error', () => res.destroy());
      });
      upstream.once('error', (error) => {
        if (res.headersSent || res.closed) return res.destroy();
        if (!connected) return attempt(others);
        // A connection kept from before had ended unnoticed. Only what changes nothing may be asked twice.
        if (upstream.reusedSocket && !repeated && (req.method === 'GET' || req.method === 'HEAD')) {
          repeated = true;
          return attempt([...others, target]);
        }
        refuse(
          res,
          { code: 'UNAVAILABLE', status: 502, detail: `The service broke off: ${error.message}.` },
          requestId,
        );
      });
      res.once('close', () => upstream.destroy());
    }
  });

  server.on('upgrade', (req: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => {});
    upgraded.add(client);
    client.once('close', () => upgraded.delete(client));
    const requestId = requestIdOf(req);
    const found = route(req.url ?? '/');
    if ('code' in found) return refuseUpgrade(client, found, requestId);
    attempt(found.targets);

    function attempt([target, ...others]: readonly string[]): void {
      if (target === undefined) return refuseUpgrade(client, unavailable('the service'), requestId);
      const headers = {
        ...forwardedHeaders(req, requestId, internal, trustedProxies),
        connection: 'Upgrade',
        upgrade: req.headers.upgrade ?? 'websocket',
      };
      const upstream = request(new URL(target), {
        method: req.method,
        path: (found as { path: string }).path,
        headers,
      });
      let answered = false;
      upstream.setTimeout(UPGRADE_TIMEOUT_MS, () => upstream.destroy(new Error('no answer within 10 s')));
      upstream.once('upgrade', (answer, service, first) => {
        answered = true;
        // How long it may be silent is for the service to say.
        service.setTimeout(0);
        client.write(headOf(answer, pairs(answer.rawHeaders)));
        client.write(first);
        service.write(head);
        join(client, service);
      });
      upstream.once('response', (answer) => {
        answered = true;
        // Refused: the answer is an ordinary one, and the connection ends with it.
        client.write(headOf(answer, [...Object.entries(withoutHop(answer.headers)), ['connection', 'close']]));
        answer.pipe(client);
      });
      upstream.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') attempt(others);
        else refuseUpgrade(client, { code: 'UNAVAILABLE', status: 502, detail: 'The service broke off.' }, requestId);
      });
      client.once('close', () => {
        // Only while the answer is awaited: once joined, what the client sent before it left still has to arrive.
        if (!answered) upstream.destroy();
      });
      upstream.end();
    }
  });

  return {
    server,
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve());
      }),
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
        for (const client of upgraded) client.destroy();
      }),
  };
}

/** Hands bytes on in both directions. What one end sent before it left, politely or not, still reaches the other. */
function join(client: Duplex, service: Duplex): void {
  for (const [from, to] of [
    [client, service],
    [service, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.end());
    from.once('close', () => {
      to.end();
      setTimeout(() => to.destroy(), LEAVE_TIMEOUT_MS).unref();
    });
  }
}

interface Fault {
  code: ErrorCode;
  status: number;
  detail: string;
}

function unavailable(service: string): Fault {
  return { code: 'UNAVAILABLE', status: 503, detail: `No replica of ${service} can be reached; try again.` };
}

function problemOf({ code, status, detail }: Fault, requestId: string): Problem {
  const retry = code === 'UNAVAILABLE' ? { retryAfterMs: RETRY_AFTER_MS } : {};
  return { type: 'about:blank', title: ERRORS[code].title, status, detail, code, requestId, ...retry };
}

function problemHeaders({ code }: Fault, requestId: string): Record<string, string> {
  const retry: Record<string, string> = code === 'UNAVAILABLE' ? { 'retry-after': String(RETRY_AFTER_MS / 1000) } : {};
  return { 'content-type': 'application/problem+json', 'x-request-id': requestId, ...retry };
}

function refuse(res: ServerResponse, fault: Fault, requestId: string): void {
  // What is left of the request would be read as the next one.
  res.writeHead(fault.status, { ...problemHeaders(fault, requestId), connection: 'close' });
  res.end(JSON.stringify(problemOf(fault, requestId)));
}

function refuseUpgrade(client: Duplex, fault: Fault, requestId: string): void {
  const headers = { ...problemHeaders(fault, requestId), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  client.end(
    `HTTP/1.1 ${fault.status} ${ERRORS[fault.code].title}\r\n${lines.join('')}\r\n${JSON.stringify(problemOf(fault, requestId))}`,
  );
}

function requestIdOf(req: IncomingMessage): string {
  const given = req.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID();
}

/** The headers for the service: none of them undefined, which `http.request` refuses by throwing. */
function forwardedHeaders(
  req: IncomingMessage,
  requestId: string,
  internal: boolean,
  trustedProxies: readonly string[],
): Record<string, string | string[]> {
  const headers = withoutHop(req.headers);
  if (!internal) delete headers[INTERNAL_TOKEN_HEADER];
  // A body of unknown length keeps its framing, also where the method does not suggest a body.
  if (req.headers['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked';
  // HTTP/1.0 may leave it out.
  if (req.headers.host !== undefined) headers['x-forwarded-host'] = req.headers.host;
  headers['x-request-id'] = requestId;
  const peer = req.socket.remoteAddress ?? '';
  const trusted = isInNetworks(peer, trustedProxies);
  const before = trusted ? req.headers['x-forwarded-for'] : undefined;
  headers['x-forwarded-for'] = before === undefined ? peer : `${before}, ${peer}`;
  headers['x-forwarded-proto'] = (trusted && req.headers['x-forwarded-proto']) || 'http';
  return headers;
}

function withoutHop(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const named = String(headers.connection ?? '')
    .toLowerCase()
    .split(/\s*,\s*/);
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !NOT_FORWARDED.has(name) && !named.includes(name)) kept[name] = value;
  }
  return kept;
}

type Headers = [name: string, value: string | string[] | undefined][];

function headOf(answer: IncomingMessage, headers: Headers): string {
  const lines = headers.flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}\r\n`));
  return `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join('')}\r\n`;
}

/** Headers as they came: those of an upgrade belong to its answer. */
function pairs(rawHeaders: readonly string[]): Headers {
  const headers: Headers = [];
  for (let i = 0; i < rawHeaders.length; i += 2) headers.push([rawHeaders[i] ?? '', rawHeaders[i + 1]]);
  return headers;
}
