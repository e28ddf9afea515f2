import { Guard } from '../../tools/src/guard.ts';
import { freePorts, HOST } from '../../tools/src/ports.ts';
import { ManagedProcess } from '../../tools/src/process.ts';
import { preparePrometheus } from '../../tools/src/prometheus.ts';

/** One series of an answer, as it is now. */
interface Sample {
  labels: Record<string, string>;
  value: number;
}

/** A Prometheus that reads a stack and evaluates the rules that ship. */
export interface TestPrometheus {
  /** What an expression comes to now. Throws with Prometheus' own words when it cannot be evaluated. */
  query(expression: string): Promise<Sample[]>;
  /** The names of the alerts that fire now. */
  firing(): Promise<string[]>;
  stop(): Promise<void>;
}

/** A Prometheus of this test's own, on a free port. It looks every second, so that a test need not last. */
export async function startPrometheus(
  binary: string,
  dir: string,
  targets: readonly string[],
): Promise<TestPrometheus> {
  const { port } = await freePorts(['port']);
  const guard = new Guard();
  guard.removeAtEnd(dir);
  const spec = preparePrometheus(binary, dir, { port, targets, scrapeSeconds: 1, evaluationSeconds: 1 });
  const process = new ManagedProcess(spec, { guard, output: () => {}, event: () => {} });
  await process.start();
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://${HOST}:${port}/api/v1/${path}`);
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`Prometheus answered ${path}: ${error}`);
    return data;
  };
  return {
    async query(expression) {
      const { result } = await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
    },
    async firing() {
      const { alerts } = await ask<{ alerts: { state: string; labels: { alertname: string } }[] }>('alerts');
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    },
    async stop() {
      await process.stop();
      await guard.close();
    },
  };
}
