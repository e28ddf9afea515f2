import { parentPort } from 'node:worker_threads';
import { Relay } from './relay.ts';

/** What a line is told; see `Line`. */
export interface LineOrder {
  target?: number;
  delayMs?: number;
  stalled?: boolean;
  cut?: true;
}

const relay = new Relay();
parentPort?.on('message', ({ target, delayMs, stalled, cut }: LineOrder) => {
  if (target !== undefined) relay.target = target;
  if (delayMs !== undefined) relay.delayMs = delayMs;
  if (stalled !== undefined) relay.stalled = stalled;
  if (cut) relay.cut();
});
parentPort?.postMessage(await relay.listen());
