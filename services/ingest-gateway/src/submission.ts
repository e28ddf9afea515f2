import { authorize } from '@governsai/access';
import {
  AppError,
  channelName,
  type DecisionsSubmitted,
  decisionDataSchema,
  findUnsafeJson,
  INGEST_SCHEMAS,
  type IngestSchema,
  ingestMessageSchema,
  ingestSchema,
  type MessageLimits,
  type Principal,
  RAW_TEXT_FIELDS,
  type RawTexts,
  validationError,
  withoutNulls,
} from '@governsai/contracts';
import { bodyHashOf, decisionIdOf } from './identity.ts';

/** Reads INGEST messages. One parser a process: its schemas are compiled once. */
export interface SubmissionParser {
  /**
   * Checks a message of `principal` and makes the event for `decisions.submitted` of it. Unknown fields are ignored, raw
   * text is dropped unless the org keeps it (G12). Throws AppError: VALIDATION_FAILED with the field's path, UNSUPPORTED_SCHEMA, FORBIDDEN for
   * another org's channel or data, or for a missing scope.
   */
  parse(message: unknown, principal: Principal, receivedAt: string): DecisionsSubmitted;
}

/** A parser that applies the gateway's configured limits. */
export function createSubmissionParser(limits: MessageLimits): SubmissionParser {
  const envelopeSchema = ingestMessageSchema(limits);
  const decisionSchema = decisionDataSchema(limits);

  function parseData(schema: IngestSchema, data: Record<string, unknown>, orgId: string): Record<string, unknown> {
    if (schema !== 'decision.v1') {
      const { orgId: named, ...rest } = data;
      checkOrg(named, orgId);
      for (const field of RAW_TEXT_FIELDS) delete rest[field];
      return withoutNulls(rest);
    }
    const parsed = decisionSchema.safeParse(data);
    if (!parsed.success) throw validationError(parsed.error, 'data');
    const { orgId: named, ...rest } = parsed.data;
    checkOrg(named, orgId);
    return withoutNulls(rest);
  }

  return {
    parse(message, principal, receivedAt) {
      authorize(principal, principal.orgId, 'decisions:write');
      const unsafe = findUnsafeJson(message);
      if (unsafe) {
        const field = unsafe.path || 'the message';
        throw new AppError('VALIDATION_FAILED', `${field} ${unsafe.reason}`, { path: unsafe.path || undefined });
      }
      const envelope = envelopeSchema.safeParse(message);
      if (!envelope.success) throw validationError(envelope.error);
      const { channel, idempotencyKey, data } = envelope.data;
      const schema = ingestSchema.safeParse(envelope.data.schema);
      if (!schema.success) {
        const supported = INGEST_SCHEMAS.join(', ');
        throw new AppError('UNSUPPORTED_SCHEMA', `schema: use one of ${supported}`, { path: 'schema' });
      }
      const own = channelName({ kind: 'decisions', orgId: principal.orgId });
      if (channel != null && channel !== own) {
        throw new AppError('FORBIDDEN', `channel: this connection may only write to ${own}`, {
          path: 'channel',
          channel,
        });
      }
      const normalized = parseData(schema.data, data, principal.orgId);
      const rawText = principal.keepRawText ? rawTextOf(data) : undefined;
      return {
        orgId: principal.orgId,
        decisionId: decisionIdOf(principal.orgId, idempotencyKey),
        idempotencyKey,
        bodyHash: bodyHashOf(schema.data, normalized),
        schema: schema.data,
        data: normalized,
        keyId: principal.keyId,
        userId: principal.userId,
        receivedAt,
        ...(rawText && { rawText }),
      } as DecisionsSubmitted;
    },
  };
}

/** The raw text fields of a message; undefined when it has none. */
function rawTextOf(data: Readonly<Record<string, unknown>>): RawTexts | undefined {
  const found = RAW_TEXT_FIELDS.filter((field) => data[field] !== undefined && data[field] !== null);
  return found.length === 0 ? undefined : Object.fromEntries(found.map((field) => [field, data[field]]));
}

function checkOrg(named: unknown, own: string): void {
  if (named == null || named === own) return;
  throw new AppError('FORBIDDEN', `data.orgId: this connection writes for ${own} only`, { path: 'data.orgId' });
}
