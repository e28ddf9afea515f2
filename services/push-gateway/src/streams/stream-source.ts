import type { Push } from './ring.ts';

/** Where a stream stands in PostgreSQL. */
export interface Head {
  /** The last seq that is stored; 0 when there is none. */
  lastSeq: number;
  /** The first seq that has not been pruned. */
  firstSeq: number;
}

/** The stored side of one stream: what is in PostgreSQL is committed, in order and without a gap. */
export interface StreamSource {
  /** Rejects with UNAVAILABLE when PostgreSQL does not answer. */
  head(): Promise<Head>;
  /**
   * Some stored pushes after `seq`, in order, the first ones there are; empty when there is none. What was committed before the
   * call may be missing when an earlier read was shared, but then a second call has it. Rejects with UNAVAILABLE.
   */
  after(seq: number): Promise<readonly Push[]>;
}
