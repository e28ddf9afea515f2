import { DB, HTTP, recordFailure, span, statementAttributes } from '@governsai/telemetry';
import { type Attributes, SpanKind, trace } from '@opentelemetry/api';
import { sqlState } from './errors.ts';

/** Runs a statement; told of in the active trace when that is recorded. */
export type TraceStatement = <T>(text: string, run: () => Promise<T>) => Promise<T>;

/** Texts whose summary is remembered: statements are constant, there are fewer than this. */
const MAX_SUMMARIES = 512;
const OPERATION = /(?<!\bFOR |\bKEY )\b(?:INSERT|UPDATE|DELETE)\b/;
/** A name before a parenthesis is a function's, but for that of an INSERT. */
const TABLE = /\b(?:INTO\s+([a-z_]+)|(?:UPDATE|FROM|JOIN)\s+(?:ONLY\s+)?([a-z_]+)\b(?!\s*\())/g;
const COMMON_TABLE = /(?:\bWITH|,)\s+([a-z_]+)\s+AS\s*\(/g;

/** Makes the tracer of one database's statements. Neither their text nor their parameters are told, but what they are about. */
export function createStatementTrace(url: string): TraceStatement {
  const { hostname, port, pathname } = new URL(url);
  const server: Attributes = {
    [DB.namespace]: decodeURIComponent(pathname.slice(1)),
    [HTTP.serverAddress]: hostname,
    [HTTP.serverPort]: Number(port || 5432),
  };
  const summaries = new Map<string, string>();

  function summaryOf(text: string): string {
    let summary = summaries.get(text);
    if (summary === undefined) {
      summary = summarize(text);
      if (summaries.size < MAX_SUMMARIES) summaries.set(text, summary);
    }
    return summary;
  }

  return async (text, run) => {
    if (!trace.getActiveSpan()?.isRecording()) return run();
    const summary = summaryOf(text);
    const attributes = { ...statementAttributes(summary), ...server };
    const statement = span(summary, { kind: SpanKind.CLIENT, attributes });
    try {
      return await run();
    } catch (error) {
      recordFailure(statement, error);
      const state = sqlState(error);
      if (state !== null) statement.setAttribute(DB.status, state);
      throw error;
    } finally {
      statement.end();
    }
  };
}

/** The operation and the table it is about: `INSERT decisions`. Of a query over several tables the first. */
export function summarize(text: string): string {
  const [operation = 'SELECT'] = OPERATION.exec(text) ?? /^[A-Z]+/.exec(text.trim()) ?? [];
  const common = new Set(Array.from(text.matchAll(COMMON_TABLE), ([, name]) => name));
  const table = Array.from(text.matchAll(TABLE), ([, into, of]) => into ?? of).find((name) => !common.has(name));
  // A common table's own query may begin the statement: what it reads is what the statement is about.
  return `${operation === 'WITH' ? 'SELECT' : operation}${table === undefined ? '' : ` ${table}`}`;
}
