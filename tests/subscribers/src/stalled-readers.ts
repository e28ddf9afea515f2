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
    // A paused socket is not told of its end; the server cuts it off 10 s after it said so.
    const watch = setInterval(() => {
      socket.resume();
      setImmediate(() => socket.readyState === WebSocket.OPEN && socket.pause());
    }, 15_000);
    socket.on('close', () => clearInterval(watch));
  });
  socket.on('close', () => {
    closed++;
    setTimeout(stall, 100);
  });
}

for (let i = 0; i < Number(count); i++) stall();
process.on('message', () => process.send?.(closed));
