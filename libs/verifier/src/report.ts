import type { VerifyResult } from './verify-chain.ts';

/** A result in sentences, for people. `keyed`: keys were given. */
export function describeResult(result: VerifyResult, keyed: boolean): string {
  const lines = result.valid ? ['VALID', holds(result), vouching(result, keyed)] : ['BROKEN', ...broken(result, keyed)];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

function holds({ orgId, checked, firstSeq, lastSeq, head, erased }: VerifyResult): string {
  if (checked === 0) return `Org ${orgId}: no records.`;
  const gone = erased > 0 ? ` The persons of ${erased} have been erased.` : '';
  const start =
    firstSeq === 1 ? '' : ` It does not begin with the first record: those before were pruned or not asked for.`;
  return `Org ${orgId}: ${checked} records, seq ${firstSeq} to ${lastSeq}, head ${head}.${gone}${start}`;
}

function vouching({ vouchedTo, lastSeq, checkpoints, otherKeys }: VerifyResult, keyed: boolean): string {
  if (!keyed) {
    const there = checkpoints > 0 ? ` It holds ${checkpoints} checkpoints of the key ${otherKeys.join(', ')}.` : '';
    return `No key was given: the chain agrees with itself, but nobody vouches for its end. Whoever can write the file could have computed all of it anew. Give the org's public key with --key.${there}`;
  }
  const rest = (lastSeq ?? 0) - (vouchedTo ?? 0);
  const open = rest > 0 ? ` No checkpoint covers the ${rest} after it yet.` : '';
  return `The given key vouches for every record up to seq ${vouchedTo}.${open}`;
}

function broken({ firstBroken, checked, lastSeq, vouchedTo }: VerifyResult, keyed: boolean): string[] {
  if (!firstBroken) return [];
  const { line, seq, part, kind, message } = firstBroken;
  const place = seq === null ? `the ${part}` : part === 'record' ? `record ${seq}` : `the ${part} at seq ${seq}`;
  const before =
    checked === 0 ? 'No record before it.' : `The ${checked} records before it, up to seq ${lastSeq}, agree.`;
  return [
    `Line ${line}, ${place}: ${kind}.`,
    `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
    before,
    keyed && vouchedTo !== null ? `The given key vouches for every record up to seq ${vouchedTo}.` : '',
  ];
}
