import { ConfigError, loadConfig } from './config.ts';
import { baseEnv } from './environment.ts';
import { createLogger, type Logger, scrub } from './logger.ts';
import { enableProcessMetrics } from './metrics.ts';
import { startTracing } from './tracing.ts';

/** A service that runs. */
export interface RunningService {
  /** Drains and stops every part. */
  stop(): Promise<void>;
}

// Beyond the drain itself: leaving consumer groups, closing pools, sending the last spans.
const STOP_GRACE_SECONDS = 10;

/**
 * Runs a service until SIGTERM or SIGINT, which stop it within DRAIN_SECONDS + 10 s; a second signal ends the process at
 * once. A failed start and any uncaught error end it with exit code 1: a supervisor restarts it from a known state.
 */
export async function runService(name: string, start: (log: Logger) => Promise<RunningService>): Promise<void> {
  let log: Logger;
  let drainSeconds: number;
  try {
    const config = loadConfig(baseEnv.pick({ LOG_LEVEL: true, DRAIN_SECONDS: true, METRICS_TOP_ORGS: true }));
    log = createLogger(name, config.LOG_LEVEL);
    drainSeconds = config.DRAIN_SECONDS;
    enableProcessMetrics(name, { topOrgs: config.METRICS_TOP_ORGS });
  } catch (error) {
    failStart(name, error);
  }

  const die = (what: string) => (error: unknown) => {
    log.fatal({ err: error }, what);
    process.exit(1);
  };
  process.on('uncaughtException', die('uncaught exception'));
  process.on('unhandledRejection', die('unhandled rejection'));

  const stopTracing = await startTracing(name, log);
  const starting = start(log);

  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) {
      log.warn({ signal }, 'second signal, exiting at once');
      process.exit(1);
    }
    stopping = true;
    log.info({ signal }, 'stopping');
    const deadline = setTimeout(
      () => {
        log.error('did not stop in time, exiting');
        process.exit(1);
      },
      (drainSeconds + STOP_GRACE_SECONDS) * 1000,
    );
    deadline.unref();
    try {
      await (await starting).stop();
      await stopTracing();
      log.info('stopped');
      process.exit(0);
    } catch (error) {
      die('could not stop cleanly')(error);
    }
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  try {
    await starting;
    log.info('started');
  } catch (error) {
    failStart(name, error);
  }
}

function failStart(name: string, error: unknown): never {
  const detail =
    error instanceof ConfigError
      ? error.message
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(scrub(`${name} could not start. ${detail}\n`));
  process.exit(1);
}
