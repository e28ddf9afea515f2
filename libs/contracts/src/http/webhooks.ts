import { z } from 'zod';
import { orgId, timestamp } from '../identifiers.ts';
import { MAX_PAGE } from '../limits.ts';
import { jsonObject, text } from '../text.ts';
import { defineRoute, page } from './route.ts';

const url = z
  .url({ protocol: /^https?$/, message: 'must be an https:// URL' })
  .max(2048)
  .describe('https; http only to networks that the installation allows.');
const format = z
  .enum(['standard', 'slack'])
  .describe('`standard`: `{type, timestamp, data}`; `slack`: `{text}`, as incoming webhooks of Slack take it.');
/** What webhooks are told of. */
export const WEBHOOK_KINDS = ['budget.threshold', 'budget.forecast', 'budget.overrun', 'budget.currency'] as const;
export type WebhookKind = (typeof WEBHOOK_KINDS)[number];

const kinds = z
  .array(z.enum(WEBHOOK_KINDS))
  .max(WEBHOOK_KINDS.length)
  .describe('Kinds of notifications, such as `budget.threshold`; empty: all.');

/** Where an org is told over HTTP. Requests are signed as the Standard Webhooks specification says. */
export const webhook = z
  .object({
    id: z.string(),
    url: z.string(),
    format,
    kinds,
    disabledBecause: z.string().nullable().describe('Null while it is called; else why it is not.'),
    secretExpiresAt: timestamp
      .nullable()
      .describe('Until when requests are also signed with the secret before the last rotation; null: with one only.'),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Webhook' });
export type Webhook = z.infer<typeof webhook>;

const secret = z
  .string()
  .regex(/^whsec_[A-Za-z0-9+/]{43}=$/)
  .describe('What requests are signed with, shown this once: `whsec_` and 32 random bytes in base64.');
const withSecret = webhook.extend({ secret }).meta({ id: 'WebhookWithSecret' });

export const deliveryStatus = z.enum(['pending', 'delivered', 'failed']);

/** A message to a webhook. */
export const webhookDelivery = z
  .object({
    id: z.int().positive(),
    messageId: z.string().describe('The header `webhook-id`: the same on every try and replay.'),
    kind: z.string(),
    status: deliveryStatus,
    attempts: z.int().nonnegative(),
    nextAttemptAt: timestamp.nullable(),
    lastStatus: z.int().nullable().describe('HTTP status of the last try; null: there was no answer.'),
    lastError: z.string().nullable(),
    createdAt: timestamp,
    deliveredAt: timestamp.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.infer<typeof webhookDelivery>;

const deliveryDetail = webhookDelivery
  .extend({
    payload: jsonObject.describe('What the `standard` format sends.'),
    tries: z.array(
      z.object({
        at: timestamp,
        tookMs: z.int().nonnegative(),
        status: z.int().nullable(),
        error: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'WebhookDeliveryDetail' });

const orgParams = z.object({ org: orgId });
const webhookParams = z.object({ org: orgId, id: text(64, 1) });
const deliveryParams = z.object({ org: orgId, id: text(64, 1), delivery: z.coerce.number().int().positive() });
const paging = {
  cursor: z.string().max(256).optional().describe('`next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(100),
};
const shared = { owner: 'budget-tracker', auth: { scope: 'org:admin' } } as const;

export const listWebhooks = defineRoute({
  ...shared,
  name: 'listWebhooks',
  method: 'get',
  path: '/v1/orgs/:org/webhooks',
  summary: 'The webhooks of an org, by id. Never their secrets.',
  params: orgParams,
  query: z.object(paging),
  response: page(webhook),
});

export const createWebhook = defineRoute({
  ...shared,
  name: 'createWebhook',
  method: 'post',
  path: '/v1/orgs/:org/webhooks',
  summary: 'Adds a webhook; `secret` is shown this once.',
  params: orgParams,
  body: z.object({ url, format: format.default('standard'), kinds: kinds.default([]) }).meta({ id: 'NewWebhook' }),
  status: 201,
  response: withSecret,
});

export const getWebhook = defineRoute({
  ...shared,
  name: 'getWebhook',
  method: 'get',
  path: '/v1/orgs/:org/webhooks/:id',
  summary: 'One webhook.',
  params: webhookParams,
  response: webhook,
});

export const changeWebhook = defineRoute({
  ...shared,
  name: 'changeWebhook',
  method: 'patch',
  path: '/v1/orgs/:org/webhooks/:id',
  summary: 'Changes a webhook, or turns it off and on.',
  params: webhookParams,
  body: z
    .strictObject({
      url: url.optional(),
      format: format.optional(),
      kinds: kinds.optional(),
      enabled: z.boolean().optional(),
    })
    .meta({ id: 'WebhookChange' }),
  response: webhook,
});

export const deleteWebhook = defineRoute({
  ...shared,
  name: 'deleteWebhook',
  method: 'delete',
  path: '/v1/orgs/:org/webhooks/:id',
  summary: 'Removes a webhook with what was still to be delivered.',
  params: webhookParams,
  status: 204,
  response: z.undefined(),
});

export const rotateWebhookSecret = defineRoute({
  ...shared,
  name: 'rotateWebhookSecret',
  method: 'post',
  path: '/v1/orgs/:org/webhooks/:id/rotate',
  summary: 'Makes a new secret. Requests are signed with the old one too for `overlapSeconds`.',
  params: webhookParams,
  body: z
    .object({
      overlapSeconds: z
        .int()
        .min(0)
        .max(30 * 24 * 60 * 60)
        .default(24 * 60 * 60),
    })
    .meta({ id: 'WebhookRotation' }),
  response: withSecret,
});

export const testWebhook = defineRoute({
  ...shared,
  name: 'testWebhook',
  method: 'post',
  path: '/v1/orgs/:org/webhooks/:id/test',
  summary: 'Sends a message of the kind `webhook.test`; its delivery says what came of it.',
  params: webhookParams,
  status: 202,
  response: webhookDelivery,
});

export const listDeliveries = defineRoute({
  ...shared,
  name: 'listDeliveries',
  method: 'get',
  path: '/v1/orgs/:org/webhooks/:id/deliveries',
  summary: 'What was sent to a webhook or is still to be, the latest first. Kept for METRICS_RETENTION_DAYS.',
  params: webhookParams,
  query: z.object({ ...paging, status: deliveryStatus.optional() }),
  response: page(webhookDelivery),
});

export const getDelivery = defineRoute({
  ...shared,
  name: 'getDelivery',
  method: 'get',
  path: '/v1/orgs/:org/webhooks/:id/deliveries/:delivery',
  summary: 'One delivery with its payload and every try.',
  params: deliveryParams,
  response: deliveryDetail,
});

export const replayDelivery = defineRoute({
  ...shared,
  name: 'replayDelivery',
  method: 'post',
  path: '/v1/orgs/:org/webhooks/:id/deliveries/:delivery/replay',
  summary: 'Sends a message again, with the same `webhook-id`.',
  params: deliveryParams,
  status: 202,
  response: webhookDelivery,
});
