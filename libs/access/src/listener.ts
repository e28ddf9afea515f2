import { accessChanged } from '@governsai/contracts';
import type { BroadcastHandler, KafkaClient } from '@governsai/kafka';
import type { Access } from './access.ts';

/**
 * Handles one message of `access.changed`, for a service that reads it among other topics. A message that cannot be read
 * may be any change: every answer is forgotten.
 */
export function accessHandler(access: Pick<Access, 'apply' | 'reset'>): BroadcastHandler {
  return ({ rawValue }) => {
    const parsed = accessChanged.safeParse(parseJson(rawValue));
    if (parsed.success) access.apply(parsed.data);
    else access.reset();
  };
}

export interface AccessListenerOptions {
  kafka: Pick<KafkaClient, 'broadcast'>;
  access: Pick<Access, 'apply' | 'reset' | 'start' | 'stop'>;
  replicaId: string;
  /** Told of every failure that is being retried, and null once it works again. */
  health?: (error: Error | null) => void;
}

/**
 * Starts `access` and lets it hear every message of `access.changed`; resolves when it hears them. Until then, and while
 * Kafka is away, it asks auth. `stop` ends the listening and `access`.
 */
export async function startAccessListener(options: AccessListenerOptions): Promise<{ stop(): Promise<void> }> {
  const { kafka, access, replicaId, health } = options;
  access.start();
  const broadcast = kafka.broadcast({
    topics: ['access.changed'],
    replicaId: `${replicaId}-access`,
    handlers: { 'access.changed': accessHandler(access) },
    onReset: () => access.reset(),
    ...(health && { health }),
  });
  await broadcast.start();
  return {
    async stop() {
      await broadcast.stop();
      await access.stop();
    },
  };
}

function parseJson(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'));
  } catch {
    return undefined;
  }
}
