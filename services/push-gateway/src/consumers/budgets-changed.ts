import type { BroadcastHandler } from '@governsai/kafka';
import type { Logger } from '@governsai/service';
import type { BudgetBoards } from '../budgets/budget-boards.ts';
import { pushTraced, readValue } from './push-message.ts';

/** States of budgets, to the boards of the orgs that somebody here subscribes to. */
export function budgetsChangedHandler(boards: BudgetBoards, log: Logger): BroadcastHandler {
  return (message) => {
    const board = boards.find(message.key);
    if (!board) return;
    const value = readValue('budgets.changed', message, log);
    if (value?.orgId !== message.key) return;
    pushTraced('budgets.changed', message, () => board.receive(value));
  };
}
