import { AppError, findUnsafeJson } from '@governsai/contracts';

/** A message whose envelope has been read; its other members are checked by the handler of its type. */
export type ClientMessage = { readonly type: string } & Readonly<Record<string, unknown>>;

/** The longest `id` that is repeated in an ERROR: what cannot be an idempotencyKey is not echoed. */
const MAX_ECHOED_ID = 256;

/**
 * Reads one text frame: JSON, an object with a `type`, nothing in it that could not be stored as it came. Throws
 * VALIDATION_FAILED with the path at fault.
 */
export function parseMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('VALIDATION_FAILED', 'the message is not JSON: send one JSON object a text frame', { cause });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new AppError('VALIDATION_FAILED', 'the message must be a JSON object such as {"type":"PING"}');
  }
  const unsafe = findUnsafeJson(value);
  if (unsafe) {
    const path = unsafe.path || undefined;
    throw new MessageError(`${path ?? 'the message'}: ${unsafe.reason}`, path, messageId(value));
  }
  if (typeof (value as { type?: unknown }).type !== 'string') {
    throw new AppError('VALIDATION_FAILED', 'type: must be a string such as "PING"', { path: 'type' });
  }
  return value as ClientMessage;
}

/** A refused message that said its idempotencyKey, so that the client can tell which of its messages failed. */
export class MessageError extends AppError {
  readonly id: string | undefined;

  constructor(message: string, path: string | undefined, id: string | undefined) {
    super('VALIDATION_FAILED', message, { path });
    this.id = id;
  }
}

/** The `id` of an ERROR about this message: its idempotencyKey, else the holdId it names, when that could be valid. */
export function messageId(message: object): string | undefined {
  const { idempotencyKey, holdId } = message as { idempotencyKey?: unknown; holdId?: unknown };
  return [idempotencyKey, holdId].find(isEchoed);
}

function isEchoed(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= MAX_ECHOED_ID && id.isWellFormed();
}
