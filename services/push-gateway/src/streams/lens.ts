import type { Framed } from '@governsai/socket';
import type { Push } from './ring.ts';

/** What a subscription sees of its stream. Null in the place of one: every push, as it is. */
export interface Lens {
  /** True when it leaves pushes out. */
  readonly isSelective: boolean;
  /** The frame to send of a push; null when it is not for this subscription. Never throws. */
  see(push: Push): Framed | null;
}
