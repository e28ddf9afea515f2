import type { AuditRecorded } from '@governsai/contracts';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Authentication, AuthenticationLog } from './authentication-log.ts';

let time: number;
let sent: AuditRecorded[];
let away: boolean;
let log: AuthenticationLog;

beforeEach(() => {
  time = Date.parse('2026-01-01T00:00:00.000Z');
  sent = [];
  away = false;
  log = new AuthenticationLog({
    service: 'push-gateway',
    send: async (records) => {
      if (away) throw new Error('away');
      sent.push(...records);
    },
    now: () => time,
  });
});

const of = { orgId: 'acme', userId: null, keyId: 'key-1' };
const refused = (more: Partial<Authentication> = {}): Authentication => ({
  of,
  by: 'socket',
  ip: '192.0.2.1',
  refused: 'AUTH_FAILED',
  ...more,
});
const total = () => sent.reduce((sum, { detail }) => sum + ((detail.count as number | undefined) ?? 1), 0);

describe('authentications', () => {
  it('are told one by one: whose, from where, how, and why refused', async () => {
    log.record(refused());
    log.record({ of, by: 'http', ip: null, refused: null });
    await log.flush();
    expect(sent).toEqual([
      expect.objectContaining({
        orgId: 'acme',
        actor: { userId: null, keyId: 'key-1', service: null },
        action: 'auth.refused',
        result: 'refused',
        ip: '192.0.2.1',
        detail: { by: 'socket', service: 'push-gateway', reason: 'AUTH_FAILED' },
        at: '2026-01-01T00:00:00.000Z',
      }),
      expect.objectContaining({
        action: 'auth.ok',
        result: 'ok',
        ip: null,
        detail: { by: 'http', service: 'push-gateway' },
      }),
    ]);
  });

  it('of nobody known are told to the installation', async () => {
    log.record(refused({ of: null }));
    await log.flush();
    expect(sent[0]?.orgId).toBe('system');
  });

  it('by the thousand become a few records and one with their count', async () => {
    for (let i = 0; i < 10_000; i++) log.record(refused());
    await log.flush();
    expect(sent).toHaveLength(5);
    time += 60_000;
    await log.flush();
    expect(sent).toHaveLength(6);
    expect(sent[5]?.detail).toMatchObject({ count: 9995, since: '2026-01-01T00:00:00.000Z' });
    expect(total()).toBe(10_000);
  });

  it('from very many addresses take bounded memory, and none goes uncounted', async () => {
    for (let i = 0; i < 30_000; i++) log.record(refused({ ip: `2001:db8::${i.toString(16)}` }));
    await log.stop();
    expect(total()).toBe(30_000);
    expect(sent.length).toBeLessThan(20_000);
  });

  it('are kept while nobody takes them', async () => {
    away = true;
    for (let i = 0; i < 20_000; i++) {
      log.record(refused({ ip: `192.0.2.${i % 200}` }));
      if (i % 1000 === 0) time += 10_000;
    }
    await log.flush();
    away = false;
    await log.stop();
    expect(total()).toBe(20_000);
  });
});
