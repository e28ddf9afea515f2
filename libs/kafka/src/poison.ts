/**
 * Thrown by a handler: this data can never be handled, retrying is of no use. With several messages in the batch the
 * handler is called again with halves of it until the one at fault is found, which becomes a dead letter.
 */
export class PoisonError extends Error {
  constructor(reason: string, options?: { cause?: unknown }) {
    super(reason, options);
    this.name = 'PoisonError';
  }
}

/** PoisonError, or an AppError VALIDATION_FAILED; by name, so that a copy of the class in another bundle counts too. */
export function isPoison(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return (
    error.name === 'PoisonError' || (error.name === 'AppError' && 'code' in error && error.code === 'VALIDATION_FAILED')
  );
}
