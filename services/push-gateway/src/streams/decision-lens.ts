import { type Condition, compileFilter, globMatches } from '@governsai/cel';
import { type Channel, channelName, DECISION_FIELDS, type DecisionField } from '@governsai/contracts';
import type { Framed } from '@governsai/socket';
import { LRUCache } from 'lru-cache';
import { filterFailures } from '../metrics.ts';
import type { DecisionPush } from './decision-push.ts';
import type { Lens } from './lens.ts';
import { Answers, Question } from './question.ts';
import type { Push } from './ring.ts';
import type { Turns } from './turns.ts';

/** Compiled expressions kept; one in use that is not among them is compiled again when it is asked. */
const MAX_CONDITIONS = 1000;
/** Questions kept to be shared; subscriptions hold their own beyond that. */
const MAX_QUESTIONS = 4096;
const ANSWERS_BYTES = 16 * 1024 * 1024;

export type DecisionChannel = Extract<Channel, { kind: 'decisions' | 'toolDecisions' }>;

/** What a SUB asks of its decisions channels. */
export interface Selection {
  /** A CEL expression that has passed {@link DecisionLenses.check}; null: all decisions. */
  filter: string | null;
  /** Members of `data`; null: all. */
  fields: readonly DecisionField[] | null;
}

export const EVERYTHING: Selection = { filter: null, fields: null };

type Asked<T> = Question<DecisionPush, T>;

/**
 * Makes the lenses of decision subscriptions. What several of them have in common is done once: an expression is compiled once
 * in the process, evaluated once for each decision of an org, and a form (channel and fields) is framed once for each.
 */
export class DecisionLenses {
  readonly #turns: Turns;
  readonly #conditions = new LRUCache<string, Condition>({ max: MAX_CONDITIONS });
  readonly #tests = new LRUCache<string, Asked<boolean>>({ max: MAX_QUESTIONS });
  readonly #forms = new LRUCache<string, Asked<Framed>>({ max: MAX_QUESTIONS });
  readonly #answers = new Answers(ANSWERS_BYTES, (answer) =>
    typeof answer === 'object' ? (answer as Framed).frame.length : 0,
  );

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** Compiles a filter, in a turn that is shared with others. Rejects with VALIDATION_FAILED at `filter`, with the position. */
  async check(filter: string): Promise<void> {
    await this.#turns.run(this, () => this.#conditionOf(filter));
  }

  /** The lens of a subscription; null when it gets every decision as it is. */
  of(channel: DecisionChannel, { filter, fields }: Selection): Lens | null {
    const tests: Asked<boolean>[] = [];
    // The glob first: it is the cheaper one.
    if (channel.kind === 'toolDecisions') tests.push(this.#toolTest(channel.orgId, channel.tool));
    if (filter !== null) tests.push(this.#filterTest(channel.orgId, filter));
    const isWhole = channel.kind === 'decisions' && fields === null;
    if (tests.length === 0 && isWhole) return null;
    return new DecisionLens(tests, isWhole ? null : this.#form(channel, fields));
  }

  #conditionOf(filter: string): Condition {
    const known = this.#conditions.get(filter);
    if (known) return known;
    const condition = compileFilter(filter, 'filter');
    this.#conditions.set(filter, condition);
    return condition;
  }

  #toolTest(orgId: string, glob: string): Asked<boolean> {
    return this.#shared(this.#tests, `${orgId} tool ${glob}`, (push) => globMatches(glob, push.tool));
  }

  #filterTest(orgId: string, filter: string): Asked<boolean> {
    return this.#shared(this.#tests, `${orgId} filter ${filter}`, (push) => {
      try {
        return this.#conditionOf(filter).matches(push.facts());
      } catch {
        filterFailures.inc();
        return false;
      }
    });
  }

  #form(channel: DecisionChannel, fields: readonly DecisionField[] | null): Asked<Framed> {
    const name = channelName(channel);
    // In the order in which they are pushed, so that the order in which they are named makes no other form.
    const ordered = fields && DECISION_FIELDS.filter((field) => fields.includes(field));
    return this.#shared(this.#forms, `${ordered?.join() ?? '*'} ${name}`, (push) => push.framedFor(name, ordered));
  }

  #shared<T>(among: LRUCache<string, Asked<T>>, name: string, ask: (push: DecisionPush) => T): Asked<T> {
    const known = among.get(name);
    if (known) return known;
    const question = new Question(this.#answers, this.#turns, ask);
    among.set(name, question);
    return question;
  }
}

class DecisionLens implements Lens {
  readonly #tests: readonly Asked<boolean>[];
  readonly #form: Asked<Framed> | null;

  constructor(tests: readonly Asked<boolean>[], form: Asked<Framed> | null) {
    this.#tests = tests;
    this.#form = form;
  }

  get isSelective(): boolean {
    return this.#tests.length > 0;
  }

  see(push: Push): Framed | null {
    // The streams of decisions hold nothing else.
    const decision = push as DecisionPush;
    for (const test of this.#tests) if (!test.of(decision)) return null;
    return this.#form ? this.#form.of(decision) : push.frame;
  }
}
