import { SERVICES } from '@governsai/contracts';
import type { ProcessEvent } from '../../../tools/dist/process.js';

/** Watches the services' processes: none may end but those that a fault ends. */
export class ServiceEnds {
  #ended: Extract<ProcessEvent, { kind: 'ended' }>[] = [];

  /** Give it to the stack as `event`. */
  readonly event = (event: ProcessEvent): void => {
    if (event.kind === 'ended' && SERVICES.some((name) => event.name.startsWith(name))) this.#ended.push(event);
  };

  /** What ended since the last call and should not have, in words. `killed`: how many the fault killed with SIGKILL. */
  take(killed: number): string[] {
    const ended = this.#ended;
    this.#ended = [];
    let allowed = killed;
    return ended
      .filter(({ how, restartInMs }) => {
        if (how === 'was killed by SIGKILL' && restartInMs !== null) return --allowed < 0;
        // Stopped on purpose: in order, or the stop took too long.
        return restartInMs === null ? how !== 'ended with exit code 0' : true;
      })
      .map(({ name, pid, how }) => `${name} (${pid}) ${how}`);
  }
}
