import type { TopicValue } from '@governsai/contracts';

/** A valid value of `audit.recorded`, the topic this library's own tests use: any topic would do. */
export function auditRecord(id: string, detail: Record<string, unknown> = {}): TopicValue<'audit.recorded'> {
  return {
    id,
    orgId: 'acme',
    actor: { userId: null, keyId: null, service: 'auth' },
    action: 'test',
    target: null,
    result: 'ok',
    ip: null,
    detail,
    at: '2024-01-01T00:00:00.000Z',
  };
}

/** Resolves when the condition holds; throws, saying what was waited for, after `limitMs`. */
export async function until(what: string, condition: () => boolean, limitMs = 20_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs / 1000} s for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
