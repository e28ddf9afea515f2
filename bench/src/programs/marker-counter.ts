/**
 * Counts how often a text stands in a stream of bytes. A client library would read each message and cost more than the
 * server that is measured; a marker that no string of a JSON text can hold (quotes are escaped there) says as much.
 */
export class MarkerCounter {
  count = 0;
  readonly #marker: Buffer;
  #tail: Buffer = Buffer.alloc(0);

  constructor(marker: string) {
    this.#marker = Buffer.from(marker);
  }

  take(chunk: Buffer): void {
    const rest = this.#marker.length - 1;
    // Across the border: of the end before and the beginning now, each too short to hold it alone.
    this.#countIn(Buffer.concat([this.#tail, chunk.subarray(0, rest)]));
    this.#countIn(chunk);
    const end = chunk.length >= rest ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = Buffer.from(end.subarray(Math.max(0, end.length - rest)));
  }

  #countIn(bytes: Buffer): void {
    for (let at = bytes.indexOf(this.#marker); at >= 0; at = bytes.indexOf(this.#marker, at + this.#marker.length))
      this.count++;
  }
}
