import WebSocket from 'ws';
import type { OpenSocket } from './socket.ts';

/** The server's messages are far smaller; the default of `ws` is 100 MiB. */
const MAX_PAYLOAD = 4 * 1024 * 1024;

/** Opens a socket with `ws`, which, unlike a browser, can say why an upgrade was refused. */
export const openNodeSocket: OpenSocket = (url, protocol, events) => {
  let refusal: { error?: unknown; retryAfterMs?: number | undefined } = {};
  let isDropped = false;
  const socket = new WebSocket(url, protocol, { maxPayload: MAX_PAYLOAD, perMessageDeflate: false });
  socket.on('open', () => events.onOpen());
  socket.on('message', (data) => events.onText(data.toString()));
  socket.on('unexpected-response', (_request, response) => {
    const seconds = Number(response.headers['retry-after']);
    refusal = {
      error: new Error(`the upgrade was answered with HTTP ${response.statusCode}`),
      retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
    };
    response.resume();
    socket.terminate();
  });
  socket.on('error', (error) => {
    refusal.error ??= error;
  });
  socket.on('close', (code, reason) => {
    if (!isDropped) events.onClose(code, reason.toString(), refusal);
  });
  return {
    send: (text) => socket.send(text),
    close: (code) => socket.close(code),
    drop() {
      isDropped = true;
      socket.terminate();
    },
  };
};
