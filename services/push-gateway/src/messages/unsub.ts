import { unsubMessage, validationError } from '@governsai/contracts';
import type { MessageHandler } from '@governsai/socket';
import type { Sessions } from '../sessions.ts';

/** UNSUB: nothing is pushed of these channels after UNSUB_SUCCESS, whether they were subscribed or not. */
export function unsubHandler(sessions: Sessions): MessageHandler {
  return async (connection, message) => {
    const parsed = unsubMessage.safeParse(message);
    if (!parsed.success) throw validationError(parsed.error);
    await sessions.of(connection)?.unsubscribe([...new Set(parsed.data.channels)]);
  };
}
