/** Counts down what may be looked at; {@link globMatches} throws when it is used up. */
export interface GlobBudget {
  steps: number;
}

/**
 * Whether `text` matches `pattern` as a whole, where `*` stands for any run of characters, empty too, and `?` for one.
 * There is no escape: tool names hold neither. Linear in the text for each star, so a hostile pattern costs at most
 * |pattern| × |text| steps. With a budget, throws an Error when that is used up.
 */
export function globMatches(
  pattern: string,
  text: string,
  budget: GlobBudget = { steps: Number.MAX_SAFE_INTEGER },
): boolean {
  let p = 0;
  let t = 0;
  // Where to go on when what follows the last star does not fit: one character more for the star.
  let afterStar = -1;
  let starText = 0;
  while (t < text.length) {
    if (--budget.steps < 0) throw new Error('glob() has too much to look through');
    if (pattern[p] === '*') {
      afterStar = ++p;
      starText = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (afterStar >= 0) {
      p = afterStar;
      t = ++starText;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
