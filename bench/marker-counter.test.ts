import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MarkerCounter } from './src/programs/marker-counter.ts';

it('counts every marker once, however the bytes are cut', () => {
  const parts = fc.array(fc.constantFrom('"type":"A"', '"type":', '"A"', 'x', '""'), { maxLength: 30 });
  fc.assert(
    fc.property(parts, fc.array(fc.integer({ min: 1, max: 12 })), (texts, cuts) => {
      const counter = new MarkerCounter('"type":"A"');
      const bytes = Buffer.from(texts.join(''));
      let at = 0;
      for (const cut of cuts) {
        counter.take(bytes.subarray(at, at + cut));
        at = Math.min(bytes.length, at + cut);
      }
      counter.take(bytes.subarray(at));
      expect(counter.count).toBe(texts.join('').split('"type":"A"').length - 1);
    }),
  );
});
