import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { becomeSupervisor, stopSupervising, supervisor } from './lock.ts';
import { identify } from './process-identity.ts';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'));
  file = join(dir, 'supervisor.json');
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('the lock of the local stack', () => {
  it('has one holder, who is named to the next', () => {
    expect(supervisor(file)).toBeNull();
    expect(becomeSupervisor(file)).toBeNull();
    expect(becomeSupervisor(file)).toEqual(identify(process.pid));
    stopSupervising(file);
    expect(becomeSupervisor(file)).toBeNull();
  });

  it('of a process that has ended is taken over, also when its pid belongs to another now', () => {
    writeFileSync(file, JSON.stringify({ pid: process.pid, startedAt: 'another time' }));
    expect(supervisor(file)).toBeNull();
    expect(becomeSupervisor(file)).toBeNull();
    expect(supervisor(file)).toEqual(identify(process.pid));
  });
});
