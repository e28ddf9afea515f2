import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** What a program of the benchmark can be asked to do. Questions and answers travel as JSON. */
export type Handlers = Record<string, (input: never) => Promise<unknown>>;

interface Question {
  id: number;
  name: string;
  input: unknown;
}
interface Answer {
  id: number;
  result?: unknown;
  error?: string;
}

/** Called by a program: answers what its parent asks, and ends with it. */
export function serve(handlers: Handlers): void {
  process.on('message', ({ id, name, input }: Question) => {
    const handler = handlers[name];
    if (!handler) throw new Error(`this program has no ${name}`);
    void answer(handler, input as never).then((outcome) => process.send?.({ id, ...outcome }));
  });
  process.on('disconnect', () => process.exit(0));
}

async function answer(handler: Handlers[string], input: never): Promise<Omit<Answer, 'id'>> {
  try {
    return { result: await handler(input) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

type Input<Handler> = Handler extends (input: infer I) => unknown ? I : never;
type Output<Handler> = Handler extends (input: never) => Promise<infer R> ? R : never;

/**
 * A load generator or a ceiling in a process of its own, so that its CPU time is its own and nothing it does delays the
 * runner or another program.
 */
export class Program<H extends Handlers> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #next = 0;

  constructor(file: string, args: readonly string[] = []) {
    this.#child = fork(join(import.meta.dirname, file), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ id, result, error }: Answer) => {
      const asked = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) asked?.resolve(result);
      else asked?.reject(new Error(`${file}: ${error}`));
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended (${signal ?? code})`));
      this.#waiting.clear();
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  call<K extends keyof H & string>(name: K, input: Input<H[K]>): Promise<Output<H[K]>> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id, name, input });
    });
  }

  /** Ends the process and waits for that. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
