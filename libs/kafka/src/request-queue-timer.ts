import { createRequire } from 'node:module';

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

const require = createRequire(import.meta.url);
const queue: { prototype: RequestQueue } = require('kafkajs/src/network/requestQueue');
const schedule = queue.prototype.scheduleCheckPendingRequests;

/**
 * kafkajs 2.2.4 wakes up every millisecond on every connection, idle or not: its check for pending requests schedules
 * itself again with a delay below zero (src/network/requestQueue/index.js). Measured: half a per cent of a core for
 * each idle connection. The check is of use only while something is pending or throttled; otherwise the answer to a
 * request runs it.
 */
queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
};
