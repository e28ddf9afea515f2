import type { ServiceName } from '@governsai/contracts';
import type { StackFile } from './stack-file.ts';

/** A stack that runs, as processes or as containers. */
export interface RunningStack {
  /** What `.dev/stack.json` says of it now. */
  describe(): StackFile;
  /** Restarts a service from what is compiled now. */
  restartService(name: ServiceName): Promise<void>;
  stop(): Promise<void>;
}
