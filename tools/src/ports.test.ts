import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { choosePorts, freePorts, HOST, isFree } from './ports.ts';

const servers: Server[] = [];

/** A port that another program listens on, with the given number of free ones above it not promised. */
function occupy(port = 0, host: string = HOST): Promise<number> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) =>
    server.listen(port, host, () => resolve((server.address() as { port: number }).port)),
  );
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

describe('a port', () => {
  it.each([HOST, '0.0.0.0'])('is in use when another program listens on %s', async (host) => {
    const { port } = await freePorts(['port']);
    expect(await isFree(port)).toBe(true);
    await occupy(port, host);
    expect(await isFree(port)).toBe(false);
  });

  it('that is in use is avoided, and the caller is told which and what is taken instead', async () => {
    const wanted = await freePorts(['edge', 'kafka']);
    await occupy(wanted.edge);
    const told: unknown[] = [];
    const chosen = await choosePorts(wanted, (...avoided) => told.push(avoided));
    expect(chosen.kafka).toBe(wanted.kafka);
    expect(chosen.edge).toBeGreaterThan(wanted.edge);
    expect(told).toEqual([['edge', wanted.edge, chosen.edge]]);
  });

  it('wanted by one part is not given to another that had to give way', async () => {
    const { first } = await freePorts(['first']);
    await occupy(first);
    const chosen = await choosePorts({ a: first, b: first + 1, c: first + 2 }, () => {});
    expect(new Set(Object.values(chosen)).size).toBe(3);
    expect([chosen.b, chosen.c]).toEqual([first + 1, first + 2]);
  });
});
