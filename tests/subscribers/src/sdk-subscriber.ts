import { type Client, connect, type DecisionChannel } from '@governsai/client';
import WebSocket from 'ws';
import type { ChaosOrg } from '../../chaos/dist/orgs.js';
import { channelOf, type Selection } from '../../chaos/dist/subscriber.js';

/** A subscriber that leaves its coming back to the SDK. */
export class SdkSubscriber {
  readonly org: ChaosOrg;
  readonly selection: Selection;
  /** Every seq that was handed out, as it was. */
  readonly seqs: number[] = [];
  readonly errors: string[] = [];
  reconnects = 0;
  readonly #client: Client;
  #socket: WebSocket | null = null;

  /** `urlOf`: where to connect this time. */
  constructor(urlOf: () => string, org: ChaosOrg, selection: Selection) {
    this.org = org;
    this.selection = selection;
    this.#client = connect({
      url: urlOf(),
      apiKey: org.key,
      // As often as the plain ones, so that a frozen replica costs either the same.
      pingIntervalMs: 3000,
      pongTimeoutMs: 4000,
      backoff: { maxMs: 2000 },
      webSocket: (url, protocol) => {
        const here = new URL(url);
        here.host = new URL(urlOf()).host;
        this.#socket = new WebSocket(here, protocol);
        return this.#socket;
      },
    });
    this.#client.onState(({ state }) => {
      if (state === 'reconnecting') this.reconnects++;
    });
  }

  async run(): Promise<void> {
    const channel = channelOf(this.org, this.selection) as DecisionChannel;
    const { filter } = this.selection;
    try {
      for await (const { seq } of this.#client.subscribe(channel, { since: 0, filter, buffer: 64 }))
        this.seqs.push(seq);
    } catch (error) {
      this.errors.push(String(error));
    }
  }

  async stop(): Promise<void> {
    await this.#client.close({ timeoutMs: 1 });
  }

  breakOff(): void {
    this.#socket?.terminate();
  }

  async stall(ms: number): Promise<void> {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, ms));
    socket.resume();
  }
}
