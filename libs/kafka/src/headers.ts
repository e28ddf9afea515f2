import type { SourceMessage, TextHeaders } from './types.ts';

/** Headers as text; of one that is there several times, the last. */
export function textHeaders(headers: SourceMessage['headers'] | undefined): TextHeaders {
  const result: TextHeaders = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) result[name] = last.toString();
  }
  return result;
}
