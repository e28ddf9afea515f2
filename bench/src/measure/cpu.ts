import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_A_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Fields of /proc/<pid>/stat (proc(5)), counted from behind the name, which may hold anything. */
const PPID = 1;
const USER = 11;
const CHILDREN_SYSTEM = 14;

function statOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

/** User and system time of a process and of its children, ended or alive, in seconds. Children count for PostgreSQL. */
function cpuSeconds(pid: number): number {
  const own = ticks(pid, true);
  const living = childrenOf(pid).reduce((sum, child) => sum + ticks(child, false), 0);
  return (own + living) / TICKS_A_SECOND;
}

/** With `ended`, the time of children that have ended and were waited for counts too. */
function ticks(pid: number, ended: boolean): number {
  const stat = statOf(pid);
  if (!stat) return 0;
  const last = ended ? CHILDREN_SYSTEM : USER + 1;
  return stat.slice(USER, last + 1).reduce((sum, value) => sum + Number(value), 0);
}

function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((child) => Number(statOf(child)?.[PPID]) === pid);
}

/** CPU seconds by the names of the processes. */
export type Cpu = Record<string, number>;

/** The CPU time of named processes from now on. */
export class CpuClock {
  readonly #pids: Readonly<Record<string, readonly number[]>>;
  readonly #begun: Cpu;

  constructor(pids: Readonly<Record<string, readonly number[]>>) {
    this.#pids = pids;
    this.#begun = this.#read();
  }

  /** Seconds since this clock was made. */
  elapsed(): Cpu {
    return Object.fromEntries(
      Object.entries(this.#read()).map(([name, now]) => [name, now - (this.#begun[name] ?? 0)]),
    );
  }

  #read(): Cpu {
    return Object.fromEntries(
      Object.entries(this.#pids).map(([name, pids]) => [name, pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)]),
    );
  }
}
