import type { Principal } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { comparePlaces, type Listed, type Place, placeOf, Roster } from './roster.ts';

const principal: Principal = {
  kind: 'apiKey',
  orgId: 'acme',
  userId: 'ann',
  keyId: 'key-1',
  scopes: ['decisions:read'],
  expiresAt: null,
};

function listed(id: string, over: Partial<Listed> & { at?: number; orgId?: string } = {}): Listed & { ended: number } {
  const { at = 0, orgId = 'acme', ...rest } = over;
  const one = {
    id,
    transport: 'websocket' as const,
    path: '/ws',
    connectedAt: new Date(at),
    ip: '192.0.2.1',
    principal: () => ({ ...principal, orgId }),
    channels: () => [{ channel: `org:${orgId}:decisions`, seq: 7, lag: 2 }],
    bytesSent: () => 100,
    bytesBuffered: () => 10,
    ended: 0,
    end() {
      one.ended++;
    },
    ...rest,
  };
  return one;
}

const all = { after: null, limit: 100 };

describe('Roster', () => {
  it('shows a connection as it is when it is asked', () => {
    const roster = new Roster('replica-1');
    let sent = 1;
    roster.add(listed('a', { bytesSent: () => sent }));
    sent = 2;
    expect(roster.list('acme', all)).toEqual([
      {
        id: 'a',
        transport: 'websocket',
        path: '/ws',
        replica: 'replica-1',
        connectedAt: '1970-01-01T00:00:00.000Z',
        ip: '192.0.2.1',
        principal: { kind: 'apiKey', userId: 'ann', keyId: 'key-1' },
        channels: [{ channel: 'org:acme:decisions', seq: 7, lag: 2 }],
        bytesSent: 2,
        bytesBuffered: 10,
      },
    ]);
  });

  it('G6: shows and ends only what is of the org', () => {
    const roster = new Roster('r');
    const [mine, theirs] = [listed('a'), listed('b', { orgId: 'other' })];
    roster.add(mine);
    roster.add(theirs);
    expect(roster.list('acme', all).map(({ id }) => id)).toEqual(['a']);
    expect(roster.list('acme', { ...all, id: 'b' })).toEqual([]);
    roster.end('acme', 'b');
    roster.end('acme', 'a');
    expect([mine.ended, theirs.ended]).toEqual([1, 0]);
  });

  it('forgets what has closed', () => {
    const roster = new Roster('r');
    roster.add(listed('a'));
    roster.add(listed('a'));
    roster.delete('acme', 'a');
    roster.delete('acme', 'a');
    expect(roster.list('acme', all)).toEqual([]);
    roster.end('acme', 'a');
  });

  it('lists everything once over any pages, the oldest first, whatever order it was opened in', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 30 }), fc.integer({ min: 1, max: 7 }), (times, limit) => {
        const roster = new Roster('r');
        times.forEach((at, i) => {
          roster.add(listed(`c${i}`, { at }));
        });
        const seen: Place[] = [];
        for (let after: Place | null = null; ; ) {
          const page = roster.list('acme', { after, limit });
          seen.push(...page.map(placeOf));
          const last = page.at(-1);
          if (!last) break;
          after = placeOf(last);
        }
        const expected = times.map((at, i): Place => [at, `c${i}`]).sort(comparePlaces);
        expect(seen).toEqual(expected);
      }),
    );
  });
});
