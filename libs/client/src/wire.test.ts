import * as contracts from '@governsai/contracts';
import { expect, it } from '@jest/globals';
import type { z } from 'zod';
import type { Decision, DecisionData, DecisionOutcome, Direction, PolicyOutcome, Usage } from './decision.ts';
import { isRetryable } from './errors.ts';
import * as wire from './messages.ts';

/** True when either type takes whatever the other does, and names the same members. */
type Same<A, B> = [A, B, keyof A, keyof B] extends [B, A, keyof B, keyof A] ? true : [A, B];
type Raw = (typeof contracts.RAW_TEXT_FIELDS)[number];
type Sent<Schema extends z.ZodType, Type extends string> = Omit<z.input<Schema>, 'type'> & { type: Type };

it('speaks as libs/contracts states it: the compiler has checked it', () => {
  const same: true[] = [
    true satisfies Same<DecisionData, z.input<typeof contracts.decisionData> & { [Field in Raw]?: unknown }>,
    true satisfies Same<Usage, z.input<typeof contracts.usage>>,
    true satisfies Same<Decision, z.output<typeof contracts.decisionView>>,
    true satisfies Same<Direction, z.output<typeof contracts.direction>>,
    true satisfies Same<DecisionOutcome, z.output<typeof contracts.decisionOutcome>>,
    true satisfies Same<PolicyOutcome, z.output<typeof contracts.policyOutcome>>,
    true satisfies Same<wire.ServerErrorCode, contracts.ErrorCode>,
    true satisfies Same<wire.IngestSchema, contracts.IngestSchema>,
    true satisfies Same<wire.Ack & { type: 'ACK' }, contracts.Ack>,
    true satisfies Same<wire.DecisionEvent, contracts.DecisionPush>,
    true satisfies Same<wire.BudgetEvent, contracts.BudgetUpdate>,
    true satisfies Same<wire.NotificationEvent, z.output<typeof contracts.notificationPush>>,
    true satisfies Same<wire.AuthSuccess, z.output<typeof contracts.authSuccess>>,
    true satisfies Same<wire.SubSuccess, z.output<typeof contracts.subSuccess>>,
    true satisfies Same<wire.ServerError & { error: contracts.ErrorCode }, contracts.ErrorMessage>,
    true satisfies Same<wire.NewHold & { idempotencyKey: string }, z.input<typeof contracts.newHold>>,
    true satisfies Same<
      wire.Settlement & { holdId: string; type: 'SETTLE' },
      Sent<typeof contracts.settleMessage, 'SETTLE'>
    >,
    true satisfies Same<wire.HoldAnswer, z.output<typeof contracts.holdAnswer>>,
    true satisfies Same<wire.Hold, contracts.Hold>,
    true satisfies Same<wire.ServerMessage['type'], keyof typeof contracts.SERVER_MESSAGES>,
  ];
  expect(same).not.toContain(false);
});

it('knows the close codes, and which errors are only for now', () => {
  expect(wire.CLOSE_CODES).toEqual(contracts.CLOSE_CODES);
  for (const code of contracts.ERROR_CODES) {
    expect([code, isRetryable(code)]).toEqual([code, 'retryable' in contracts.ERRORS[code]]);
  }
});
