import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Report } from './report.ts';
import type { Row } from './scenario.ts';

/**
 * Writes a report. Scenarios that the file has of the same commit and this report has not are kept, so that a benchmark may
 * be done in parts; `order` names the scenarios as they are to stand. Returns what the file holds now.
 */
export function saveReport(file: string, report: Report, order: readonly string[]): Report {
  const before = readReport(file);
  const measured = new Set(report.rows.map(({ scenario }) => scenario));
  const kept =
    before?.machine.commit === report.machine.commit
      ? before.rows.filter(({ scenario }) => !measured.has(scenario))
      : [];
  const place = ({ scenario }: Row) => order.indexOf(scenario);
  const whole = { ...report, rows: [...kept, ...report.rows].sort((a, b) => place(a) - place(b)) };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`);
  return whole;
}

function readReport(file: string): Report | null {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : null;
}
