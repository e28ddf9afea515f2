import type { Sql } from '@governsai/db';
import type { Budget } from '../domain/budget.ts';
import { BUDGET_COLUMNS, type BudgetRow, budgetFromRow } from './budget-rows.ts';

/** A version of a budget and the decisions it counts. */
interface Version {
  budget: Budget;
  fromSeq: number;
  /** Null while it is in force. */
  untilSeq: number | null;
}

/** The budgets of an org as they were at some version of its head. */
export class OrgBudgets {
  /** By the number that grows with every change. */
  readonly head: number;
  /** Decisions from here on can be judged. */
  readonly sinceSeq: number;
  /** Those in force, by id. */
  readonly inForce: readonly Budget[];
  readonly #versions: readonly Version[];

  constructor(head: number, sinceSeq: number, versions: readonly Version[]) {
    this.head = head;
    this.sinceSeq = sinceSeq;
    this.#versions = versions;
    this.inForce = versions.filter(({ untilSeq }) => untilSeq === null).map(({ budget }) => budget);
  }

  /** The budgets that count a decision, each in the version of its place. `seq` is at least {@link sinceSeq}. */
  counting(seq: number): readonly Budget[] {
    const counts = ({ budget, fromSeq, untilSeq }: Version) =>
      seq >= budget.fromSeq && seq >= fromSeq && (untilSeq === null || seq <= untilSeq);
    // Nearly always the versions are all in force already.
    if (this.#versions.length === this.inForce.length && this.#versions.every(counts)) return this.inForce;
    return this.#versions.filter(counts).map(({ budget }) => budget);
  }
}

const MAX_ORGS = 10_000;

/**
 * Remembers the budgets of orgs, compiled. Each use asks the database whether they have changed, which is one row of one
 * index: what is answered is never older than the transaction's view.
 */
export class Definitions {
  readonly #orgs = new Map<string, OrgBudgets>();

  /** What is remembered of an org, whether or not it still holds. */
  remembered(orgId: string): OrgBudgets | undefined {
    return this.#orgs.get(orgId);
  }

  /** The budgets of orgs, good for decisions from the seq given by org. */
  async load(tx: Sql, sinceSeq: ReadonlyMap<string, number>): Promise<Map<string, OrgBudgets>> {
    const heads = await readHeads(tx, [...sinceSeq.keys()]);
    const found = new Map<string, OrgBudgets>();
    const stale: string[] = [];
    for (const [orgId, since] of sinceSeq) {
      const known = this.#orgs.get(orgId);
      if (known && known.head === (heads.get(orgId) ?? 0) && known.sinceSeq <= since) found.set(orgId, known);
      else stale.push(orgId);
    }
    for (const orgId of stale) {
      const since = sinceSeq.get(orgId) ?? 0;
      const read = new OrgBudgets(heads.get(orgId) ?? 0, since, await readVersions(tx, orgId, since));
      this.#remember(orgId, read);
      found.set(orgId, read);
    }
    return found;
  }

  #remember(orgId: string, budgets: OrgBudgets): void {
    this.#orgs.delete(orgId);
    this.#orgs.set(orgId, budgets);
    const oldest = this.#orgs.keys().next();
    if (this.#orgs.size > MAX_ORGS && !oldest.done) this.#orgs.delete(oldest.value);
  }
}

// Read before the budgets: a change in between is then seen as one more, and never missed.
async function readHeads(tx: Sql, orgIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.query<{ org_id: string; version: number }>(
    'SELECT org_id, version FROM budget_heads WHERE org_id = ANY($1)',
    [orgIds],
  );
  return new Map(rows.map((row) => [row.org_id, row.version]));
}

/** The versions of an org's budgets that count any decision from `sinceSeq` on, or are in force. */
async function readVersions(tx: Sql, orgId: string, sinceSeq: number): Promise<Version[]> {
  const rows = await tx.query<BudgetRow & { version_seq: number; until_seq: number | null }>(
    `SELECT ${BUDGET_COLUMNS}, b.version_seq, b.archived_seq AS until_seq FROM budgets b
     WHERE b.org_id = $1 AND (b.archived_at IS NULL OR b.archived_seq >= $2)
     UNION ALL
     SELECT b.id, b.org_id, v.name, v.limit_amount, b.unit, b.currency, b.period, b.anchor, b.time_zone, v.hard, v.carry_over,
       v.starts_at, v.ends_at, v.scope, v.thresholds, v.forecast, b.from_seq, v.version, b.created_at, v.from_seq, v.until_seq
     FROM budget_versions v JOIN budgets b ON b.id = v.budget_id
     WHERE v.org_id = $1 AND v.until_seq >= $2 ORDER BY id, version`,
    [orgId, sinceSeq],
  );
  return rows.map((row) => ({ budget: budgetFromRow(row), fromSeq: row.version_seq, untilSeq: row.until_seq }));
}
