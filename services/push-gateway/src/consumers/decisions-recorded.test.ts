import type { BroadcastMessage } from '@governsai/kafka';
import { createLogger } from '@governsai/service';
import { describe, expect, it } from '@jest/globals';
import type { StreamRegistry } from '../streams/stream-registry.ts';
import { decisionsRecordedHandler } from './decisions-recorded.ts';

describe('decisions.recorded', () => {
  it('costs nothing but a look at the key when nobody here listens to the org', async () => {
    const asked: string[] = [];
    const streams = {
      find: (orgId: string) => {
        asked.push(orgId);
        return undefined;
      },
    } as unknown as StreamRegistry;
    const handle = decisionsRecordedHandler(streams, createLogger('push-gateway', 'silent'));
    const message = {
      key: 'globex',
      get rawValue(): Buffer {
        throw new Error('the value was looked at');
      },
    } as unknown as BroadcastMessage;
    await handle(message);
    expect(asked).toEqual(['globex']);
  });
});
