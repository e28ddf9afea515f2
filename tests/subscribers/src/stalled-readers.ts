import WebSocket from 'ws';

/** A process of readers that subscribe and then read nothing; who is closed comes back and does the same again. */
const [url = '', org = '', count = '0'] = process.argv.slice(2);
let ready = 0;
let closed = 0;

function stall(): void {
  const socket = new WebSocket(url);
  socket.on('error', () => {});
  socket.on('open', () => socket.send(JSON.stringify({ type: 'SUB', channels: [`org:${org}:decisions`] })));
  socket.once('message', () => {
    socket.pause();
    if (++ready === Number(count)) process.send?.('ready');
    // Who reads nothing is not told of an end. What he writes is answered by a reset once the server has cut him off; a pong
    // that nobody asked for may be sent at any time (RFC 6455 §5.5.3).
    const watch = setInterval(() => socket.pong(), 5_000 + 5_000 * Math.random());
    socket.on('close', () => clearInterval(watch));
  });
  socket.on('close', () => {
    closed++;
    setTimeout(stall, 100);
  });
}

for (let i = 0; i < Number(count); i++) stall();
process.on('message', () => process.send?.(closed));
