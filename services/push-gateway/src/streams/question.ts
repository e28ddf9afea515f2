import { LRUCache } from 'lru-cache';
import type { Push } from './ring.ts';
import type { Turns } from './turns.ts';

/** What one remembered answer takes beside a frame: its key, and its place. */
const ANSWER_BYTES = 200;

let questions = 0;

/** Answers that several subscriptions may want: of all questions together, at most so many bytes. */
export class Answers {
  readonly #known: LRUCache<string, { answer: unknown }>;

  /** `bytesOf`: what an answer takes in memory. */
  constructor(maxBytes: number, bytesOf: (answer: unknown) => number) {
    this.#known = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ answer }) => ANSWER_BYTES + bytesOf(answer),
    });
  }

  get(key: string): { answer: unknown } | undefined {
    return this.#known.get(key);
  }

  set(key: string, answer: unknown): void {
    this.#known.set(key, { answer });
  }
}

/**
 * A question about the pushes of one stream, asked once of each however many subscriptions want to know: whether a filter
 * holds, how a push is framed with some of its fields. One that is forgotten is asked again, and answered the same.
 */
export class Question<P extends Push, T> {
  readonly #id = ++questions;
  readonly #answers: Answers;
  readonly #turns: Turns;
  readonly #ask: (push: P) => T;
  // Live, all subscriptions ask of the same push one after the other.
  #last: P | null = null;
  #lastAnswer: T | undefined;

  constructor(answers: Answers, turns: Turns, ask: (push: P) => T) {
    this.#answers = answers;
    this.#turns = turns;
    this.#ask = ask;
  }

  of(push: P): T {
    if (push === this.#last) return this.#lastAnswer as T;
    const key = `${this.#id}:${push.seq}`;
    let known = this.#answers.get(key);
    if (!known) {
      known = { answer: this.#turns.timed(() => this.#ask(push)) };
      this.#answers.set(key, known.answer);
    }
    this.#last = push;
    this.#lastAnswer = known.answer as T;
    return this.#lastAnswer;
  }
}
