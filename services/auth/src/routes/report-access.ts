import { reportAccess } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { AccessReports } from '../access-reports.ts';

/** `POST /internal/access-report` */
export function reportAccessRoute(app: HttpApp, reports: AccessReports): void {
  app.mount(reportAccess, async ({ body: { usage, authentications } }) => {
    await reports.take(usage, authentications);
    return undefined;
  });
}
