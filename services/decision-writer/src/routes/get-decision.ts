import { getDecision } from '@governsai/contracts';
import type { Database } from '@governsai/db';
import type { HttpApp } from '@governsai/service';
import { readDecision } from '../reading.ts';

/** `GET /v1/orgs/:org/decisions/:id`. */
export function getDecisionRoute(app: HttpApp, db: Database): void {
  app.mount(getDecision, ({ params }) => readDecision(db, params.org, params.id));
}
