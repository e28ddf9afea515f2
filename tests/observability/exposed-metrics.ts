import { SERVICES, type ServiceName } from '@governsai/contracts';
import { jest } from '@jest/globals';
import { describeMetrics, type MetricInfo, type MetricsRegistry } from '../../tools/src/metrics-doc.ts';

/** How each service's modules are loaded, upon which their metrics exist. */
const LOAD: Record<ServiceName, () => Promise<unknown>> = {
  auth: () => import('../../services/auth/src/app.ts'),
  'ingest-gateway': () => import('../../services/ingest-gateway/src/app.ts'),
  'decision-writer': () => import('../../services/decision-writer/src/app.ts'),
  'budget-tracker': () => import('../../services/budget-tracker/src/app.ts'),
  'push-gateway': () => import('../../services/push-gateway/src/app.ts'),
};

/** What each service exposes, taken from its sources. */
export async function exposedMetrics(): Promise<Record<ServiceName, MetricInfo[]>> {
  const found = {} as Record<ServiceName, MetricInfo[]>;
  for (const name of SERVICES) {
    // A registry for each: they would share one otherwise.
    jest.resetModules();
    await LOAD[name]();
    const service = (await import('@governsai/service')) as {
      register: MetricsRegistry & { clear(): void };
      enableProcessMetrics(service: string): void;
    };
    service.enableProcessMetrics(name);
    found[name] = describeMetrics(service.register);
    service.register.clear();
  }
  return found;
}
