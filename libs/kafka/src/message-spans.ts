import type { TopicName } from '@governsai/contracts';
import {
  extractContext,
  isTraced,
  MESSAGING,
  messageAttributes,
  recordFailure,
  recordStatement,
  span,
  withLinkedSpan,
} from '@governsai/telemetry';
import { type Attributes, type Context, ROOT_CONTEXT, type Span, SpanKind, trace } from '@opentelemetry/api';
import type { ConsumedBatch, ConsumedMessage } from './types.ts';

/**
 * Handles a batch in a span of its own trace that links to the traces of its messages. Without a message whose trace is
 * recorded there is no span.
 */
export async function inBatchSpan<T extends TopicName>(
  batch: ConsumedBatch<T>,
  handle: () => Promise<void>,
): Promise<void> {
  await withLinkedSpan(
    `process ${batch.topic}`,
    batch.messages.map(({ headers }) => headers),
    {
      kind: SpanKind.CONSUMER,
      attributes: () => ({ ...attributesOf(batch), [MESSAGING.batchSize]: batch.messages.length }),
    },
    handle,
  );
}

function attributesOf<T extends TopicName>({ topic, partition, group }: ConsumedBatch<T>): Attributes {
  return {
    ...messageAttributes({ name: 'process', type: 'process', topic }),
    [MESSAGING.partition]: String(partition),
    [MESSAGING.group]: group,
  };
}

/**
 * One short span for each message of a batch whose trace is recorded: it continues the message's own trace, so that looking
 * for one message shows its whole way, and links to the span of the batch. They begin when this is made.
 */
export class MessageSpans<T extends TopicName> {
  readonly #spans = new Map<string, { span: Span; context: Context }>();

  /** `keyOf` names a message within the batch; of two with one name the first has the span. */
  constructor(
    batch: ConsumedBatch<T>,
    keyOf: (message: ConsumedMessage<T>) => string,
    describe: (message: ConsumedMessage<T>) => Attributes,
  ) {
    const active = trace.getActiveSpan()?.spanContext();
    const links = active ? [{ context: active }] : [];
    const shared = attributesOf(batch);
    for (const message of batch.messages) {
      if (!isTraced(message.headers)) continue;
      const key = keyOf(message);
      if (this.#spans.has(key)) continue;
      const parent = extractContext(message.headers);
      const started = span(`process ${batch.topic}`, {
        kind: SpanKind.CONSUMER,
        parent,
        links,
        shared,
        attributes: () => describe(message),
      });
      started.setAttribute(MESSAGING.offset, Number(message.offset));
      this.#spans.set(key, { span: started, context: trace.setSpan(parent, started) });
    }
  }

  /** True when no trace of the batch is recorded: nothing needs to be told. */
  get isEmpty(): boolean {
    return this.#spans.size === 0;
  }

  /** The span of a message; undefined when its trace is not recorded. */
  get(key: string): Span | undefined {
    return this.#spans.get(key)?.span;
  }

  /** What continues a message's trace; the context without a trace when it is not recorded. */
  contextOf(key: string): Context {
    return this.#spans.get(key)?.context ?? ROOT_CONTEXT;
  }

  /** Tells each trace of the statement, begun at `startTime` and ended just now, that served the whole batch. */
  recordStatement(summary: string, startTime: number): void {
    for (const { context } of this.#spans.values()) recordStatement(summary, { parent: context, startTime });
  }

  /** Ends the spans; with an error, as failed by it. */
  end(error?: unknown): void {
    for (const { span } of this.#spans.values()) {
      if (error !== undefined) recordFailure(span, error);
      span.end();
    }
    this.#spans.clear();
  }
}
