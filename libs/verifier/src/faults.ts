/**
 * What is wrong with a chain.
 * - `altered`: the content is not what was hashed, or the line is not one of this format.
 * - `missing`: a line that belongs here is nowhere in the file.
 * - `inserted`: a line that does not belong to the export.
 * - `reordered`: the line is in the file, in another place.
 * - `signature`: a checkpoint's signature does not fit what it signs.
 * - `rewritten`: the links hold, but a signed checkpoint knows another history: somebody computed the hashes anew.
 * - `truncated`: the file ends before its trailer.
 * - `unvouched`: no checkpoint of a trusted key reaches as far as asked.
 */
export type FaultKind =
  | 'altered'
  | 'missing'
  | 'inserted'
  | 'reordered'
  | 'signature'
  | 'rewritten'
  | 'truncated'
  | 'unvouched';

/** The first place where a file differs from the chain it claims to be. */
export interface Fault {
  /**
   * The place in the chain, by the seq of the record that belongs there (for a checkpoint: of the record it follows). Null
   * when a header or a trailer itself is at fault.
   */
  seq: number | null;
  /** The seq that the line found there claims, when it is another one. */
  found?: number;
  /** Line of the file, counted from 1. */
  line: number;
  part: 'header' | 'record' | 'checkpoint' | 'trailer';
  kind: FaultKind;
  /** One sentence for people. */
  message: string;
}
