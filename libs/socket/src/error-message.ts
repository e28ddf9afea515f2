import { type AppError, ERRORS, type ErrorCode } from '@governsai/contracts';

/** What an ERROR is about, as far as it is known. */
export interface ErrorContext {
  /** The idempotencyKey. */
  id?: string | undefined;
  channel?: string | undefined;
  /** Of the message it answers, one that has a handler. */
  type?: string | undefined;
}

/** An error as clients are told of it. */
export function errorMessage(error: AppError, { id, channel = error.channel }: ErrorContext): object {
  const { code, message, path, retryAfterMs, firstSeq } = error;
  const timestamp = new Date().toISOString();
  return { type: 'ERROR', code, error: code, message, timestamp, id, path, channel, retryAfterMs, firstSeq };
}

/** What the socket is closed with after an error; undefined when it stays. */
export function closeCode(code: ErrorCode): number | undefined {
  const definition: { status: number; close?: number } = ERRORS[code];
  return definition.close;
}
