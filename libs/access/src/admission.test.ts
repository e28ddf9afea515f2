import type { Principal } from '@governsai/contracts';
import { createLogger } from '@governsai/service';
import { describe, expect, it } from '@jest/globals';
import { Admission } from './admission.ts';
import type { KeyUse } from './usage-counter.ts';

const KEYS_IN_A_REPORT = 1000;
const keyed = (keyId: string): Principal => ({
  kind: 'apiKey',
  orgId: 'acme',
  userId: null,
  keyId,
  scopes: [],
  expiresAt: null,
});

/** Admission whose reports of use go to `report`. */
function admission(report: (usage: readonly KeyUse[]) => Promise<void>): Admission {
  const verify = async () => {
    throw new Error('nobody is verified here');
  };
  const limit = { perSecond: 1e6, burst: 1e6 };
  const tokens = {
    lease: async (asks: readonly { want: number }[]) => asks.map(({ want }) => ({ granted: want, left: 1 })),
  };
  return new Admission({
    service: 'ingest-gateway',
    access: { verify, report },
    limits: { key: limit, org: limit, address: limit },
    tokens,
    addressOf: () => null,
    log: createLogger('test', 'silent'),
  });
}

const usesIn = (reports: readonly (readonly KeyUse[])[]) => reports.flat().reduce((sum, { uses }) => sum + uses, 0);

describe('the report of what keys were used for', () => {
  it('leaves to the next one what is used while it is under way', async () => {
    const reports: (readonly KeyUse[])[] = [];
    const under = admission(async (usage) => {
      reports.push(usage);
      if (reports.length < 10) under.spend(keyed('busy'));
    });
    under.spend(keyed('busy'), 3);
    await under.stop();
    expect(reports).toHaveLength(1);
    expect(usesIn(reports)).toBe(3);
  });

  it('tells of all keys, in parts where there are many', async () => {
    const reports: (readonly KeyUse[])[] = [];
    const under = admission(async (usage) => {
      reports.push(usage);
    });
    for (let i = 0; i < KEYS_IN_A_REPORT + 1; i++) under.spend(keyed(`key-${i}`));
    await under.stop();
    expect(reports.map((usage) => usage.length)).toEqual([KEYS_IN_A_REPORT, 1]);
  });

  it('keeps what could not be told', async () => {
    const reports: (readonly KeyUse[])[] = [];
    let away = true;
    const under = admission(async (usage) => {
      if (away) throw new Error('away');
      reports.push(usage);
    });
    under.spend(keyed('busy'), 3);
    await under.stop();
    away = false;
    under.spend(keyed('busy'));
    await under.stop();
    expect(usesIn(reports)).toBe(4);
  });
});
