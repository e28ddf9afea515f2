import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

interface Connection {
  socket?: Socket;
  chunks: Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<boolean>;
}

const require = createRequire(import.meta.url);
const { prototype }: { prototype: Connection } = require('kafkajs/src/network/connection');
const connect = prototype.connect;

/** The length that a response begins with (Kafka protocol: Size => INT32). */
const SIZE_BYTES = 4;

/**
 * kafkajs 2.2.4 keeps what it has of a response when the connection breaks in the middle of it, and takes the first bytes of
 * the next connection for the rest (src/network/connection.js): sizes are then read from anywhere, and a size of 0 ends the
 * process with a RangeError. A new connection begins with nothing, and the socket before it says nothing any more.
 */
prototype.connect = function (this: Connection): Promise<boolean> {
  if (!this.isConnected()) {
    this.socket?.destroy();
    this.chunks = [];
    this.bytesBuffered = 0;
    this.bytesNeeded = SIZE_BYTES;
  }
  return connect.call(this);
};
