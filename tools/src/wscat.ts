import { createInterface } from 'node:readline';
import WebSocket from 'ws';

// node tools/dist/wscat.js 'ws://127.0.0.1:3000/ws?org=acme&key=…': sends each line typed as a message and prints each
// message received. What `npx wscat` does, without a download.

const url = process.argv[2];
if (!url || !URL.canParse(url)) {
  console.error("Say where to connect to: node tools/dist/wscat.js 'ws://127.0.0.1:3000/ws?org=acme&key=…'");
  process.exit(2);
}
const socket = new WebSocket(url);
socket.on('error', (error) => {
  console.error(`Not connected: ${error.message}. Is the stack up? \`make dev\` starts it.`);
  process.exitCode = 1;
});
socket.on('message', (data) => console.log(`< ${String(data)}`));
socket.on('close', (code, reason) => {
  console.log(`closed with ${code} ${String(reason)}`);
  process.stdin.destroy();
});
socket.on('open', () => {
  console.log('connected; type a message such as {"type":"PING"}, Ctrl-D to leave');
  createInterface({ input: process.stdin })
    .on('line', (line) => line.trim() && socket.send(line))
    // What was sent last may still be answered.
    .on('close', () => setTimeout(() => socket.close(), 1_000));
});
