import './connection-reset.ts';
import './crc32c.ts';
import './encoder-growth.ts';
import './record-encoder.ts';
import './request-queue-timer.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { type Admin, type ISocketFactory, Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import type { Logger } from 'pino';
import { createLogCreator, type KafkaLogListener } from './kafka-log.ts';

/** How to reach the cluster. `ssl` and `sasl` are passed to the client as they are. */
export interface KafkaOptions {
  brokers: readonly string[];
  clientId: string;
  /** Put before every topic and group name, so that installations can share a cluster. May be empty. */
  topicPrefix: string;
  log: Logger;
  ssl?: KafkaConfig['ssl'];
  sasl?: KafkaConfig['sasl'];
  /** Opens the sockets. Tests cut the line here. */
  socketFactory?: ISocketFactory;
}

interface ClientSettings {
  requestTimeoutMs: number;
  /** How often a connection is tried again, with pauses from 100 ms to 1 s, before the layer above hears of it. Default 3. */
  retries?: number;
  listener?: KafkaLogListener | undefined;
}

const CONNECTION_TIMEOUT_MS = 3_000;

/**
 * One client object for each producer, consumer and admin: kafkajs keeps committed offsets per client object, and two
 * members of one group in one object overwrite each other's.
 */
export function openClient(options: KafkaOptions, settings: ClientSettings): Kafka {
  return new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    authenticationTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: settings.requestTimeoutMs,
    enforceRequestTimeout: true,
    retry: { retries: settings.retries ?? 3, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 },
    logLevel: logLevel.INFO,
    logCreator: createLogCreator(options.log, settings.listener),
    ...(options.ssl !== undefined && { ssl: options.ssl }),
    ...(options.sasl !== undefined && { sasl: options.sasl }),
    ...(options.socketFactory !== undefined && { socketFactory: options.socketFactory }),
  });
}

const ADMIN_REQUEST_TIMEOUT_MS = 10_000;

/** Runs `work` on an admin connection of its own: a fresh one never remembers a broker that has gone. */
export async function withAdmin<R>(options: KafkaOptions, work: (admin: Admin) => Promise<R>): Promise<R> {
  const admin = openClient(options, { requestTimeoutMs: ADMIN_REQUEST_TIMEOUT_MS }).admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    // What `work` answered counts; a connection that cannot be closed is gone anyway.
    await admin.disconnect().catch(() => {});
  }
}

const SETTLE_MS = 30_000;
const SETTLE_PAUSE_MS = 100;

/**
 * Asks again, for 30 s at most, what a broker cannot answer yet: it hears a little later than others that it leads a new partition or
 * coordinates a group. Throws what another try would not change.
 */
export async function askSettled<R>(ask: () => Promise<R>): Promise<R> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const mayPass =
        (error as { retriable?: boolean }).retriable || (error as Error).name === 'KafkaJSNumberOfRetriesExceeded';
      if (!mayPass || Date.now() > deadline) throw error;
      await delay(SETTLE_PAUSE_MS);
    }
  }
}
