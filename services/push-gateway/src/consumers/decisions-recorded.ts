import type { DecisionsRecorded } from '@governsai/contracts';
import type { BroadcastHandler } from '@governsai/kafka';
import { type Attributes, decisionAttributes, type Logger } from '@governsai/service';
import { countPush } from '../metrics.ts';
import { DecisionPush } from '../streams/decision-push.ts';
import type { StreamRegistry } from '../streams/stream-registry.ts';
import { pushTraced, readValue } from './push-message.ts';

/** Bytes handed on before the sockets get a turn to send them. */
const TURN_BYTES = 256 * 1024;

/** Stored decisions, to the streams of the orgs that somebody here subscribes to. */
export function decisionsRecordedHandler(streams: StreamRegistry, log: Logger): BroadcastHandler {
  let bytes = 0;
  return (message) => {
    // Every replica reads every org's decisions: the key tells whether this one is worth parsing.
    const stream = streams.find(message.key);
    if (!stream) return undefined;
    const value = readValue('decisions.recorded', message, log);
    if (value?.decision.orgId !== message.key) return undefined;
    const { seq, decision, keyId, usage } = value;
    const push = new DecisionPush(message.key, seq, decision, { keyId, usage });
    pushTraced(
      'decisions.recorded',
      message,
      () => stream.receive(push),
      () => attributesOf(value),
    );
    countPush(value, Date.now());
    bytes += push.frame.frame.length;
    if (bytes < TURN_BYTES) return undefined;
    bytes = 0;
    return new Promise((resolve) => setImmediate(resolve));
  };
}

function attributesOf({ seq, decision: { orgId, id, correlationId } }: DecisionsRecorded): Attributes {
  return decisionAttributes({ orgId, id, seq, correlationId });
}
