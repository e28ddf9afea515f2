export { Connection } from './connection.ts';
export { type Framed, frameText } from './frame.ts';
export type { MessageHandler } from './host.ts';
export { type ClientMessage, messageId } from './message.ts';
export { createSocketServer, type SocketServer, type SocketServerOptions } from './server.ts';
