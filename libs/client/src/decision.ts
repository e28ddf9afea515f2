/** Whether it was decided before or after the call. */
export type Direction = 'precheck' | 'postcheck';

/** What was decided. */
export type DecisionOutcome = 'allow' | 'transform' | 'deny' | 'redact' | 'block' | 'confirm';

/** What the decided call cost. */
export interface Usage {
  /** A decimal string of at most 12 places, so that nothing is rounded; a number is read as its shortest decimal form. */
  cost?: string | number | null | undefined;
  /** Currency of `cost`, ISO 4217: `USD`. */
  currency?: string | null | undefined;
  model?: string | null | undefined;
  provider?: string | null | undefined;
  inputTokens?: number | null | undefined;
  outputTokens?: number | null | undefined;
  /** The hold it was spent under; absent: the oldest one with the same `correlationId` and `tool`. */
  holdId?: string | null | undefined;
}

/** One decision to record. Unknown fields are ignored by the server. */
export interface DecisionData {
  direction: Direction;
  decision: DecisionOutcome;
  /** The connection's own org; null or absent means that. */
  orgId?: string | null | undefined;
  /** The tool the agent called. */
  tool?: string | null | undefined;
  /** What the tool was called on: a URL, a path, a table. */
  scope?: string | null | undefined;
  /** `sha256:` and 1 to 256 printable characters. */
  payloadHash?: string | null | undefined;
  /** How long the decision took, in milliseconds. */
  latencyMs?: number | null | undefined;
  /** Your own id of the request; ties precheck to postcheck. */
  correlationId?: string | null | undefined;
  /** Free labels to filter and budget by. */
  tags?: string[] | null | undefined;
  /** When the decision was taken, RFC 3339. Absent: when it was received. */
  ts?: string | null | undefined;
  reasons?: string[] | null | undefined;
  /** What the detectors found; any object. */
  detectorSummary?: Record<string, unknown> | null | undefined;
  policyId?: string | null | undefined;
  /** Whom the decision is about. */
  userId?: string | null | undefined;
  /** Who called you, and with which key (its id, never the key). */
  authentication?: { userId?: string | null | undefined; apiKeyId?: string | null | undefined } | null | undefined;
  usage?: Usage | null | undefined;
  /** Kept only for orgs that keep raw text, dropped at the door else; so are the next two. */
  rawText?: unknown;
  rawTextOut?: unknown;
  payloadOut?: unknown;
}

/** What the policies of the org say of a decision. */
export interface PolicyOutcome {
  version: number;
  /** Rules that matched, as `<policy id>/<rule>`. */
  matched: string[];
  effect: 'allow' | 'flag' | 'confirm' | 'deny';
}

/** A stored decision, as it is pushed. */
export interface Decision {
  /** The decisionId. */
  id: string;
  orgId: string;
  direction: Direction;
  decision: DecisionOutcome;
  tool: string | null;
  scope: string | null;
  correlationId: string | null;
  tags: string[];
  latencyMs: number | null;
  /** When the decision was taken. */
  timestamp: string;
  policy?: PolicyOutcome | undefined;
  /** SHA-256 of the record in the org's chain, hex. */
  hash: string;
}
