import { randomInt } from 'node:crypto';
import { connect, createServer } from 'node:net';

export const HOST = '127.0.0.1';

/** The ports of the local stack when nothing else has them. */
export const DEFAULT_PORTS = {
  edge: 3000,
  auth: 3001,
  'ingest-gateway': 3002,
  'decision-writer': 3003,
  'budget-tracker': 3004,
  'push-gateway': 3005,
  postgres: 5432,
  kafka: 9092,
  'kafka-controller': 9093,
} as const;
export type PortName = keyof typeof DEFAULT_PORTS;
export type Ports = Record<PortName, number>;

/** Whether a server could listen on the port now, on 127.0.0.1. */
export async function isFree(port: number): Promise<boolean> {
  // A server on all addresses does not stop us from binding the loopback on every system, but it answers there.
  return !(await answers(port)) && (await canListen(port));
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HOST });
    socket.setTimeout(500, () => settle(false));
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
    function settle(answer: boolean): void {
      socket.destroy();
      resolve(answer);
    }
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * The wanted ports, each replaced by the next free one above it where another program has it. `avoided` is told of
 * every replacement. Throws when a hundred ports in a row are taken.
 */
export async function choosePorts<Name extends string>(
  wanted: Readonly<Record<Name, number>>,
  avoided: (name: Name, wanted: number, chosen: number) => void,
): Promise<Record<Name, number>> {
  const names = Object.keys(wanted) as Name[];
  const taken = new Set<number>();
  const chosen = {} as Record<Name, number>;
  for (const name of names) {
    const others = new Set(names.filter((other) => other !== name).map((other) => wanted[other]));
    chosen[name] = await nextFree(
      wanted[name],
      (port) => taken.has(port) || (port !== wanted[name] && others.has(port)),
    );
    taken.add(chosen[name]);
    if (chosen[name] !== wanted[name]) avoided(name, wanted[name], chosen[name]);
  }
  return chosen;
}

async function nextFree(first: number, isReserved: (port: number) => boolean): Promise<number> {
  for (let port = first; port < first + 100; port++) {
    if (!isReserved(port) && (await isFree(port))) return port;
  }
  throw new Error(`Ports ${first} to ${first + 99} are all in use: stop what listens there and try again.`);
}

/**
 * Free ports for one test run. They lie below the range the system gives to outgoing connections, so that a server that
 * is restarted finds its port still free.
 */
export async function freePorts<Name extends string>(names: readonly Name[]): Promise<Record<Name, number>> {
  const chosen = {} as Record<Name, number>;
  const taken = new Set<number>();
  for (const name of names) {
    chosen[name] = await nextFree(randomInt(15_000, 32_000), (port) => taken.has(port));
    taken.add(chosen[name]);
  }
  return chosen;
}
