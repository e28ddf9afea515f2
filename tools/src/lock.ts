import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEV_DIR } from './paths.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import { readJson } from './whole-file.ts';

/** Says which process supervises the local stack. The reaper removes it when that process has ended. */
export const LOCK_FILE = join(DEV_DIR, 'supervisor.json');

/** The living supervisor of the local stack; null when there is none. */
export function supervisor(file = LOCK_FILE): ProcessIdentity | null {
  const holder = readJson(file) as ProcessIdentity | null;
  return holder && isAlive(holder) ? holder : null;
}

/**
 * Makes this process the supervisor. Returns null when it is now, else the one that is already. Two that try at once: one
 * succeeds.
 */
export function becomeSupervisor(file = LOCK_FILE): ProcessIdentity | null {
  mkdirSync(dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identify(process.pid)));
  try {
    for (;;) {
      // A link appears whole and only where nothing is.
      if (succeeds(() => linkSync(own, file))) return null;
      const holder = supervisor(file);
      if (holder) return holder;
      removeStale(file);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

export function stopSupervising(file = LOCK_FILE): void {
  rmSync(file, { force: true });
}

/** Moves a lock aside and looks again: another process may have replaced the stale one in between. */
function removeStale(file: string): void {
  const aside = `${file}.stale-${process.pid}`;
  if (!succeeds(() => renameSync(file, aside))) return;
  if (supervisor(aside)) succeeds(() => linkSync(aside, file));
  rmSync(aside, { force: true });
}

function succeeds(step: () => void): boolean {
  try {
    step();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}
