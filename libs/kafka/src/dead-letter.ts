import type { TopicName } from '@governsai/contracts';
import { asError } from './backoff.ts';
import type { SourceMessage } from './types.ts';

/** Headers a dead letter has beside the original ones. */
export const DEAD_HEADERS = {
  /** Why it was given up, in the words of who did. */
  reason: 'dead.reason',
  errorName: 'dead.error.name',
  errorMessage: 'dead.error.message',
  /** Where it was thrown: the first line of the stack, without the message. */
  errorStack: 'dead.error.stack',
  topic: 'dead.topic',
  partition: 'dead.partition',
  offset: 'dead.offset',
  /** When the original was written, milliseconds since 1970. */
  timestamp: 'dead.timestamp',
  /** When it was given up, RFC 3339. */
  at: 'dead.at',
} as const;

const MAX_TEXT = 500;

/** The headers of a dead letter: the original ones, and what happened. */
export function deadLetterHeaders(
  topic: TopicName,
  source: SourceMessage,
  reason: string,
  error: unknown,
): Record<string, string | Buffer | (string | Buffer)[]> {
  const { name, message, stack } = asError(error);
  const original: Record<string, string | Buffer | (string | Buffer)[]> = {};
  for (const [header, value] of Object.entries(source.headers)) if (value !== undefined) original[header] = value;
  return {
    ...original,
    [DEAD_HEADERS.reason]: reason.slice(0, MAX_TEXT),
    [DEAD_HEADERS.errorName]: name,
    [DEAD_HEADERS.errorMessage]: message.slice(0, MAX_TEXT),
    [DEAD_HEADERS.errorStack]: firstFrame(stack),
    [DEAD_HEADERS.topic]: topic,
    [DEAD_HEADERS.partition]: String(source.partition),
    [DEAD_HEADERS.offset]: source.offset,
    [DEAD_HEADERS.timestamp]: source.timestamp,
    [DEAD_HEADERS.at]: new Date().toISOString(),
  };
}

/** The stack begins with the message, which may span lines; the first frame is the first line that says `at`. */
function firstFrame(stack: string | undefined): string {
  const frame = stack?.split('\n').find((line) => /^\s+at /.test(line));
  return (frame?.trim() ?? 'unknown').slice(0, MAX_TEXT);
}
