import pretty from 'pino-pretty';

/** Programs whose own logs are for the file; here only what must not be missed. */
const QUIET: Record<string, RegExp> = {
  kafka: /\b(ERROR|FATAL)\b/,
  postgres: /\b(FATAL|PANIC)\b/,
  maven: /\bERROR\b/,
  setup: /$^/,
};

const WIDTH = 15;

/** The log people read in the terminal: one line an event, led by the name of the process it is about. */
export class Console {
  readonly #format = pretty.prettyFactory({
    colorize: process.stdout.isTTY,
    ignore: 'pid,hostname,service,name',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  });

  /** A line of the stack itself. */
  say(text: string): void {
    for (const line of text.split('\n')) this.#print('stack', line);
  }

  /** A line a process wrote. */
  output(name: string, line: string): void {
    const notable = QUIET[name];
    if (notable && !notable.test(line)) return;
    this.#print(name, line.startsWith('{') ? this.#format(line).trimEnd() : line);
  }

  #print(name: string, line: string): void {
    process.stdout.write(`${name.padEnd(WIDTH)} | ${line}\n`);
  }
}
