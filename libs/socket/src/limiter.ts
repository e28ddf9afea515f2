/** Lets `limit` calls of `work` run at a time; the others wait in order. */
export function limited<Args extends unknown[], T>(
  limit: number,
  work: (...args: Args) => Promise<T>,
): (...args: Args) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (...args) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work(...args);
    } finally {
      // The place goes straight to the next in line, so that nobody who comes between can take it.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
