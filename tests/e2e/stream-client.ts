/** One event of a stream; `id` is the last one named so far, as an EventSource has it. */
export interface StreamEvent {
  event: string;
  id: string;
  // biome-ignore lint/suspicious/noExplicitAny: a decision or a problem.
  data: any;
}

/** Reads server-sent events (WHATWG HTML §9.2.6) as they came over the wire, comments and all. */
export class StreamClient {
  readonly response: Response;
  readonly events: StreamEvent[] = [];
  /** Lines that are no events: comments and `retry`. */
  readonly others: string[] = [];
  /** The last id named, with an event or without. */
  lastId = '';
  /** Resolves at the end of the answer, whatever ended it. */
  readonly ended: Promise<void>;
  isOver = false;
  readonly #abort: AbortController;
  #unread = '';

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.ended = this.#read().finally(() => {
      this.isOver = true;
    });
  }

  /** Resolves when the head of the answer is there. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<StreamClient> {
    const abort = new AbortController();
    const response = await fetch(url, { headers, signal: abort.signal });
    return new StreamClient(response, abort);
  }

  get seqs(): number[] {
    return this.events.filter(({ event }) => event === 'decision').map(({ id }) => Number(id));
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of this.response.body ?? []) this.#take(decoder.decode(chunk, { stream: true }));
    } catch {
      // Broken off, by this client or the other end: over all the same.
    }
  }

  #take(text: string): void {
    const blocks = (this.#unread + text).split('\n\n');
    this.#unread = blocks.pop() ?? '';
    for (const block of blocks) this.#dispatch(block);
  }

  #dispatch(block: string): void {
    let event = 'message';
    let data: string | undefined;
    for (const line of block.split('\n')) {
      const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === 'id') this.lastId = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
      else this.others.push(line);
    }
    if (data !== undefined) this.events.push({ event, id: this.lastId, data: JSON.parse(data) });
  }
}
