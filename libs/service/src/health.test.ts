import { beforeEach, describe, expect, it } from '@jest/globals';
import { Health } from './health.ts';
import { createLogger } from './logger.ts';

let time: number;
let health: Health;
beforeEach(() => {
  time = 0;
  health = new Health({
    service: 'auth',
    version: '1.0.0',
    intervalMs: 5000,
    log: createLogger('test', 'silent'),
    now: () => new Date(time),
  });
});

const down = async () => {
  throw new Error('connection refused');
};
const up = async () => {};
const status = () => health.readiness().status;

describe('health', () => {
  it('is starting, then ready, then draining', () => {
    expect(status()).toBe('starting');
    expect(health.hasStarted).toBe(false);
    health.started();
    expect(status()).toBe('ready');
    health.draining();
    expect(status()).toBe('draining');
    health.started();
    expect(status()).toBe('draining');
    expect(health.hasStarted).toBe(true);
  });

  it('is unready without a required dependency, degraded without an optional one', async () => {
    health.dependency('kafka', { required: false, check: down }).started();
    await health.check();
    expect(status()).toBe('degraded');
    health.dependency('postgresql', { required: true, check: down });
    await health.check();
    expect(status()).toBe('unready');
  });

  it('says of nothing that it is down once it drains: it closes its parts itself', async () => {
    let working = true;
    health.dependency('postgresql', { required: true, check: () => (working ? up() : down()) }).started();
    await health.check();
    health.draining();
    working = false;
    await health.check();
    expect(health.readiness().dependencies).toEqual([expect.objectContaining({ name: 'postgresql', up: true })]);
  });

  it('does not count a dependency as up before it was checked', async () => {
    health.dependency('postgresql', { required: true, check: up }).started();
    expect(status()).toBe('unready');
    await health.check();
    expect(status()).toBe('ready');
  });

  it('says what is down, why, and since when it has been so', async () => {
    let working = true;
    health.dependency('postgresql', { required: true, check: () => (working ? up() : down()) }).started();
    time = 1000;
    await health.check();
    working = false;
    time = 2000;
    await health.check();
    time = 3000;
    await health.check();
    expect(health.readiness()).toEqual({
      status: 'unready',
      service: 'auth',
      version: '1.0.0',
      dependencies: [
        {
          name: 'postgresql',
          up: false,
          since: '1970-01-01T00:00:02.000Z',
          error: 'connection refused',
          required: true,
        },
      ],
    });
  });

  it('believes a part that reports at once, until the next check', async () => {
    health.dependency('kafka', { required: false, check: up }).started();
    await health.check();
    health.report('kafka', new Error('broken pipe'));
    expect(status()).toBe('degraded');
    await health.check();
    expect(status()).toBe('ready');
  });

  it('takes a report of a part it did not know as an optional dependency', () => {
    health.started();
    health.report('outbox', new Error('stuck'));
    expect(status()).toBe('degraded');
    health.report('outbox', null);
    expect(status()).toBe('ready');
  });

  it('gives up on a check that does not answer', async () => {
    health.dependency('postgresql', { required: true, check: () => new Promise(() => {}) }).started();
    await health.check();
    expect(health.readiness().dependencies[0]?.error).toContain('2000 ms');
  }, 10_000);
});
