import type { ASTNode } from '@marcbachmann/cel-js';

/** What an expression may use. */
export interface Allowance {
  /** Comprehensions (`exists`, `all`, `map` …) and `cel.bind` inside each other. Each level may multiply the work by 64. */
  nesting: number;
  /** Names it may not use, variables and methods, each with what to do instead. */
  withheld: Readonly<Record<string, string>>;
}

const NESTING = new Set([
  'all',
  'exists',
  'exists_one',
  'map',
  'filter',
  'bind',
  'sortBy',
  'transformList',
  'transformMap',
]);

/** A part of an expression whose cost has no bound. */
export interface Costly {
  message: string;
  /** Offset of the part in the expression, in UTF-16 code units. */
  position: number;
}

/** The first part of an expression that is not allowed or could cost more than a bounded time; null when there is none. */
export function findCostly(node: ASTNode, allowance: Allowance, depth = 0): Costly | null {
  const name = node.op === 'rcall' ? node.args[0] : null;
  if (name === 'matches') {
    // The library runs it on the host's backtracking engine, where a short pattern can take for ever.
    return {
      message: 'matches() is not available: use glob("web.*"), startsWith(), endsWith() or contains()',
      position: node.pos,
    };
  }
  const used = node.op === 'id' ? node.args : name;
  const instead = typeof used === 'string' && Object.hasOwn(allowance.withheld, used) && allowance.withheld[used];
  if (instead) return { message: `${used} is not available here: ${instead}`, position: node.pos };
  const inside = name !== null && NESTING.has(name) ? depth + 1 : depth;
  if (inside > allowance.nesting) {
    return { message: `comprehensions may nest ${allowance.nesting} deep; split the condition`, position: node.pos };
  }
  for (const child of childrenOf(node)) {
    const found = findCostly(child, allowance, inside);
    if (found) return found;
  }
  return null;
}

function childrenOf(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (value !== null && typeof value === 'object' && 'op' in value) found.push(value as ASTNode);
  };
  visit(node.args);
  return found;
}
