import { expect, it } from '@jest/globals';
import { nextPause } from './retries.ts';

it('pauses grow from seconds to hours, and end', () => {
  const pauses = Array.from({ length: 8 }, (_, index) => nextPause(index + 1, null, 0));
  expect(pauses).toEqual([5e3, 3e5, 18e5, 72e5, 18e6, 36e6, 36e6, null]);
  expect(nextPause(1, null, 1)).toBe(6e3);
});

it('a receiver may ask for more, within bounds', () => {
  expect(nextPause(1, 60_000, 0)).toBe(60_000);
  expect(nextPause(1, 1e12, 0)).toBe(36e6);
  expect(nextPause(2, 1000, 0)).toBe(3e5);
});
