import type { Express } from 'express';
import type { Health } from '../health.ts';
import { register } from '../metrics.ts';

/**
 * `/livez` says only that the process answers: a dependency's outage must not restart it. `/readyz` is 200 while ready or
 * degraded. `/startupz` is 200 once the service has started. `/metrics` is for Prometheus.
 */
export function mountProbes(app: Express, health: Health): void {
  const get = (path: string, answer: () => Promise<{ status: number; type: string; body: string }>) => {
    app.route(path).all(async (req, res, next) => {
      if (req.method !== 'GET' && req.method !== 'HEAD') {
        res.locals.allowed.add('GET').add('HEAD');
        next();
        return;
      }
      res.locals.route = path;
      const { status, type, body } = await answer();
      res.status(status).setHeader('content-type', type).setHeader('cache-control', 'no-store').end(body);
    });
  };
  const json = (status: number, value: unknown) => ({
    status,
    type: 'application/json; charset=utf-8',
    body: JSON.stringify(value),
  });

  get('/livez', async () => json(200, { status: 'alive' }));
  get('/startupz', async () =>
    health.hasStarted ? json(200, { status: 'started' }) : json(503, { status: 'starting' }),
  );
  get('/readyz', async () => {
    const readiness = health.readiness();
    return json(readiness.status === 'ready' || readiness.status === 'degraded' ? 200 : 503, readiness);
  });
  get('/metrics', async () => ({ status: 200, type: register.contentType, body: await register.metrics() }));
}
