import { AppError, parseChannel, subMessage, validationError } from '@governsai/contracts';
import type { MessageHandler } from '@governsai/socket';
import type { Sessions } from '../sessions.ts';

/**
 * SUB: an ERROR for each refused channel, SUB_SUCCESS for the rest, then what follows `since`, then live pushes. A filter or
 * fields that are wrong refuse the whole message.
 */
export function subHandler(sessions: Sessions): MessageHandler {
  return async (connection, message) => {
    const parsed = subMessage.safeParse(message);
    if (!parsed.success) throw invalid(validationError(parsed.error));
    const { channels, since = {}, filter = null, fields = null } = parsed.data;
    if (filter !== null) wantDecisions(channels, 'filter');
    if (fields !== null) wantDecisions(channels, 'fields');
    await sessions.of(connection)?.subscribe({
      names: [...new Set(channels)],
      since: new Map(Object.entries(since)),
      selection: { filter, fields },
    });
  };
}

/** An unknown name is an error of `fields`, not of its third element. */
function invalid(error: AppError): AppError {
  if (!error.path?.startsWith('fields.')) return error;
  const message = error.message.replace(error.path, 'fields');
  return new AppError(error.code, message, { path: 'fields', cause: error });
}

function wantDecisions(channels: readonly string[], path: string): void {
  const kinds = channels.map((name) => parseChannel(name)?.kind);
  if (kinds.includes('decisions') || kinds.includes('toolDecisions')) return;
  throw new AppError(
    'VALIDATION_FAILED',
    `${path}: applies to decisions, and channels names none of them: add org:<org>:decisions or leave it out`,
    { path },
  );
}
