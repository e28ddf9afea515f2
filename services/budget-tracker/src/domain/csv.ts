/** A text that spreadsheets take for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * One line of CSV (RFC 4180) with its line end: texts, then numbers as they are. A text that a spreadsheet would take for a
 * formula gets an apostrophe before it.
 */
export function csvLine(texts: readonly string[], numbers: readonly (string | number)[] = []): string {
  return `${[...texts.map(quoted), ...numbers].join(',')}\r\n`;
}

function quoted(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * The rows of a CSV text (RFC 4180; line ends LF too), each with the number of its first line. Empty lines are left out. Throws
 * SyntaxError that names the line of a quote that does not end, or that stands within a field.
 */
export function parseCsv(text: string): { line: number; fields: string[] }[] {
  const rows: { line: number; fields: string[] }[] = [];
  const source = text.replace(/^\uFEFF/, '');
  let line = 1;
  for (let at = 0; at < source.length; ) {
    const first = line;
    const fields: string[] = [];
    for (;;) {
      const field = source[at] === '"' ? quotedField(source, at, line) : plainField(source, at);
      fields.push(field.value);
      line += field.value.split('\n').length - 1;
      at = field.end;
      if (source[at] !== ',') break;
      at += 1;
    }
    const end = /^(\r\n|\n|\r)/.exec(source.slice(at, at + 2))?.[0];
    if (end === undefined && at < source.length)
      throw new SyntaxError(`line ${line}: a quoted field must end before a comma or the line end`);
    at += end?.length ?? 0;
    line += 1;
    if (fields.length > 1 || fields[0] !== '') rows.push({ line: first, fields });
  }
  return rows;
}

function plainField(source: string, at: number): { value: string; end: number } {
  let end = at;
  while (end < source.length && !',\r\n'.includes(source[end] ?? '')) end += 1;
  return { value: source.slice(at, end), end };
}

function quotedField(source: string, at: number, line: number): { value: string; end: number } {
  let value = '';
  for (let from = at + 1; ; ) {
    const quote = source.indexOf('"', from);
    if (quote < 0) throw new SyntaxError(`line ${line}: a quoted field does not end`);
    value += source.slice(from, quote);
    if (source[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    from = quote + 2;
  }
}
