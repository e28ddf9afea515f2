import {
  AppError,
  CLIENT_MESSAGES,
  type Principal,
  principal as principalSchema,
  relayHolds,
  validationError,
} from '@governsai/contracts';
import { extractContext, type HttpApp, type Logger, withSpan } from '@governsai/service';
import { z } from 'zod';
import type { HoldDesk } from '../holds/desk.ts';
import { holdView } from './hold-view.ts';

export interface HoldRelayParts {
  desk: HoldDesk;
  authorize: (principal: Principal, orgId: string, scope: 'decisions:write') => void;
  log: Logger;
}

const message = z.discriminatedUnion('type', [CLIENT_MESSAGES.HOLD, CLIENT_MESSAGES.SETTLE, CLIENT_MESSAGES.RELEASE]);
type Message = z.infer<typeof message>;
const envelope = z.object({
  items: z
    .array(z.object({ principal: principalSchema, message: z.unknown(), traceparent: z.string().optional() }))
    .min(1)
    .max(1000),
});

/** `POST /internal/holds`: messages of sockets, each answered for itself. Those about one hold take effect in their order. */
export function holdRelayRoute(app: HttpApp, parts: HoldRelayParts): void {
  app.mount(relayHolds, async ({ body }) => {
    const parsed = envelope.safeParse(body);
    if (!parsed.success) throw validationError(parsed.error);
    const lastOf = new Map<string, Promise<unknown>>();
    const results = parsed.data.items.map(({ principal, message: raw, traceparent }) => {
      const handle = () =>
        withSpan('hold message', { parent: extractContext(traceparent === undefined ? {} : { traceparent }) }, () =>
          answer(parts, principal, raw).catch((error: unknown) => refusal(parts.log, raw, error)),
        );
      const id = idOf(raw);
      if (id === undefined) return handle();
      const hold = JSON.stringify([principal.orgId, id]);
      const result = (lastOf.get(hold) ?? Promise.resolve()).then(handle);
      lastOf.set(hold, result);
      return result;
    });
    return { results: await Promise.all(results) };
  });
}

async function answer({ desk, authorize }: HoldRelayParts, principal: Principal, raw: unknown) {
  const parsed = message.safeParse(raw);
  if (!parsed.success) throw validationError(parsed.error);
  authorize(principal, principal.orgId, 'decisions:write');
  return said(await act(desk, principal, parsed.data));
}

type Answer = Awaited<ReturnType<typeof act>>;

async function act(desk: HoldDesk, principal: Principal, one: Message) {
  const { orgId } = principal;
  switch (one.type) {
    case 'HOLD': {
      const { type: _type, ...hold } = one;
      return { type: 'HOLD_RESULT' as const, id: one.idempotencyKey, ...(await desk.ask({ principal, hold })) };
    }
    case 'SETTLE': {
      const spent = { amount: one.amount, tokens: one.tokens ?? null };
      return {
        type: 'HOLD_STATE' as const,
        id: one.holdId,
        hold: holdView(await desk.settle(orgId, one.holdId, spent)),
      };
    }
    case 'RELEASE':
      return { type: 'HOLD_STATE' as const, id: one.holdId, hold: holdView(await desk.release(orgId, one.holdId)) };
  }
}

function said(result: Answer) {
  return { ...result, timestamp: new Date().toISOString() };
}

const named = z.object({ idempotencyKey: z.string().optional(), holdId: z.string().optional() });

/** What a message calls its hold: the key, or the id. */
function idOf(raw: unknown): string | undefined {
  const { data } = named.safeParse(raw);
  return data?.idempotencyKey ?? data?.holdId;
}

function refusal(log: Logger, raw: unknown, thrown: unknown) {
  const error =
    thrown instanceof AppError
      ? thrown
      : new AppError('INTERNAL', 'something went wrong on our side: retry, or ask the operator', { cause: thrown });
  if (error.code === 'INTERNAL') log.error({ err: thrown }, 'a hold message failed');
  const { code, path, retryAfterMs } = error;
  return { error: { code, message: error.message, path, retryAfterMs, id: idOf(raw) } };
}
