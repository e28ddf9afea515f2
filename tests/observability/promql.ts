/** What a PromQL expression reads: metrics, and the labels it asks of each. */
export interface Selector {
  metric: string;
  labels: string[];
  /** As it stands in the expression, without a range. */
  text: string;
}

const METRIC = /(?<![\w:."'$])((?:governsai|nodejs|process)[\w:]*)(?:\{([^}]*)\})?/g;

/** The selectors of an expression of ours: our metrics and the process's all begin with a known word. */
export function selectorsOf(expression: string): Selector[] {
  return Array.from(expression.matchAll(METRIC), ([text, metric = '', matchers = '']) => ({
    metric,
    labels: Array.from(matchers.matchAll(/(\w+)\s*[=!]~?/g), ([, label = '']) => label),
    text,
  }));
}
