import { z } from 'zod';

/** How often something may be done: `perSecond` on the long run, `burst` at once. */
export const rate = z
  .object({ perSecond: z.int().min(1).max(1_000_000), burst: z.int().min(1).max(10_000_000) })
  .meta({ id: 'Rate', description: 'A token bucket: `burst` at once, `perSecond` on the long run.' });
export type Rate = z.infer<typeof rate>;
