import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { centrifuge, type Protocol, socketIo } from '../programs/protocols.ts';
import { PeerProcess } from './peer-process.ts';

const run = promisify(execFile);
const FOLDER = join(import.meta.dirname, '../../peers');
/** A first build fetches and compiles everything. */
const BUILD_MS = 600_000;

/** A push server that somebody would take instead of push-gateway. */
export interface PushPeer {
  name: string;
  protocolOf: (channel: string) => Protocol;
  /** Fetches and builds what is missing. Throws with the reason when it cannot be had here. */
  prepare(): Promise<void>;
  start(brokers: readonly string[], topic: string): Promise<PeerProcess>;
}

const goFolder = join(FOLDER, 'centrifuge');
const goBinary = join(FOLDER, '../dist/centrifuge');
const socketIoFolder = join(FOLDER, 'socket.io');

export const PUSH_PEERS: readonly PushPeer[] = [
  {
    name: 'centrifuge',
    protocolOf: centrifuge,
    prepare: async () => {
      await run('go', ['build', '-trimpath', '-o', goBinary, '.'], { cwd: goFolder, timeout: BUILD_MS });
    },
    start: (brokers, topic) => PeerProcess.start(goBinary, [brokers.join(','), topic], goFolder),
  },
  {
    name: 'Socket.IO',
    protocolOf: socketIo,
    prepare: async () => {
      await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
        cwd: socketIoFolder,
        timeout: BUILD_MS,
      });
    },
    start: (brokers, topic) =>
      PeerProcess.start(process.execPath, ['server.js', brokers.join(','), topic], socketIoFolder),
  },
];
