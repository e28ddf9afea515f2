import { describe, expect, it } from '@jest/globals';
import { createLogger, scrub } from './logger.ts';

function lines(): { write(line: string): void; all: Record<string, unknown>[]; text: string } {
  return {
    all: [],
    text: '',
    write(line) {
      this.text += line;
      this.all.push(JSON.parse(line));
    },
  };
}

describe('the logger', () => {
  it('says which service and replica a line is of', () => {
    const out = lines();
    createLogger('auth', 'info', out).info('hello');
    expect(out.all).toEqual([
      expect.objectContaining({ level: 'info', service: 'auth', replica: expect.any(String), msg: 'hello' }),
    ]);
  });

  it('G12: writes no credential and no raw text, whatever field or message holds it', () => {
    const out = lines();
    const log = createLogger('auth', 'info', out);
    log.info({
      authorization: 'Bearer x-secret',
      req: { headers: { authorization: 'x-secret', 'x-internal-token': 'x-secret' } },
    });
    log.info({ a: { b: { password: 'x-secret' } }, token: 'x-secret', data: { rawText: 'x-secret' } });
    log.error({ err: new Error('no such key gai_x-secret') }, 'GET /ws?key=x-secret&org=acme');
    log.info('connecting to postgres://app:x-secret@db:5432/x');
    expect(out.text).not.toContain('x-secret');
    expect(out.text).toContain('org=acme');
  });

  it('leaves ordinary text alone', () => {
    const text = 'GET http://host:3000/v1/orgs/acme/decisions?afterSeq=1 of user a@b.example';
    expect(scrub(text)).toBe(text);
  });
});
