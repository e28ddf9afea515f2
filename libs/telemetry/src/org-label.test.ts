import { beforeEach, describe, expect, it } from '@jest/globals';
import { followOrgs, orgLabel, setTopOrgs } from './org-label.ts';

const MINUTE = 60_000;
let now = 0;
const dropped: string[] = [];
followOrgs((org) => dropped.push(org));

/** Uses an org often enough to be followed. */
const use = (org: string, times = 1) => orgLabel(org, times, now);

beforeEach(() => {
  now += 100 * MINUTE;
  dropped.length = 0;
  setTopOrgs(2);
});

describe('labels of orgs', () => {
  it('are given to none unless asked for', () => {
    setTopOrgs(0);
    expect(use('acme')).toBeNull();
  });

  it('go to the first orgs, the rest is "other"', () => {
    expect([use('acme'), use('globex'), use('initech'), use('acme')]).toEqual(['acme', 'globex', 'other', 'acme']);
  });

  it('pass to orgs that are used more, whose series are dropped then', () => {
    use('acme', 1);
    use('globex', 100);
    expect(use('initech', 50)).toBe('other');
    now += MINUTE;
    expect(use('initech')).toBe('initech');
    expect(use('acme')).toBe('other');
    expect(dropped).toEqual(['acme']);
  });

  it('are lost by an org that is not used any more', () => {
    use('acme', 100);
    use('globex', 100);
    for (let minute = 0; minute < 60; minute++) {
      now += MINUTE;
      use('globex', 10);
      use('initech', 10);
    }
    expect(use('initech')).toBe('initech');
    expect(dropped).toContain('acme');
  });

  it('never name more orgs than asked for, however many there are', () => {
    const labels = new Set<string | null>();
    for (let i = 0; i < 10_000; i++) labels.add(use(`org-${i}`));
    expect([...labels].sort()).toEqual(['org-0', 'org-1', 'other']);
  });
});
