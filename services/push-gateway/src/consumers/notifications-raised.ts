import type { BroadcastHandler } from '@governsai/kafka';
import type { Logger } from '@governsai/service';
import { notificationPush } from '../streams/notification-source.ts';
import type { StreamRegistry } from '../streams/stream-registry.ts';
import { pushTraced, readValue } from './push-message.ts';

/** Notifications, to the streams of the users that subscribe here. */
export function notificationsRaisedHandler(streams: StreamRegistry, log: Logger): BroadcastHandler {
  return (message) => {
    if (!streams.has(message.key)) return;
    const value = readValue('notifications.raised', message, log);
    if (value?.orgId !== message.key) return;
    const stream = streams.find(value.orgId, value.userId);
    if (!stream) return;
    const push = notificationPush(value.userId, value.seq, value.notification);
    pushTraced('notifications.raised', message, () => stream.receive(push));
  };
}
