// The clients of stalled-readers.int.test.ts, in a process of their own so that their memory is not the gateway's:
// `stalled` sockets that read nothing until they are told to, and `healthy` ones that read everything.
import { WebSocket } from 'ws';

const [path, stalled, healthy] = process.argv.slice(2);
const count = Number(stalled) + Number(healthy);
const sockets = [];

for (let index = 0; index < count; index++) {
  const isStalled = index < Number(stalled);
  const seqs = [];
  const socket = new WebSocket(`ws+unix://${path}:/ws?key=gai_test`);
  sockets.push(socket);
  socket.on('message', (data) => {
    const { seq } = JSON.parse(String(data));
    seqs.push(seq);
    if (!isStalled) process.send({ index, seq });
  });
  socket.on('close', (code) => {
    const inOrder = seqs.every((seq, i) => seq === i + 1);
    process.send({ index, code, inOrder, last: seqs.length });
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send(JSON.stringify({ type: 'SUB', index }));
  if (isStalled) socket.pause();
}

process.on('message', (index) => sockets[index].resume());
process.on('disconnect', () => process.exit());
