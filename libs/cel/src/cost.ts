import type { ASTNode } from '@marcbachmann/cel-js';

/** Comprehensions (`exists`, `all`, `map` …) and `cel.bind` inside each other. Each level may multiply the work by 64. */
const MAX_NESTING = 2;

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

/** The first part of an expression that could cost more than a bounded time to evaluate; null when there is none. */
export function findCostly(node: ASTNode, depth = 0): Costly | null {
  const name = node.op === 'rcall' ? node.args[0] : null;
  if (name === 'matches') {
    // The library runs it on the host's backtracking engine, where a short pattern can take for ever.
    return {
      message: 'matches() is not available: use glob("web.*"), startsWith(), endsWith() or contains()',
      position: node.pos,
    };
  }
  const inside = name !== null && NESTING.has(name) ? depth + 1 : depth;
  if (inside > MAX_NESTING) {
    return { message: `comprehensions may nest ${MAX_NESTING} deep; split the condition`, position: node.pos };
  }
  for (const child of childrenOf(node)) {
    const found = findCostly(child, inside);
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
