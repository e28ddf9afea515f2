import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { readPublicKey, type TrustedKey } from './keys.ts';
import { readLines } from './read-lines.ts';
import { describeResult } from './report.ts';
import { resultOf, type VerifyOptions, verifyChain } from './verify-chain.ts';

/** What the command exits with. */
const EXIT = { valid: 0, broken: 1, unusable: 2 } as const;

/** Where the command reads `-` from and writes to. */
export interface CommandStreams {
  stdin: AsyncIterable<Uint8Array>;
  out: (text: string) => void;
  err: (text: string) => void;
}

const USAGE = `Checks an export of decisions: every hash, every link, every checkpoint, and that nothing is missing.

  governsai-verify FILE… [--key KEY]… [--until SEQ] [--json] [--quiet]

  FILE        NDJSON as downloaded, gzip or not; "-" reads standard input. Several files are read as one, in this order.
  --key KEY   Ed25519 public key whose checkpoints count: a file (PEM, or base64 of the raw key) or the base64 itself.
              Repeat it when the key was changed. Without it nobody vouches for the file: it only agrees with itself.
  --until SEQ Fail unless the given keys vouch at least up to this record.
  --json      Print the result as one line of JSON.
  --quiet     No progress on standard error.

Exit code: 0 valid, 1 broken, 2 wrong usage or unreadable.
`;

const PROGRESS_EVERY = 50_000;

class UsageError extends Error {
  override name = 'UsageError';
}

interface Asked {
  files: string[];
  options: VerifyOptions;
  json: boolean;
  quiet: boolean;
}

/** Runs the command and returns its exit code. Never throws. */
export async function runCommand(args: readonly string[], streams: CommandStreams): Promise<number> {
  try {
    const asked = await understand(args);
    if (asked === null) {
      streams.out(USAGE);
      return EXIT.valid;
    }
    const result = await resultOf(
      verifyChain(linesOf(asked.files, streams.stdin), asked.options),
      ({ checked, seq }) => {
        if (!asked.quiet) streams.err(`${checked} records checked, up to seq ${seq}\n`);
      },
    );
    streams.out(
      asked.json ? `${JSON.stringify(result)}\n` : describeResult(result, (asked.options.keys ?? []).length > 0),
    );
    return result.valid ? EXIT.valid : EXIT.broken;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    streams.err(`governsai-verify: ${message}\n${error instanceof UsageError ? `\n${USAGE}` : ''}`);
    return EXIT.unusable;
  }
}

/** Null when help was asked for. */
async function understand(args: readonly string[]): Promise<Asked | null> {
  const { values, positionals } = parse(args);
  if (values.help) return null;
  const files = positionals[0] === 'verify' ? positionals.slice(1) : positionals;
  if (files.length === 0) throw new UsageError('name the file to check, or "-" for standard input');
  const keys = await Promise.all((values.key ?? []).map(loadKey));
  const until = values.until === undefined ? undefined : Number(values.until);
  if (until !== undefined && !(Number.isSafeInteger(until) && until > 0))
    throw new UsageError('--until takes a seq: 1, 2, …');
  if (until !== undefined && keys.length === 0) throw new UsageError('--until needs --key: somebody has to vouch');
  // Found out before the first line is read, not after the first of several files.
  await Promise.all(files.filter((file) => file !== '-').map((file) => stat(file)));
  const options: VerifyOptions = { keys, progressEvery: PROGRESS_EVERY, ...(until !== undefined && { until }) };
  return { files, options, json: values.json ?? false, quiet: values.quiet ?? false };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        key: { type: 'string', multiple: true },
        until: { type: 'string' },
        json: { type: 'boolean' },
        quiet: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

const RAW_KEY = /^[A-Za-z0-9+/]{43}=$/;

async function loadKey(given: string): Promise<TrustedKey> {
  return readPublicKey(RAW_KEY.test(given) ? given : await readFile(given, 'utf8'));
}

async function* linesOf(
  files: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, void> {
  for (const file of files) yield* readLines(file === '-' ? stdin : createReadStream(file));
}
