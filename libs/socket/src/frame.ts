/** One message, serialized and framed once, to be written to any number of sockets. */
export interface Framed {
  /** Frame header and payload, unmasked, as a server sends them: one buffer, so that a socket takes one write. */
  frame: Buffer;
  /** The payload alone, a view into `frame`: for sockets that compress by themselves. */
  payload: Buffer;
  isBinary: boolean;
}

/** FIN and the opcode of a whole message; no extension bits. */
const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;

/**
 * Frames a text message (RFC 6455 §5.2). Written here because ws frames only what it sends itself: its `Sender.frame` is
 * neither documented nor typed.
 */
export function frameText(message: string): Framed {
  const { frame, payload } = frameOf(FINAL_TEXT, Buffer.byteLength(message));
  payload.write(message);
  return { frame, payload, isBinary: false };
}

/** Frames what came as it came: text is not decoded. */
export function frameMessage(data: Buffer, isBinary: boolean): Framed {
  const { frame, payload } = frameOf(isBinary ? FINAL_BINARY : FINAL_TEXT, data.length);
  data.copy(payload);
  return { frame, payload, isBinary };
}

/** A frame with a payload to be filled in. */
function frameOf(first: number, length: number): { frame: Buffer; payload: Buffer } {
  const headerLength = length <= 125 ? 2 : length <= 0xffff ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = first;
  if (headerLength === 2) {
    frame[1] = length;
  } else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  return { frame, payload: frame.subarray(headerLength) };
}
