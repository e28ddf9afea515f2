import type { Machine } from './machine.ts';
import { median, spread } from './measure/statistics.ts';
import type { Row, Runs } from './scenario.ts';

export interface Report {
  machine: Machine;
  rows: Row[];
}

const HEADER = ['scenario', 'what', 'result', '±', 'ceiling', 'of it', 'CPU seconds'];

/** The rows as a table in Markdown: for people in a terminal, and for the documentation as it is. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.scenario,
    row.subject,
    latencyText(row) ?? `${round(median(row.ours.values))} ${row.unit}`,
    row.ours.values.length > 1 ? `${Math.round(spread(row.ours.values) * 100)} %` : '',
    ceilingText(row),
    ratioText(row),
    [cpuText(row.ours, row.cpuPer), ...(row.ceiling ? [`(${cpuText(row.ceiling, row.cpuPer)})`] : []), factsText(row)]
      .filter((text) => text !== '' && text !== '()')
      .join(' '),
  ]);
  const widths = HEADER.map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(HEADER), line(widths.map((width) => '-'.repeat(width))), ...lines.map(line)].join('\n');
}

/** What the numbers are of. */
export function heading({ at, commit, processor, cores, memoryGiB, system, versions }: Machine): string {
  const parts = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${at.slice(0, 16)}Z, commit ${commit}, ${cores} cores of ${processor}, ${memoryGiB} GiB, ${system}, ${parts.join(', ')}`;
}

function latencyText({ latency }: Row): string | null {
  if (!latency) return null;
  const { p50, p99, max } = latency.ours;
  return `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`;
}

function ceilingText({ ceiling, latency, unit }: Row): string {
  if (latency?.ceiling) return `${ceiling?.name ?? ''}: p50 ${ms(latency.ceiling.p50)}, p99 ${ms(latency.ceiling.p99)}`;
  return ceiling ? `${ceiling.name}: ${round(median(ceiling.values))} ${unit}` : '';
}

function ratioText({ ours, ceiling, latency }: Row): string {
  if (latency?.ceiling) {
    const times = (of: 'p50' | 'p99') => `${(latency.ours[of] / (latency.ceiling?.[of] ?? 1)).toFixed(1)}×`;
    return `${times('p50')}, ${times('p99')}`;
  }
  return ceiling ? `${Math.round((100 * median(ours.values)) / median(ceiling.values))} %` : '';
}

/** Those processes that did something. */
function cpuText({ cpu }: Runs, per: number): string {
  const parts = Object.entries(cpu).filter(([, seconds]) => seconds >= 0.05);
  if (parts.length === 0) return '';
  const each = per === 1 ? '' : ` per ${per.toLocaleString('en')}`;
  return `${parts.map(([name, seconds]) => `${name} ${seconds.toFixed(1)}`).join(', ')}${each}`;
}

function factsText({ facts = {} }: Row): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? round(value) : value}`)
    .join(', ');
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** Three digits are all that a measurement has. */
function round(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}
