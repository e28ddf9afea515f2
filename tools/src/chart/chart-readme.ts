import type { DocumentedValue } from './values-comments.ts';

const BEGIN = '<!-- values: written by `make chart` -->';
const END = '<!-- end of values -->';

/** The README with its table of values written anew. Throws when it has no place for it. */
export function chartReadme(readme: string, documented: readonly DocumentedValue[]): string {
  const [before, rest] = readme.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`README.md of the chart must hold ${BEGIN} and ${END}`);
  const rows = documented.map(
    ({ path, description, default: value }) => `| \`${path}\` | ${cell(description)} | ${shown(value)} |`,
  );
  return [before + BEGIN, '', '| value | what it is | default |', '|---|---|---|', ...rows, '', END + after].join('\n');
}

function shown(value: unknown): string {
  if (value === '') return '';
  return `\`${cell(JSON.stringify(value))}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
