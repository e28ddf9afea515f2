import type { Socket } from 'node:net';

/** Resolves with true when the kernel has taken what was written, with false when `withinMs` pass first or the socket closes. */
export function nextDrain(socket: Socket, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (drained: boolean) => {
      clearTimeout(timer);
      socket.off('drain', onDrain);
      socket.off('close', onClose);
      resolve(drained);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    const timer = setTimeout(() => settle(false), withinMs);
    socket.on('drain', onDrain);
    socket.on('close', onClose);
  });
}
