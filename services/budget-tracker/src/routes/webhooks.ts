import { randomBytes } from 'node:crypto';
import {
  AppError,
  changeWebhook,
  createWebhook,
  deleteWebhook,
  getDelivery,
  getWebhook,
  listDeliveries,
  listWebhooks,
  replayDelivery,
  rotateWebhookSecret,
  testWebhook,
} from '@governsai/contracts';
import type { Database, Sql } from '@governsai/db';
import { decodeCursor, type HttpApp, pageOf } from '@governsai/service';
import {
  addDelivery,
  type DeliveryRow,
  findDelivery,
  listDeliveryRows,
  listTries,
  replay,
} from '../store/webhook-deliveries.ts';
import {
  countWebhooks,
  findWebhook,
  insertWebhook,
  listWebhookRows,
  removeWebhook,
  replaceSecret,
  updateWebhook,
  type WebhookRow,
} from '../store/webhooks.ts';
import type { AddressPolicy } from '../webhooks/address-policy.ts';
import { newSecret } from '../webhooks/signature.ts';
import { audit, callerId } from './audit.ts';
import { inOrg } from './in-org.ts';

export interface WebhookRouteParts {
  db: Database;
  /** Where webhooks may be. */
  policy: AddressPolicy;
  /** Called when events wait in the outbox. */
  wake: () => void;
}

const MAX_WEBHOOKS = 32;
const TURNED_OFF = 'an admin turned it off';

/** `/v1/orgs/:org/webhooks`: what is called, and its secrets. */
export function webhookRoutes(app: HttpApp, { db, policy, wake }: WebhookRouteParts): void {
  app.mount(listWebhooks, async ({ params: { org }, query: { cursor, limit } }) => {
    const [after] = decodeCursor(cursor, 'string') ?? [''];
    const rows = await inOrg(db, org, (tx) => listWebhookRows(tx, org, after, limit + 1));
    return pageOf(rows, limit, ({ id }) => [id], asItIs);
  });

  app.mount(getWebhook, ({ params: { org, id } }) => inOrg(db, org, (tx) => wanted(tx, org, id)));

  app.mount(createWebhook, async ({ params: { org }, body, principal, req }) => {
    checkUrl(body.url, policy);
    const id = `wh_${randomBytes(12).toString('hex')}`;
    const secret = newSecret();
    const webhook = await inOrg(db, org, async (tx) => {
      if ((await countWebhooks(tx, org)) >= MAX_WEBHOOKS) {
        throw new AppError('CONFLICT', `org ${org} has ${MAX_WEBHOOKS} webhooks, the most it may have: delete one`);
      }
      await insertWebhook(tx, org, id, { ...body, disabledBecause: null }, callerId(principal));
      await replaceSecret(tx, org, id, secret, 0);
      const detail = { before: null, after: shown({ ...body, disabledBecause: null }) };
      await audit(tx, { principal, req }, { orgId: org, action: 'webhook.create', target: id, detail });
      return wanted(tx, org, id);
    });
    wake();
    return { ...webhook, secret };
  });

  app.mount(changeWebhook, async ({ params: { org, id }, body, principal, req }) => {
    if (body.url !== undefined) checkUrl(body.url, policy);
    const webhook = await inOrg(db, org, async (tx) => {
      const before = await wanted(tx, org, id);
      const disabledBecause = body.enabled === undefined ? before.disabledBecause : body.enabled ? null : TURNED_OFF;
      const { url = before.url, format = before.format, kinds = before.kinds } = body;
      await updateWebhook(tx, id, { url, format, kinds, disabledBecause });
      const detail = { before: shown(before), after: shown({ url, format, kinds, disabledBecause }) };
      await audit(tx, { principal, req }, { orgId: org, action: 'webhook.change', target: id, detail });
      return wanted(tx, org, id);
    });
    wake();
    return webhook;
  });

  app.mount(deleteWebhook, async ({ params: { org, id }, principal, req }) => {
    await inOrg(db, org, async (tx) => {
      const before = await wanted(tx, org, id);
      await removeWebhook(tx, id);
      const detail = { before: shown(before), after: null };
      await audit(tx, { principal, req }, { orgId: org, action: 'webhook.delete', target: id, detail });
    });
    wake();
    return undefined;
  });

  app.mount(rotateWebhookSecret, async ({ params: { org, id }, body, principal, req }) => {
    const secret = newSecret();
    const webhook = await inOrg(db, org, async (tx) => {
      await wanted(tx, org, id);
      await replaceSecret(tx, org, id, secret, body.overlapSeconds);
      await audit(tx, { principal, req }, { orgId: org, action: 'webhook.rotate', target: id, detail: body });
      return wanted(tx, org, id);
    });
    wake();
    return { ...webhook, secret };
  });
}

