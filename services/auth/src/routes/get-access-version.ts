import { getAccessVersion } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Verifier } from '../verifier.ts';

/** `GET /internal/access-version` */
export function getAccessVersionRoute(app: HttpApp, verifier: Verifier): void {
  app.mount(getAccessVersion, async () => ({ version: await verifier.version() }));
}
