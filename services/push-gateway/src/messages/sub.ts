import { AppError, subMessage, validationError } from '@governsai/contracts';
import type { MessageHandler } from '@governsai/socket';
import type { Sessions } from '../sessions.ts';

/** SUB: an ERROR for each refused channel, SUB_SUCCESS for the rest, then what follows `since`, then live pushes. */
export function subHandler(sessions: Sessions): MessageHandler {
  return async (connection, message) => {
    const parsed = subMessage.safeParse(message);
    if (!parsed.success) throw validationError(parsed.error);
    const { channels, since = {}, filter, fields } = parsed.data;
    if (filter !== undefined || fields) throw new AppError('VALIDATION_FAILED', 'filter and fields are not served yet');
    await sessions.of(connection)?.subscribe([...new Set(channels)], new Map(Object.entries(since)));
  };
}
