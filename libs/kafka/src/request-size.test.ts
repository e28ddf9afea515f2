import { describe, expect, it } from '@jest/globals';
import { MAX_REQUEST_BYTES, MAX_REQUEST_MESSAGES, requestLength } from './request-size.ts';

const entries = (count: number, bytes: number) => Array.from({ length: count }, () => ({ bytes }));

describe('requestLength', () => {
  it('takes all of a short queue', () => {
    expect(requestLength(entries(3, 100))).toBe(3);
    expect(requestLength([])).toBe(0);
  });

  it('stops before the byte limit is passed', () => {
    expect(requestLength(entries(100, MAX_REQUEST_BYTES / 4))).toBe(4);
    expect(requestLength(entries(100, MAX_REQUEST_BYTES / 4 + 1))).toBe(3);
  });

  it('stops at the message limit', () => {
    expect(requestLength(entries(MAX_REQUEST_MESSAGES + 5, 1))).toBe(MAX_REQUEST_MESSAGES);
  });

  it('lets a message above the limit go alone', () => {
    expect(requestLength([{ bytes: MAX_REQUEST_BYTES + 1 }, { bytes: 1 }])).toBe(1);
    expect(requestLength([{ bytes: 1 }, { bytes: MAX_REQUEST_BYTES }, { bytes: 1 }])).toBe(1);
  });
});
