import type { AddressInfo } from 'node:net';
import type { Principal } from '@governsai/contracts';
import { createHttpApp, createLogger, Health, type HttpApp } from '@governsai/service';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ownConnectionsRoutes } from '../routes/own-connections.ts';
import { type Addresses, Peers } from './peers.ts';
import { type Listed, Roster } from './roster.ts';

const log = createLogger('test', 'silent');
const internalToken = 'sixteen-characters';

/** What PostgreSQL keeps, here in memory: that it does so is tested in libs/db. */
class Table implements Addresses {
  readonly rows = new Map<string, string>();
  isAway = false;

  async announce(replica: string, url: string): Promise<Map<string, string>> {
    if (this.isAway) throw new Error('away');
    this.rows.set(replica, url);
    return new Map(this.rows);
  }
  async leave(replica: string): Promise<void> {
    this.rows.delete(replica);
  }
}

interface Node {
  peers: Peers;
  roster: Roster;
  app: HttpApp;
}
const nodes: Node[] = [];

afterEach(async () => {
  for (const { peers, app } of nodes.splice(0)) {
    await peers.stop();
    await app.close();
  }
});

async function node(replica: string, addresses: Addresses): Promise<Node> {
  const roster = new Roster(replica);
  const health = new Health({ service: 'push-gateway', intervalMs: 5000, log });
  const app = createHttpApp({ service: 'push-gateway', log, health, internalToken });
  ownConnectionsRoutes(app, roster);
  const { port } = (await app.listen(0, '127.0.0.1')).address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const peers = new Peers({ addresses, roster, replica, url, internalToken, log });
  await peers.start();
  const made = { peers, roster, app };
  nodes.push(made);
  return made;
}

function listed(id: string, onEnd = () => {}): Listed {
  const principal: Principal = {
    kind: 'session',
    orgId: 'acme',
    userId: 'u',
    keyId: null,
    scopes: [],
    expiresAt: null,
  };
  return {
    id,
    transport: 'sse',
    path: '/p',
    connectedAt: new Date(0),
    ip: null,
    principal: () => principal,
    channels: () => [],
    bytesSent: () => 0,
    bytesBuffered: () => 0,
    end: onEnd,
  };
}

const all = { after: null, limit: 10 };
const idsOf = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id).sort();

describe('Peers', () => {
  it('answers for every replica, whichever is asked, and closes what another one holds', async () => {
    const table = new Table();
    const [one, two] = [await node('one', table), await node('two', table)];
    one.roster.add(listed('a'));
    let ended = 0;
    two.roster.add(listed('b', () => ended++));
    for (const { peers } of [one, two]) {
      expect(idsOf(await peers.list('acme', all))).toEqual(['a', 'b']);
      expect(idsOf(await peers.list('other', all))).toEqual([]);
    }
    const { items } = await one.peers.list('acme', { ...all, id: 'b' });
    expect(items).toEqual([expect.objectContaining({ id: 'b', replica: 'two' })]);
    await one.peers.end('acme', { id: 'b', replica: 'two' });
    expect(ended).toBe(1);
  });

  it('names who does not answer, and asks no more whoever has left', async () => {
    const table = new Table();
    const one = await node('one', table);
    table.rows.set('gone', 'http://127.0.0.1:1');
    expect(await one.peers.list('acme', all)).toEqual({ items: [], missing: ['gone'] });
    await table.leave('gone');
    expect(await one.peers.list('acme', all)).toEqual({ items: [], missing: [] });
  });

  it('G8: asks the replicas it knows while PostgreSQL is away', async () => {
    const table = new Table();
    const [one, two] = [await node('one', table), await node('two', table)];
    await one.peers.announce();
    two.roster.add(listed('b'));
    table.isAway = true;
    expect(idsOf(await one.peers.list('acme', all))).toEqual(['b']);
  });

  it('is not found by the others after it has stopped', async () => {
    const table = new Table();
    const one = await node('one', table);
    await one.peers.stop();
    expect([...table.rows]).toEqual([]);
  });
});
