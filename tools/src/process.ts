import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guard } from './guard.ts';
import { signalGroup } from './process-group.ts';

/** How one process of the stack is started, and how one knows that it works. */
export interface ProcessSpec {
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment; nothing is inherited. */
  env: Readonly<Record<string, string>>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** What it takes as the request to end in order. */
  stopSignal: NodeJS.Signals;
  /** The other processes use it: where nobody is left to stop all in order, it is stopped after them. */
  servesOthers?: boolean;
  /** It works once it wrote such a line, or while this URL answers 200. */
  ready: { line: RegExp } | { url: string };
}

/** What happened to a process; shown to people and reflected in `.dev/stack.json`. */
export type ProcessEvent =
  | { kind: 'spawned'; name: string; pid: number }
  | { kind: 'ready'; name: string; pid: number }
  | { kind: 'ended'; name: string; pid: number; how: string; restartInMs: number | null };

export interface ProcessHooks {
  guard: Guard;
  /** Each line the process writes. */
  output: (name: string, line: string) => void;
  event: (event: ProcessEvent) => void;
}

const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 20_000;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** A process that worked this long starts its back-off anew. */
const STEADY_MS = 30_000;
/** So many ends before it ever worked mean that it will not. */
const MAX_EARLY_ENDS = 4;
const KEPT_LINES = 20;

/**
 * One process that is kept running: when it ends without being asked to, it is started again, after a growing pause.
 * It leads a process group of its own, and the guard ends that group should this process be killed.
 */
export class ManagedProcess {
  readonly spec: ProcessSpec;
  readonly #hooks: ProcessHooks;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #wanted = false;
  #ready = false;
  #earlyEnds = 0;
  #backoffMs = FIRST_BACKOFF_MS;
  #restart: NodeJS.Timeout | null = null;
  #lastLines: string[] = [];

  constructor(spec: ProcessSpec, hooks: ProcessHooks) {
    this.spec = spec;
    this.#hooks = hooks;
  }

  /** The process itself, not a wrapper; null while none runs. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Whether it worked when last looked at (a URL is asked every second). */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Starts it, unless it runs, and resolves when it works. Rejects when it never does, with its last lines. */
  async start(): Promise<void> {
    if (!this.#wanted) {
      this.#wanted = true;
      this.#earlyEnds = 0;
      this.#backoffMs = FIRST_BACKOFF_MS;
      await this.#ended;
      // stop() may have been called while the process before was ending.
      if (this.#wanted) this.#spawn();
    }
    await this.whenReady();
  }

  /** Resolves when it works; also after a kill, once the replacement does. Rejects after 90 s, or when stopped. */
  async whenReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!this.#ready) {
      if (!this.#wanted) throw new Error(`${this.spec.name} was stopped before it was ready.`);
      if (this.#earlyEnds >= MAX_EARLY_ENDS) throw this.#failure(`ended ${this.#earlyEnds} times before it was ready`);
      if (Date.now() > deadline) throw this.#failure(`was not ready after ${READY_TIMEOUT_MS / 1000} s`);
      await sleep(20);
    }
  }

  /** Sends a signal and resolves when the process has ended; it is then started again by itself, as after a crash. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const ended = this.#ended;
    this.#signal(signal);
    await ended;
  }

  /** Ends it in order (SIGKILL after 20 s) and leaves it stopped until `start()`. */
  async stop(): Promise<void> {
    this.#wanted = false;
    if (this.#restart) clearTimeout(this.#restart);
    this.#restart = null;
    const timer = setTimeout(() => this.#signal('SIGKILL'), STOP_TIMEOUT_MS);
    this.#signal(this.spec.stopSignal);
    this.#signal('SIGCONT');
    await this.#ended;
    clearTimeout(timer);
  }

  /** Stops it in order, starts it and resolves when it works again. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Freezes it (SIGSTOP): its connections stay open and nothing answers, as on a stalled machine. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  /** Lets a paused process go on. */
  resume(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.pid !== null) signalGroup(this.pid, signal);
  }

  #spawn(): void {
    const { spec } = this;
    const startedAt = Date.now();
    const child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...spec.env },
      uid: spec.uid,
      gid: spec.gid,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#lastLines = [];
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => {
        // Only a failed spawn comes without a pid; an exit follows in every other case.
        if (child.pid === undefined) this.#end(child, `could not be started: ${error.message}`, 0, resolve);
      });
      child.once('exit', (code, signal) => {
        const how = signal ? `was killed by ${signal}` : `ended with exit code ${code}`;
        this.#end(child, how, Date.now() - startedAt, resolve);
      });
    });
    if (child.pid === undefined) return;
    this.#hooks.guard.watch(child.pid, spec.stopSignal, spec.servesOthers);
    this.#hooks.event({ kind: 'spawned', name: spec.name, pid: child.pid });
    this.#read(child, child.stdout);
    this.#read(child, child.stderr);
    if ('url' in spec.ready) void this.#poll(child, spec.ready.url);
  }

  #read(child: ChildProcess, stream: Readable): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
      this.#hooks.output(this.spec.name, line);
      if ('line' in this.spec.ready && this.spec.ready.line.test(line)) this.#becameReady(child);
    });
  }

  async #poll(child: ChildProcess, url: string): Promise<void> {
    while (this.#child === child) {
      const works = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
        async (response) => {
          await response.body?.cancel();
          return response.status === 200;
        },
        () => false,
      );
      if (this.#child !== child) return;
      if (works) this.#becameReady(child);
      else this.#ready = false;
      await sleep(works ? 1_000 : 100, undefined, { ref: false });
    }
  }

  #becameReady(child: ChildProcess): void {
    if (this.#child !== child || this.#ready || child.pid === undefined) return;
    this.#ready = true;
    this.#earlyEnds = 0;
    this.#hooks.event({ kind: 'ready', name: this.spec.name, pid: child.pid });
  }

  #end(child: ChildProcess, how: string, livedMs: number, resolve: () => void): void {
    const pid = child.pid ?? 0;
    if (pid) this.#hooks.guard.release(pid);
    if (!this.#ready) this.#earlyEnds++;
    if (livedMs > STEADY_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    this.#child = null;
    this.#ready = false;
    const restartInMs = this.#wanted ? this.#backoffMs : null;
    if (restartInMs !== null) {
      this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
      this.#restart = setTimeout(() => this.#spawn(), restartInMs);
    }
    this.#hooks.event({ kind: 'ended', name: this.spec.name, pid, how, restartInMs });
    resolve();
  }

  #failure(what: string): Error {
    const lines = this.#lastLines.map((line) => `\n    ${line}`).join('');
    return new Error(`${this.spec.name} ${what}. Its last lines:${lines || ' none'}`);
  }
}
