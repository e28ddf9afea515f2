import { describe, expect, it } from '@jest/globals';
import { frameText } from './frame.ts';

describe('frameText', () => {
  it.each([
    [0, [0x81, 0]],
    [125, [0x81, 125]],
    [126, [0x81, 126, 0, 126]],
    [65_535, [0x81, 126, 0xff, 0xff]],
    [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  ])('writes the header of a text frame of %i bytes', (length, header) => {
    const { frame, payload } = frameText('x'.repeat(length));
    expect([...frame.subarray(0, header.length)]).toEqual(header);
    expect(frame.length).toBe(header.length + length);
    expect(payload.toString()).toBe('x'.repeat(length));
  });

  it('counts bytes, not characters', () => {
    const { frame, payload } = frameText('é😀');
    expect(frame[1]).toBe(6);
    expect(payload.toString()).toBe('é😀');
  });
});
