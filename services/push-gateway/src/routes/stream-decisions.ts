import type { IncomingMessage } from 'node:http';
import { AppError, streamDecisions } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { EventStreams } from '../event-streams/event-streams.ts';

/** `GET /v1/orgs/:org/decisions/stream` */
export function streamDecisionsRoute(app: HttpApp, streams: EventStreams): void {
  app.mount(streamDecisions, async ({ params: { org }, query, requestId, req, res }) => {
    const { afterSeq, filter = null, fields = null } = query;
    // What an EventSource has seen goes before what its URL said at first.
    const since = lastEventId(req) ?? afterSeq ?? null;
    if (req.method === 'HEAD') return undefined;
    const channel = { kind: 'decisions' as const, orgId: org };
    await streams.begin({ req, res, requestId, path: req.path, channel, since, selection: { filter, fields } });
    return undefined;
  });
}

function lastEventId(req: IncomingMessage): number | null {
  const id = req.headers['last-event-id'];
  if (id === undefined || id === '') return null;
  const seq = typeof id === 'string' && /^\d{1,16}$/.test(id) ? Number(id) : Number.NaN;
  if (!Number.isSafeInteger(seq)) {
    throw new AppError('VALIDATION_FAILED', 'Last-Event-ID: must be the seq of the last event seen, such as 42', {
      path: 'Last-Event-ID',
    });
  }
  return seq;
}
