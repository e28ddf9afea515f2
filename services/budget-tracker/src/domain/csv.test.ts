import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { csvLine, parseCsv } from './csv.ts';

const fields = (text: string) => parseCsv(text).map((row) => row.fields);

describe('CSV', () => {
  it('is read with quotes, commas, line ends of any kind and a byte order mark', () => {
    expect(fields('\uFEFFa,b\r\n"1,5","say ""hi"""\n\nx,\r"two\nlines",')).toEqual([
      ['a', 'b'],
      ['1,5', 'say "hi"'],
      ['x', ''],
      ['two\nlines', ''],
    ]);
    expect(fields('')).toEqual([]);
  });

  it('counts lines, also within fields', () => {
    expect(parseCsv('a\n"b\nc"\nd').map(({ line }) => line)).toEqual([1, 2, 4]);
  });

  it.each([
    ['"open', /line 1: a quoted field does not end/],
    ['a\n"b"c', /line 2: a quoted field must end/],
  ])('G10: %j is refused', (text, message) => expect(() => parseCsv(text)).toThrow(message));

  it('is written so that it is read as it was', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ä') });
    fc.assert(
      fc.property(fc.array(fc.array(text, { minLength: 2, maxLength: 4 })), (rows) => {
        const safe = rows.map((row) => row.map((field) => (/^\r/.test(field) ? `'${field}` : field)));
        expect(fields(rows.map((row) => csvLine(row)).join(''))).toEqual(safe);
      }),
    );
  });

  it('keeps a spreadsheet from taking a text for a formula, and leaves numbers alone', () =>
    expect(csvLine(['=1+1', '@x', '-a', 'b'], ['-1.5', 2])).toBe("'=1+1,'@x,'-a,b,-1.5,2\r\n"));
});
