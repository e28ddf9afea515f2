import { verifyOrgChain } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import { auditEvent, type HttpApp } from '@governsai/service';
import { verifyStoredChain } from '../proof/verification.ts';

/** `GET /v1/orgs/:org/chain/verify`: the result, or progress lines and then the result as NDJSON. */
export function verifyChainRoute(app: HttpApp, db: Database, wake: () => void): void {
  app.mount(verifyOrgChain, async ({ params: { org }, res, ...source }) => {
    const streams = source.req.accepts(['application/json', 'application/x-ndjson']) === 'application/x-ndjson';
    if (streams) res.status(200).setHeader('content-type', 'application/x-ndjson; charset=utf-8');
    const verification = verifyStoredChain(db, org);
    let step = await verification.next();
    while (!step.done) {
      // Nobody waits for the answer any more: the work stops with the connection.
      if (res.destroyed) return undefined;
      if (streams) res.write(`${JSON.stringify(step.value)}\n`);
      step = await verification.next();
    }
    const result = step.value;
    const entry = { orgId: org, action: 'chain.verify', target: null, detail: { ...result } };
    await db.transaction([org], (tx) => outboxAppend(tx, 'decision-writer', [auditEvent({ ...source }, entry)]));
    wake();
    if (!streams) return result;
    res.end(`${JSON.stringify(result)}\n`);
    return undefined;
  });
}
