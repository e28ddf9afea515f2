// A push server on Socket.IO, fed from the topic that push-gateway reads: what one would write instead of push-gateway.
// Arguments: brokers, topic. Prints its address.
import { createServer } from 'node:http';
import { Kafka, logLevel } from 'kafkajs';
import { Server } from 'socket.io';

const [brokers = '', topic = ''] = process.argv.slice(2);
const server = createServer();
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, pingInterval: 120_000 });
io.on('connection', (socket) => {
  socket.on('subscribe', (channel) => {
    socket.join(channel);
    socket.emit('subscribed', channel);
  });
});

const kafka = new Kafka({ brokers: brokers.split(','), clientId: 'socket.io-peer', logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `socket.io-peer-${process.pid}`, maxWaitTimeInMs: 100 });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: false });
const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
await consumer.run({
  eachMessage: async ({ message }) => {
    const { seq, decision } = JSON.parse(String(message.value));
    const channel = `org:${message.key}:decisions`;
    io.to(channel).emit('decision', { channel, seq, data: decision });
  },
});
await joined;
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
