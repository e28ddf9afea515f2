import type { Database } from '@governsai/db';
import { type Logger, Periodic } from '@governsai/service';
import type { Config } from './config.ts';
import { readSigningKey, signCheckpoints } from './proof/checkpoints.ts';
import { pruneDecisions } from './proof/retention.ts';
import type { Publisher } from './publisher.ts';
import { publishLeftBehind } from './sweep.ts';

/**
 * What the writer does beside recording: sweep up what was left unpublished, sign checkpoints, prune. Throws KeyError for
 * a CHECKPOINT_KEY that cannot sign.
 */
export function periodicWork(
  config: Pick<Config, 'CHECKPOINT_KEY' | 'CHECKPOINT_INTERVAL_MS' | 'RETENTION_INTERVAL_MS' | 'SWEEP_INTERVAL_MS'>,
  { db, publisher, log }: { db: Database; publisher: Publisher; log: Logger },
): Periodic[] {
  const every = (name: string, intervalMs: number, work: () => Promise<number>, done: string) =>
    new Periodic({
      name,
      intervalMs,
      log,
      run: async () => {
        const count = await work();
        if (count > 0) log.info({ count }, done);
      },
    });
  const work = [
    every(
      'sweep',
      config.SWEEP_INTERVAL_MS,
      () => publishLeftBehind(db, publisher),
      'published what was left of these orgs',
    ),
    every('retention', config.RETENTION_INTERVAL_MS, () => pruneDecisions(db), 'pruned decisions past their retention'),
  ];
  if (config.CHECKPOINT_KEY === undefined) {
    log.warn('CHECKPOINT_KEY is not set: no checkpoints are signed, and retention prunes nothing');
    return work;
  }
  const key = readSigningKey(config.CHECKPOINT_KEY);
  const sign = () => signCheckpoints(db, key, () => new Date());
  return [...work, every('checkpoints', config.CHECKPOINT_INTERVAL_MS, sign, 'signed checkpoints')];
}
