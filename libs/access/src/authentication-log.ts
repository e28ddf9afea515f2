import { randomUUID } from 'node:crypto';
import type { AuditRecorded, ErrorCode, ServiceName } from '@governsai/contracts';
import type { Owner } from './refusal.ts';

/** One authentication, as it is audited. */
export interface Authentication {
  /** Whose credential it is; null when that is not known. */
  of: Owner | null;
  /** What it was for: `http`, `socket`, `login`, `refresh`. */
  by: string;
  ip: string | null;
  /** Why it was refused; null: it was not. */
  refused: ErrorCode | null;
}

interface Group {
  first: Authentication;
  firstAt: number;
  /** Told of one by one in this window. */
  told: number;
  /** Counted beyond those. */
  counted: number;
  lastAt: number;
}

/** Where authentications of nobody known are audited: no org may be called so. */
export const SYSTEM_ORG = 'system';

const WINDOW_MS = 60_000;
/** Told of one by one in a window, of each kind; more are counted. */
const EACH = 5;
const MAX_GROUPS = 10_000;
const MAX_PENDING = 5000;
const FLUSH_MS = 1000;
const MAX_BATCH = 500;

export interface AuthenticationLogOptions {
  service: ServiceName;
  /** Stores records; by their id, twice is as good as once. While it rejects, they are kept. */
  send: (records: AuditRecorded[]) => Promise<void>;
  /** Milliseconds since the epoch, for tests. */
  now?: () => number;
}

/**
 * What is told to the audit log of authentications: the first few of each kind (whose, from where, how, why refused) one by
 * one, the rest of a minute as one record with their count. So an attack costs a record a minute, and none goes uncounted:
 * when there are too many kinds, addresses are left out; while nobody takes the records, more is only counted.
 */
export class AuthenticationLog {
  readonly #options: AuthenticationLogOptions;
  readonly #now: () => number;
  readonly #groups = new Map<string, Group>();
  #pending: AuditRecorded[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AuthenticationLogOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => Date.now());
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  /** Sends what there is, counts included, once more, and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sending;
    do {
      this.#closeWindows(Number.POSITIVE_INFINITY);
      await this.#send();
      // What does not go now, goes never.
    } while (this.#groups.size > 0 && this.#pending.length === 0);
  }

  record(authentication: Authentication): void {
    const now = this.#now();
    const group = this.#groupOf(authentication, now);
    group.lastAt = now;
    if (group.told < EACH && this.#pending.length < MAX_PENDING) {
      group.told++;
      this.#pending.push(this.#recordOf(group.first, now, {}));
    } else {
      group.counted++;
    }
  }

  /** Sends what is due. Never rejects. */
  async flush(): Promise<void> {
    this.#closeWindows(this.#now());
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
    await this.#sending;
  }

  #groupOf(authentication: Authentication, now: number): Group {
    const key = keyOf(authentication);
    const known = this.#groups.get(key);
    if (known) return known;
    if (this.#groups.size >= MAX_GROUPS && (authentication.ip !== null || authentication.of?.userId)) {
      const { of, by, refused } = authentication;
      return this.#groupOf({ of: of && { ...of, userId: null, keyId: null }, by, refused, ip: null }, now);
    }
    const group = { first: authentication, firstAt: now, told: 0, counted: 0, lastAt: now };
    this.#groups.set(key, group);
    return group;
  }

  /** Ends the windows that began a minute before `now`; what was counted in them becomes a record. */
  #closeWindows(now: number): void {
    for (const [key, group] of this.#groups) {
      if (now - group.firstAt < WINDOW_MS) continue;
      if (group.counted > 0) {
        // Kept while nobody takes records: the count goes on.
        if (this.#pending.length >= 2 * MAX_PENDING) continue;
        const detail = { count: group.counted, since: new Date(group.firstAt).toISOString() };
        this.#pending.push(this.#recordOf(group.first, group.lastAt, detail));
      }
      this.#groups.delete(key);
    }
  }

  async #send(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.slice(0, MAX_BATCH);
      try {
        await this.#options.send(batch);
      } catch {
        // Whoever sends has said why; the records stay for the next time.
        return;
      }
      this.#pending = this.#pending.slice(batch.length);
    }
  }

  #recordOf({ of, by, ip, refused }: Authentication, at: number, more: Record<string, unknown>): AuditRecorded {
    return {
      id: randomUUID(),
      orgId: of?.orgId ?? SYSTEM_ORG,
      actor: { userId: of?.userId ?? null, keyId: of?.keyId ?? null, service: null },
      action: refused === null ? 'auth.ok' : 'auth.refused',
      target: null,
      result: refused === null ? 'ok' : 'refused',
      ip,
      detail: { by, service: this.#options.service, ...(refused !== null && { reason: refused }), ...more },
      at: new Date(at).toISOString(),
    };
  }
}

function keyOf({ of, by, ip, refused }: Authentication): string {
  return JSON.stringify([of?.orgId, of?.userId, of?.keyId, by, ip, refused]);
}
