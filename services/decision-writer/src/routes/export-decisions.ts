import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { exportDecisions } from '@governsai/contracts';
import { type Database, outboxAppend } from '@governsai/db';
import { auditEvent, type HttpApp } from '@governsai/service';
import { exportLines, exportRange } from '../proof/export.ts';

/** `GET /v1/orgs/:org/decisions/export`: streamed at the reader's pace, a page in memory at a time. */
export function exportDecisionsRoute(app: HttpApp, db: Database, wake: () => void): void {
  app.mount(exportDecisions, async ({ params: { org }, query: { afterSeq }, res, ...source }) => {
    const range = await exportRange(db, org, afterSeq);
    const detail = { afterSeq: range.after.seq, lastSeq: range.lastSeq };
    const entry = { orgId: org, action: 'decisions.export', target: null, detail };
    // Before the first byte leaves: what was handed out is on record even if the reader goes away.
    await db.transaction([org], (tx) => outboxAppend(tx, 'decision-writer', [auditEvent({ ...source }, entry)]));
    wake();
    const zipped = source.req.acceptsEncodings(['gzip', 'identity']) === 'gzip';
    res.status(200).setHeader('content-type', 'application/x-ndjson; charset=utf-8');
    res.setHeader(
      'content-disposition',
      `attachment; filename="${org}-${range.after.seq + 1}-${range.lastSeq}.ndjson"`,
    );
    res.setHeader('vary', 'accept-encoding');
    const lines = Readable.from(exportLines(db, org, range), { objectMode: false });
    if (zipped) {
      res.setHeader('content-encoding', 'gzip');
      await pipeline(lines, createGzip(), res);
    } else {
      await pipeline(lines, res);
    }
    return undefined;
  });
}
