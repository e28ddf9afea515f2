import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { LineOrder } from './line-worker.ts';

/**
 * A line between the services and one server, which passes bytes on until it is told otherwise. It runs in a thread of its
 * own: on the thread that makes the load, a busy machine would make it slower than any server.
 */
export class Line {
  #worker: Worker | null = null;

  /** Listens on a free port of 127.0.0.1 and returns it. */
  async listen(): Promise<number> {
    this.#worker = new Worker(new URL('./line-worker.js', import.meta.url));
    const [port] = (await once(this.#worker, 'message')) as [number];
    return port;
  }

  /** The port behind the line. */
  set target(port: number) {
    this.#order({ target: port });
  }

  /** What is passed on arrives this much later. */
  set delayMs(delayMs: number) {
    this.#order({ delayMs });
  }

  /** While true nothing passes, and nobody is told. */
  set stalled(stalled: boolean) {
    this.#order({ stalled });
  }

  /** Resets every connection; new ones may be opened at once. */
  cut(): void {
    this.#order({ cut: true });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #order(order: LineOrder): void {
    this.#worker?.postMessage(order);
  }
}

export interface Lines {
  kafka: Line;
  postgres: Line;
}
