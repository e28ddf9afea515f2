import type { MessageHandler } from '@governsai/socket';
import type { Sessions } from '../sessions.ts';

/** PING: the server's time, and how far subscriptions have been served that do not get every seq: else they could not tell. */
export function pingHandler(sessions: Sessions): MessageHandler {
  return (connection) => {
    const positions = sessions.progressOf(connection);
    connection.send({ type: 'PONG', timestamp: new Date().toISOString(), ...(positions && { positions }) });
  };
}
