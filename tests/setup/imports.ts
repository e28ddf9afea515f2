import { readFileSync } from 'node:fs';
import swc from '@swc/core';

/** Stands for the name of a module that only a run can tell. */
export const COMPUTED = '<computed>';

/**
 * Every module a TypeScript or JavaScript file names: imports and re-exports (types too), `import()`, `require()` and
 * `import('x').Type`. A dynamic import of something that is not a literal counts as {@link COMPUTED}.
 */
export function importsOf(file: string): string[] {
  const module = swc.parseSync(readFileSync(file, 'utf8'), { syntax: 'typescript', target: 'es2023' });
  const found: string[] = [];
  visit(module, found);
  return found;
}

function visit(node: unknown, found: string[]): void {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, found);
    return;
  }
  if (node === null || typeof node !== 'object') return;
  const name = moduleNamed(node as SyntaxNode);
  if (name !== null) found.push(name);
  for (const child of Object.values(node)) visit(child, found);
}

/** The part of a syntax tree node that this file reads. */
interface SyntaxNode {
  type?: string;
  value?: unknown;
  source?: SyntaxNode | null;
  argument?: SyntaxNode;
  callee?: SyntaxNode;
  arguments?: { expression: SyntaxNode }[];
}

function moduleNamed(node: SyntaxNode): string | null {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.source ? literal(node.source) : null;
    case 'TsImportType':
      return node.argument ? literal(node.argument) : null;
    case 'CallExpression': {
      const loads =
        node.callee?.type === 'Import' || (node.callee?.type === 'Identifier' && node.callee.value === 'require');
      return loads ? literal(node.arguments?.[0]?.expression) : null;
    }
    default:
      return null;
  }
}

function literal(node: SyntaxNode | undefined): string {
  return node?.type === 'StringLiteral' && typeof node.value === 'string' ? node.value : COMPUTED;
}
