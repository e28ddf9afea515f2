import type { Database } from '@governsai/db';
import { Counter, type Logger, VERSION } from '@governsai/service';
import {
  type ClaimedDelivery,
  claimDelivery,
  disableWebhook,
  recordTry,
  waitWith,
} from '../store/webhook-deliveries.ts';
import { presentSecrets } from '../store/webhooks.ts';
import type { AddressPolicy } from './address-policy.ts';
import { nextPause } from './retries.ts';
import { type Outcome, send } from './send.ts';
import { signatureHeaders } from './signature.ts';

export interface DispatcherOptions {
  db: Database;
  log: Logger;
  policy: AddressPolicy;
  /** For one request, ms. */
  timeoutMs: number;
  /** Requests at the same time. 16 unless given. */
  concurrency?: number;
  /** Between two looks at what is due, ms. 1,000 unless given. */
  pollMs?: number;
  /** Told of a failure, and null once it works again. */
  health: (error: unknown) => void;
}

/** How long a claim outlives its request: longer than anybody needs to write down what came of it. */
const LEASE_SECONDS = 60;
/** A receiver that answers so does not want to be called any more (Standard Webhooks specification). */
const GONE = 410;
/** How long others wait with a webhook that did not answer. */
const LEFT_ALONE_MS = 5000;

const deliveriesTotal = new Counter({
  name: 'governsai_webhook_attempts_total',
  help: 'Tries to deliver to a webhook by what came of them: delivered, retried, failed.',
  labelNames: ['outcome'],
});
// A counter that first appears with its first count would hide that count from a rate.
for (const outcome of ['delivered', 'retried', 'failed']) deliveriesTotal.inc({ outcome }, 0);

/** Sends what waits for webhooks, with retries; any number of trackers may, a delivery is tried by one at a time. */
export class Dispatcher {
  readonly #options: Required<DispatcherOptions>;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: DispatcherOptions) {
    this.#options = { concurrency: 16, pollMs: 1000, ...options };
  }

  /** Begins to send. Returns at once. */
  start(): void {
    this.#schedule(0);
  }

  /** Resolves when the requests under way are settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, ms);
  }

  async #run(): Promise<void> {
    const { health, log, pollMs, concurrency } = this.#options;
    try {
      const sent = await this.tick();
      health(null);
      this.#schedule(sent < concurrency ? pollMs : 0);
    } catch (error) {
      health(error);
      log.warn({ err: error }, 'webhooks could not be looked after, trying again');
      this.#schedule(5 * pollMs);
    }
  }

  /** Tries what is due, as much as may be at the same time, and says how many that were. */
  async tick(): Promise<number> {
    const { db, concurrency } = this.#options;
    const due = await db.system.query<{ org_id: string; delivery_id: number }>(
      'SELECT org_id, delivery_id FROM webhooks_to_send($1)',
      [concurrency],
    );
    await Promise.all(due.map(({ org_id, delivery_id }) => this.#deliver(org_id, delivery_id)));
    return due.length;
  }

  async #deliver(orgId: string, id: number): Promise<void> {
    const { db, policy, timeoutMs } = this.#options;
    const lease = LEASE_SECONDS + Math.ceil(timeoutMs / 1000);
    const claimed = await db.transaction([orgId], async (tx) => {
      const delivery = await claimDelivery(tx, id, lease);
      return delivery && { delivery, secrets: await presentSecrets(tx, delivery.webhookId) };
    });
    if (claimed === null) return;
    const { delivery, secrets } = claimed;
    const begun = Date.now();
    const outcome: Outcome =
      delivery.disabledBecause === null
        ? await send(requestOf(delivery, secrets, begun), { policy, timeoutMs })
        : { status: null, error: `the webhook is off: ${delivery.disabledBecause}`, retryAfterMs: null };
    await this.#settle(orgId, delivery, outcome, begun);
  }

  async #settle(orgId: string, delivery: ClaimedDelivery, outcome: Outcome, begun: number): Promise<void> {
    const { status, error, retryAfterMs } = outcome;
    const ends = error === null || status === GONE || delivery.disabledBecause !== null;
    const pauseMs = ends ? null : nextPause(delivery.attempts, retryAfterMs);
    deliveriesTotal.inc({ outcome: error === null ? 'delivered' : pauseMs === null ? 'failed' : 'retried' });
    await this.#options.db.transaction([orgId], async (tx) => {
      const at = new Date(begun).toISOString();
      const result = { orgId, deliveryId: delivery.id, at, tookMs: Date.now() - begun, status, error, pauseMs };
      await recordTry(tx, result);
      if (status === GONE)
        await disableWebhook(tx, delivery.webhookId, 'it answered 410: it does not want to be called');
      else if (error !== null && status === null) await waitWith(tx, delivery.webhookId, LEFT_ALONE_MS);
    });
  }
}

function requestOf({ url, format, payload, messageId }: ClaimedDelivery, secrets: readonly string[], now: number) {
  const body = JSON.stringify(format === 'slack' ? slackBody(payload) : payload);
  return {
    url,
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': `governsai-webhooks/${VERSION}`,
      ...signatureHeaders(messageId, Math.floor(now / 1000), body, secrets),
    },
  };
}

/** A message as incoming webhooks of Slack take it. Characters that would be markup there are escaped, as it demands. */
function slackBody({ type, data }: Record<string, unknown>): { text: string } {
  const { title, body } = (data ?? {}) as { title?: unknown; body?: unknown };
  const escaped = (text: unknown) =>
    String(text ?? '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;');
  return { text: `*${escaped(title ?? type)}*\n${escaped(body)}` };
}
