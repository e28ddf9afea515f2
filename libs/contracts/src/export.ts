import { z } from 'zod';
import { orgId, seq, sha256Hex, timestamp } from './identifiers.ts';
import { person } from './record.ts';

/** The format of `GET /v1/orgs/:org/decisions/export`, line by line. `docs/record-format.md` says what each must hold. */

const base64Of = (bytes: number) => {
  const digits = Math.ceil((bytes * 4) / 3);
  return z.string().regex(new RegExp(`^[A-Za-z0-9+/]{${digits}}={${(4 - (digits % 4)) % 4}}$`));
};

/** First line of each part. */
export const exportHeader = z.strictObject({
  header: z.strictObject({
    format: z.literal('governsai.decisions'),
    v: z.literal(1),
    orgId,
    fromSeq: seq.describe('The seq of the first record that follows.'),
    prevHash: sha256Hex.describe('Hash of the record before it; 64 zeros when fromSeq is 1.'),
  }),
});

/** One decision. */
export const exportRecord = z.strictObject({
  record: z.string().describe('The text whose SHA-256 is `hash`: a ChainRecord in RFC 8785 form.'),
  hash: sha256Hex,
  person: person.strict().nullable().describe('Null when the record speaks of no person, or the person was erased.'),
  personSalt: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable()
    .describe('Null exactly when `person` is.'),
});

/** A signed statement of where a chain stood: stored, and exported right after the record that it names. */
export const signedCheckpoint = z
  .strictObject({
    checkpoint: z.strictObject({
      orgId,
      seq,
      head: sha256Hex.describe('Hash of the record with that seq.'),
      at: timestamp,
      keyId: z
        .string()
        .regex(/^[0-9a-f]{16}$/)
        .describe('First 16 hex digits of the SHA-256 of the raw public key.'),
    }),
    publicKey: base64Of(32).describe('Raw Ed25519 public key, base64.'),
    signature: base64Of(64).describe('Ed25519 over the lines that docs/record-format.md names, base64.'),
  })
  .meta({ id: 'SignedCheckpoint' });
export type SignedCheckpoint = z.infer<typeof signedCheckpoint>;

/** Last line of each part. */
export const exportTrailer = z.strictObject({
  trailer: z.strictObject({
    count: z.int().nonnegative().describe('Records of this part.'),
    checkpoints: z.int().nonnegative().describe('Checkpoints of this part.'),
    lastSeq: z.int().nonnegative(),
    head: sha256Hex,
    more: z.boolean().describe('True: another part must follow. False: the export was complete here.'),
    sha256: sha256Hex.describe('Of all bytes of this part before this line.'),
  }),
});

/** Any line of an export. */
export const exportLine = z
  .union([exportHeader, exportRecord, signedCheckpoint, exportTrailer])
  .meta({ id: 'ExportLine' });
export type ExportLine = z.infer<typeof exportLine>;
