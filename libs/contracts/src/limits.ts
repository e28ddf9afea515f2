/** Bounds of what a client may send. Each is configurable by the environment variable named beside it. */
export interface MessageLimits {
  /** A message above this is answered PAYLOAD_TOO_LARGE; the socket stays. Bytes. `MAX_MESSAGE_BYTES` */
  messageBytes: number;
  /** A frame above this closes the socket with 1009. Bytes. `MAX_FRAME_BYTES` */
  frameBytes: number;
  /** `MAX_IDEMPOTENCY_KEY_LENGTH` */
  idempotencyKeyLength: number;
  /** `MAX_TAGS` */
  tags: number;
  /** `MAX_TAG_LENGTH` */
  tagLength: number;
}

export const DEFAULT_LIMITS: MessageLimits = {
  messageBytes: 64 * 1024,
  frameBytes: 1024 * 1024,
  idempotencyKeyLength: 256,
  tags: 64,
  tagLength: 64,
};

/** For data that has passed a gateway's limits already. */
export const UNLIMITED: MessageLimits = {
  messageBytes: Number.MAX_SAFE_INTEGER,
  frameBytes: Number.MAX_SAFE_INTEGER,
  idempotencyKeyLength: Number.MAX_SAFE_INTEGER,
  tags: Number.MAX_SAFE_INTEGER,
  tagLength: Number.MAX_SAFE_INTEGER,
};

/** Decisions in one `POST /v1/decisions`. */
export const MAX_BATCH = 1000;

/** Items of one page of any list. */
export const MAX_PAGE = 1000;

/** Characters of a CEL expression: a filter, the condition of a policy or a budget. */
export const MAX_EXPRESSION = 2048;
