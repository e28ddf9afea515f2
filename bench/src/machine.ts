import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import type { Database } from '@governsai/db';

/** Where and of what numbers are. */
export interface Machine {
  at: string;
  commit: string;
  processor: string;
  cores: number;
  memoryGiB: number;
  system: string;
  versions: Record<string, string>;
}

export async function describeMachine(admin: Database): Promise<Machine> {
  const [server] = await admin.system.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  const java = outputOf('java', ['-version']);
  return {
    at: new Date().toISOString(),
    commit: `${outputOf('git', ['rev-parse', '--short', 'HEAD'])}${outputOf('git', ['status', '--porcelain']) === '' ? '' : ' and changes'}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    versions: {
      node: process.version,
      postgres: server?.version ?? 'unknown',
      java: /"([^"]+)"/.exec(java)?.[1] ?? java,
    },
  };
}

/** What a program writes, or '' where it cannot be run. */
function outputOf(command: string, args: readonly string[]): string {
  try {
    return execFileSync('/bin/sh', ['-c', `${[command, ...args].join(' ')} 2>&1`], { encoding: 'utf8' }).trim();
  } catch {
    return '';
  }
}
