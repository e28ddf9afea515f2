import { type Channel, DECISION_FIELDS, type DecisionView } from '@governsai/contracts';
import { describe, expect, it } from '@jest/globals';
import { type DecisionChannel, DecisionLenses, EVERYTHING } from './decision-lens.ts';
import { DecisionPush } from './decision-push.ts';
import { Turns } from './turns.ts';

const ALL: DecisionChannel = { kind: 'decisions', orgId: 'acme' };
const web: DecisionChannel = { kind: 'toolDecisions', orgId: 'acme', tool: 'web.*' };

const view = (over: Partial<DecisionView> = {}): DecisionView => ({
  id: 'dec_1',
  orgId: 'acme',
  direction: 'precheck',
  decision: 'allow',
  tool: 'web.fetch',
  scope: null,
  correlationId: null,
  tags: ['eu'],
  latencyMs: 5,
  timestamp: '2026-01-01T00:00:00.000Z',
  hash: 'f'.repeat(64),
  ...over,
});

let seq = 0;
const pushOf = (over: Partial<DecisionView> = {}, beside = { keyId: 'key-1', usage: { cost: '2.5' } }) =>
  new DecisionPush('acme', ++seq, view(over), beside);

/** A clock that counts how often work was timed: each answer that was not known. */
function setup() {
  let asked = 0;
  const lenses = new DecisionLenses(new Turns(() => asked++ / 1e6));
  return { lenses, evaluations: () => Math.floor(asked / 2) };
}

const read = (frame: { payload: Buffer } | null | undefined) => frame && JSON.parse(frame.payload.toString());

describe('a lens of decisions', () => {
  it('is none where everything is wanted', () => {
    expect(setup().lenses.of(ALL, EVERYTHING)).toBeNull();
  });

  it.each([
    ['tool.startsWith("web.")', true],
    ['decision == "deny"', false],
    ['usage.cost > 2.0 && keyId == "key-1"', true],
    ['tags[3] == "eu"', false],
  ])('filters: %s → %s, with the very frame of a plain subscription', (filter, expected) => {
    const lens = setup().lenses.of(ALL, { filter, fields: null });
    const push = pushOf();
    expect(lens?.see(push)).toBe(expected ? push.frame : null);
    expect(lens?.isSelective).toBe(true);
  });

  it('gives the members that are asked for, whatever their order, and those the decision has', () => {
    const lens = setup().lenses.of(ALL, { filter: null, fields: ['tool', 'policy', 'id', 'scope'] });
    const push = pushOf();
    expect(read(lens?.see(push))).toEqual({
      type: 'DECISION',
      channel: 'org:acme:decisions',
      seq: push.seq,
      data: { id: 'dec_1', tool: 'web.fetch', scope: null },
    });
    expect(lens?.isSelective).toBe(false);
    const all = setup().lenses.of(ALL, { filter: null, fields: DECISION_FIELDS });
    expect(all?.see(push)?.payload.equals(push.frame.payload)).toBe(true);
  });

  it('takes a tool glob, under the name of its channel', () => {
    const lens = setup().lenses.of(web, EVERYTHING);
    expect(read(lens?.see(pushOf()))).toMatchObject({ channel: 'org:acme:decisions:tool:web.*', data: view() });
    expect(lens?.see(pushOf({ tool: 'shell.web.x' }))).toBeNull();
    expect(lens?.see(pushOf({ tool: null }))).toBeNull();
  });

  it('evaluates an expression once for each push and frames each form once, however many subscribe', () => {
    const { lenses, evaluations } = setup();
    const selection = { filter: 'decision == "allow"', fields: ['id', 'tool'] as const };
    const sameForm = { filter: null, fields: ['tool', 'id'] as const };
    const of = (channel: DecisionChannel & Channel, wanted: typeof selection | typeof sameForm) =>
      Array.from({ length: 100 }, () => lenses.of(channel, wanted));
    const pushes = Array.from({ length: 10 }, () => pushOf());
    const everybody = [...of(ALL, selection), ...of(ALL, sameForm)];
    const frames = pushes.map((push) => new Set(everybody.map((lens) => lens?.see(push))));
    expect(frames.map(({ size }) => size)).toEqual(Array(10).fill(1));
    // Later ones, who resume, included.
    for (const lens of of(ALL, selection)) for (const push of pushes) lens?.see(push);
    expect(evaluations()).toBe(2 * pushes.length);
  });

  it('keeps orgs apart that have the same filter and the same seqs', () => {
    const { lenses } = setup();
    const filter = 'decision == "deny"';
    const mine = lenses.of(ALL, { filter, fields: null });
    const other = lenses.of({ ...ALL, orgId: 'globex' }, { filter, fields: null });
    const push = (orgId: string, decision: 'deny' | 'allow') =>
      new DecisionPush(orgId, 7, view({ orgId, decision }), { keyId: null, usage: null });
    expect(mine?.see(push('acme', 'deny'))).not.toBeNull();
    expect(other?.see(push('globex', 'allow'))).toBeNull();
  });

  it('refuses a filter with the position, and one on what may be erased', async () => {
    const { lenses } = setup();
    const refused = (message: RegExp) => ({
      code: 'VALIDATION_FAILED',
      path: 'filter',
      message: expect.stringMatching(message),
    });
    await expect(lenses.check('tool ==')).rejects.toMatchObject(refused(/at character 8/));
    await expect(lenses.check('tool == "a" && userId == "u"')).rejects.toMatchObject(
      refused(/userId is not available here: .*erased.*at character 16/),
    );
    await expect(lenses.check('tool == "a"')).resolves.toBeUndefined();
  });
});
