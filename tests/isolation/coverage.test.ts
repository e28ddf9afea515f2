import { CLIENT_MESSAGES, type HttpRoute, ROUTES } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import {
  AUDITED,
  BODIES,
  CREDENTIAL_ROUTES,
  MESSAGES,
  NOT_AUDITED,
  OPEN_ROUTES,
  RESOURCES,
  SUB_RESOURCES,
} from './samples.ts';

// The matrix itself needs the whole system; that it is complete is told here, at once.

const names = (wanted: (route: HttpRoute) => boolean) =>
  ROUTES.filter(wanted)
    .map((route) => route.name)
    .sort();

const isRead = (route: HttpRoute) => route.method === 'get';

describe('G6: the isolation matrix', () => {
  it('has a body for every route that takes one: add yours to BODIES in samples.ts', () => {
    expect(Object.keys(BODIES).sort()).toEqual(names((route) => route.body !== null));
  });

  it('knows how to make what every path names: add it to RESOURCES in samples.ts', () => {
    const named = ROUTES.flatMap(({ path }) =>
      [...path.matchAll(/\/[\w-]+\/:(?!org\b)\w+/g)].map(([segment]) => segment),
    );
    expect([...new Set(named)].sort()).toEqual([...Object.keys(RESOURCES), ...Object.keys(SUB_RESOURCES)].sort());
  });

  it('knows every route that no scope guards: to open one is a decision about security, stated in samples.ts', () => {
    expect([...OPEN_ROUTES].sort()).toEqual(names((route) => route.auth === 'none'));
    expect(Object.keys(CREDENTIAL_ROUTES).sort()).toEqual(names((route) => route.auth === 'credential'));
  });

  it('knows how every change, export and verification is audited, or why not: add yours to AUDITED in samples.ts', () => {
    const stated = [...Object.keys(AUDITED), ...Object.keys(NOT_AUDITED)].sort();
    const reads = Object.keys(AUDITED).filter((name) => ROUTES.some((route) => route.name === name && isRead(route)));
    const changes = names((route) => route.auth !== 'internal' && (!isRead(route) || reads.includes(route.name)));
    expect(stated).toEqual(changes);
    const handingOut = names((route) => /^(export|verify)/.test(route.name) && route.auth !== 'internal');
    expect(Object.keys(AUDITED)).toEqual(expect.arrayContaining(handingOut));
  });

  it('has a sample of every message', () => {
    expect(['AUTH', ...Object.keys(MESSAGES)].sort()).toEqual(Object.keys(CLIENT_MESSAGES).sort());
  });
});
