import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a program is run as somebody PostgreSQL accepts: it refuses to serve as root. */
export interface Account {
  /** Who must own its data; null when that is ourselves. */
  owner: { uid: number; gid: number } | null;
  /** Identity to start the process with; empty to keep ours. */
  spawnAs: { uid?: number; gid?: number };
  /** Words before the command. */
  prefix: readonly string[];
}

/**
 * The account a server that refuses root runs as: our own, or as root `postgres` where there is such a user and
 * `nobody` elsewhere. That user may not be allowed into root's folders (a checkout below /root or a `mktemp -d`); then
 * it gets the right to pass and read them and no more of root. Throws where even that is not possible.
 */
export function serverAccount(folders: readonly string[]): Account {
  if (process.getuid?.() !== 0) return { owner: null, spawnAs: {}, prefix: [] };
  const user = ['postgres', 'nobody'].find((name) => numericId('-u', name) !== null);
  const uid = user ? numericId('-u', user) : null;
  const gid = user ? numericId('-g', user) : null;
  if (uid === null || gid === null) {
    throw new Error(
      'PostgreSQL refuses to run as root and there is no user `postgres`: run `useradd --system postgres`.',
    );
  }
  const owner = { uid, gid };
  const closed = folders.find((folder) => !mayPass(folder, owner));
  if (closed === undefined) return { owner, spawnAs: owner, prefix: [] };
  const prefix = [
    ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'],
    ...['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'],
    // Else access(2), which initdb asks, would not count the right.
    ...['--securebits=+no_setuid_fixup', '--'],
  ];
  try {
    execFileSync('setpriv', [...prefix.slice(1), 'true'], { stdio: 'ignore' });
  } catch {
    throw new Error(
      `PostgreSQL refuses to run as root, and its user ${user} may not enter ${closed}: ` +
        'move the checkout to a folder that others may enter, or run this as an ordinary user.',
    );
  }
  return { owner, spawnAs: {}, prefix };
}

function numericId(flag: '-u' | '-g', user: string): number | null {
  try {
    return Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return null;
  }
}

/** Whether a user may enter a folder (made if need be) and every folder above it. */
function mayPass(folder: string, { uid, gid }: { uid: number; gid: number }): boolean {
  mkdirSync(folder, { recursive: true });
  const stat = statSync(folder);
  const enter = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001;
  if ((stat.mode & enter) === 0) return false;
  return dirname(folder) === folder || mayPass(dirname(folder), { uid, gid });
}
