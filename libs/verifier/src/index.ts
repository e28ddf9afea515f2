export { checkpointMessage, isTrusted, signCheckpoint, verifyCheckpoint } from './checkpoint.ts';
export { ExportPartWriter } from './export-writer.ts';
export type { Fault, FaultKind } from './faults.ts';
export { GENESIS_HASH } from './hash.ts';
export { KeyError, keyIdOf, publicKeyOf, readPublicKey, type TrustedKey } from './keys.ts';
export {
  type Checkpoint,
  EXPORT_FORMAT,
  EXPORT_VERSION,
  type ExportHeader,
  type ExportPerson,
  type ExportRecord,
  type ExportTrailer,
  type SignedCheckpoint,
} from './lines.ts';
export { type DecisionRow, type LinkFault, type Place, verifyLink } from './link.ts';
export { DamagedInput, readLines } from './read-lines.ts';
export { resultOf, type VerifyOptions, type VerifyProgress, type VerifyResult, verifyChain } from './verify-chain.ts';
export { type RowFault, type RowsOptions, type RowsResult, verifyRows } from './verify-rows.ts';
