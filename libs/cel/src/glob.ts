/**
 * Whether `text` matches `pattern` as a whole, where `*` stands for any run of characters, empty too, and `?` for one.
 * There is no escape: tool names hold neither. Linear in the text for each star, so a hostile pattern costs at most
 * |pattern| × |text| steps.
 */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  // Where to go on when what follows the last star does not fit: one character more for the star.
  let afterStar = -1;
  let starText = 0;
  while (t < text.length) {
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
