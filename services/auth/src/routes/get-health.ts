import { getHealth } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { SystemHealthReader } from '../system-health.ts';

/** `GET /v1/health` */
export function getHealthRoute(app: HttpApp, systemHealth: SystemHealthReader): void {
  app.mount(getHealth, () => systemHealth.read());
}
