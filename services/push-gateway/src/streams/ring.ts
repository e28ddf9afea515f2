import type { Framed } from '@governsai/socket';

/** One push of a stream, ready to be written. */
export interface Push {
  readonly seq: number;
  /** As a subscription without a lens gets it. */
  readonly frame: Framed;
  /** What it holds in memory, about. */
  readonly bytes: number;
}

/** A push that is its frame and nothing more. */
export function framedPush(seq: number, frame: Framed): Push {
  return { seq, frame, bytes: frame.frame.length };
}

/** The latest pushes of one stream, without a gap, up to a number of bytes. At least the last one is kept. */
export class Ring {
  #pushes: Push[] = [];
  /** Index of the oldest kept push; those before it are cleared out in bulk. */
  #first = 0;
  #bytes = 0;
  readonly #maxBytes: () => number;

  /** `maxBytes` is asked at each push: what one stream may keep depends on how many there are. */
  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes the push that follows the last one. */
  add(push: Push): void {
    this.#pushes.push(push);
    this.#bytes += push.bytes;
    const limit = this.#maxBytes();
    while (this.#bytes > limit && this.#pushes.length - this.#first > 1) {
      this.#bytes -= (this.#pushes[this.#first] as Push).bytes;
      this.#first++;
    }
    // An array moved at every push would cost its length each time.
    if (this.#first > 1024 || this.#first > this.#pushes.length / 2) {
      this.#pushes = this.#pushes.slice(this.#first);
      this.#first = 0;
    }
  }

  clear(): void {
    this.#pushes = [];
    this.#first = 0;
    this.#bytes = 0;
  }

  /** The push with this seq; undefined when it is not kept any more or not here yet. */
  get(seq: number): Push | undefined {
    const oldest = this.#pushes[this.#first];
    return oldest && seq >= oldest.seq ? this.#pushes[this.#first + seq - oldest.seq] : undefined;
  }
}