/** `…/:id/deliveries`: what was sent to a webhook, what came of it, and sending it again. */
export function deliveryRoutes(app: HttpApp, { db, wake }: Pick<WebhookRouteParts, 'db' | 'wake'>): void {
  app.mount(testWebhook, async ({ params: { org, id }, principal, req }) => {
    const sent = await inOrg(db, org, async (tx) => {
      await wanted(tx, org, id);
      const kind = 'webhook.test';
      const data = { orgId: org, severity: 'info', title: 'A test', body: `This webhook of org ${org} works.` };
      const payload = { type: kind, timestamp: new Date().toISOString(), data };
      const messageId = `msg_${randomBytes(16).toString('hex')}`;
      const delivery = await addDelivery(tx, { orgId: org, webhookId: id, messageId, kind, payload });
      await audit(tx, { principal, req }, { orgId: org, action: 'webhook.test', target: id, detail: { delivery } });
      return deliveryView(await wantedDelivery(tx, id, delivery));
    });
    wake();
    return sent;
  });

  app.mount(listDeliveries, async ({ params: { org, id }, query: { cursor, limit, status = null } }) => {
    const [before] = decodeCursor(cursor, 'number') ?? [Number.MAX_SAFE_INTEGER];
    const rows = await inOrg(db, org, async (tx) => {
      await wanted(tx, org, id);
      return listDeliveryRows(tx, id, { status, before, limit: limit + 1 });
    });
    return pageOf(rows, limit, (row) => [row.id], asItIs);
  });

  app.mount(getDelivery, ({ params: { org, id, delivery } }) =>
    inOrg(db, org, async (tx) => {
      await wanted(tx, org, id);
      const found = await wantedDelivery(tx, id, delivery);
      return { ...found, tries: await listTries(tx, found.id) };
    }),
  );

  app.mount(replayDelivery, async ({ params: { org, id, delivery }, principal, req }) => {
    const again = await inOrg(db, org, async (tx) => {
      await wanted(tx, org, id);
      const found = await wantedDelivery(tx, id, delivery);
      await replay(tx, found.id);
      await audit(tx, { principal, req }, { orgId: org, action: 'webhook.replay', target: id, detail: { delivery } });
      return deliveryView(await wantedDelivery(tx, id, delivery));
    });
    wake();
    return again;
  });
}

/** Refuses at once what would be refused on every try. Where a name leads to is only known then. */
function checkUrl(url: string, policy: AddressPolicy): void {
  const { username, password } = new URL(url);
  const refused =
    username !== '' || password !== ''
      ? 'must hold no user name or password; verify the signature instead'
      : policy.refusalOf(new URL(url));
  if (refused !== null) throw new AppError('VALIDATION_FAILED', `url: ${refused}`, { path: 'url' });
}

/** A webhook as the audit log shows it: the path of a URL may be a secret. */
function shown({
  url,
  format,
  kinds,
  disabledBecause,
}: Pick<WebhookRow, 'url' | 'format' | 'kinds' | 'disabledBecause'>) {
  return { host: new URL(url).host, format, kinds, enabled: disabledBecause === null };
}

async function wanted(tx: Sql, org: string, id: string): Promise<WebhookRow> {
  const webhook = await findWebhook(tx, org, id);
  if (webhook) return webhook;
  throw new AppError('NOT_FOUND', `org ${org} has no webhook ${id}: list its webhooks to see their ids`);
}

async function wantedDelivery(tx: Sql, webhookId: string, id: number) {
  const delivery = await findDelivery(tx, webhookId, id);
  if (delivery) return delivery;
  throw new AppError('NOT_FOUND', `webhook ${webhookId} has no delivery ${id}: list its deliveries to see their ids`);
}

function deliveryView({ payload: _payload, ...row }: DeliveryRow & { payload: object }): DeliveryRow {
  return row;
}

function asItIs<T>(row: T): T {
  return row;
}
