import { createRequire } from 'node:module';
import type { IHeaders } from 'kafkajs';

/** One message as kafkajs gives it to its encoder. */
export interface RecordFields {
  offsetDelta?: number;
  timestampDelta?: number;
  key?: Buffer | string | null | undefined;
  value?: Buffer | string | null | undefined;
  headers?: IHeaders | undefined;
}

/** What kafkajs takes from its encoder: it asks for these two and nothing else. */
interface EncodedRecord {
  buf: Buffer;
  buffer: Buffer;
}

const require = createRequire(import.meta.url);
/** kafkajs's own. */
export const originalRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (
  fields: RecordFields,
) => EncodedRecord;

const MAX_DELTA = 2 ** 30;

/**
 * A record of a batch (Kafka protocol, message format v2), in one buffer of the right size. kafkajs 2.2.4 makes a growing
 * buffer of at least 512 zeroed bytes for each record and for each header and counts the bytes of numbers with BigInt:
 * measured, three times as much as this for a message of 800 bytes. What it is not written for goes to kafkajs.
 */
export function encodeRecord(fields: RecordFields): EncodedRecord {
  const { offsetDelta = 0, timestampDelta = 0, key, value, headers = {} } = fields;
  if (!isSmall(offsetDelta) || !isSmall(timestampDelta)) return originalRecord(fields);
  const list: [string, Buffer | string | null][] = [];
  for (const name of Object.keys(headers)) {
    const given = headers[name];
    for (const one of Array.isArray(given) ? given : [given]) {
      if (one === undefined) return originalRecord(fields);
      list.push([name, one]);
    }
  }
  let body = 1 + varIntSize(timestampDelta) + varIntSize(offsetDelta) + bytesSize(key) + bytesSize(value);
  body += varIntSize(list.length);
  for (const [name, one] of list) body += bytesSize(name) + bytesSize(one);
  const buf = Buffer.allocUnsafe(varIntSize(body) + body);
  let at = writeVarInt(buf, body, 0);
  // No attributes are in use.
  buf[at++] = 0;
  at = writeVarInt(buf, timestampDelta, at);
  at = writeVarInt(buf, offsetDelta, at);
  at = writeBytes(buf, key, at);
  at = writeBytes(buf, value, at);
  at = writeVarInt(buf, list.length, at);
  for (const [name, one] of list) at = writeBytes(buf, one, writeBytes(buf, name, at));
  return { buf, buffer: buf };
}

function isSmall(delta: number): boolean {
  return Number.isInteger(delta) && delta >= 0 && delta < MAX_DELTA;
}

type Bytes = Buffer | string | null | undefined;

/** Bytes of a signed number in zigzag form, seven bits a byte. */
function varIntSize(value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let size = 1;
  while (rest > 0x7f) {
    rest >>>= 7;
    size++;
  }
  return size;
}

function writeVarInt(buf: Buffer, value: number, at: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let next = at;
  while (rest > 0x7f) {
    buf[next++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  buf[next++] = rest;
  return next;
}

function lengthOf(value: Buffer | string): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

function bytesSize(value: Bytes): number {
  if (value === null || value === undefined) return 1;
  const length = lengthOf(value);
  return varIntSize(length) + length;
}

/** Length and bytes; a length of -1 for none. */
function writeBytes(buf: Buffer, value: Bytes, at: number): number {
  if (value === null || value === undefined) return writeVarInt(buf, -1, at);
  const length = lengthOf(value);
  const start = writeVarInt(buf, length, at);
  if (typeof value === 'string') buf.write(value, start, length);
  else value.copy(buf, start);
  return start + length;
}

// kafkajs loads its encoders with the first request that needs them: those loaded from now on find this one.
const loaded = require.cache[require.resolve('kafkajs/src/protocol/recordBatch/record/v0')];
if (loaded) loaded.exports = encodeRecord;
