export { Connection } from './connection.ts';
export { type Claims, CredentialGate, type GateAccess } from './credential-gate.ts';
export { type Framed, frameText } from './frame.ts';
export type { MessageHandler } from './host.ts';
export { type ClientMessage, messageId } from './message.ts';
export { nextDrain } from './next-drain.ts';
export { closeInTurn, restartDelayMs, restartReason } from './restart.ts';
export { Reverification, type Reverified } from './reverification.ts';
export { createSocketServer, type SocketServer, type SocketServerOptions } from './server.ts';
