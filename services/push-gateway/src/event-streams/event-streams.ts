import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type Access, canSubscribe, credentialFromStream, type SocketAdmission } from '@governsai/access';
import { AppError, type Channel, channelName } from '@governsai/contracts';
import { closeInTurn, Reverification, restartDelayMs } from '@governsai/socket';
import type { Channels, OpenChannel } from '../channels.ts';
import type { Listed, Roster } from '../connections/roster.ts';
import { openStreams, openSubscriptions } from '../metrics.ts';
import type { Selection } from '../streams/decision-lens.ts';
import { EventStream } from './event-stream.ts';
import { Speaker } from './speaker.ts';

export interface EventStreamsOptions {
  channels: Channels;
  access: Pick<Access, 'verify' | 'onChange' | 'onStale'>;
  admission: SocketAdmission;
  roster: Roster;
  /** Streams and sockets that this process may have open. */
  maxConnections: number;
  /** Sockets that are open now. */
  socketsOpen: () => number;
}

/** What a stream is asked for. */
export interface StreamRequest {
  req: IncomingMessage;
  res: ServerResponse;
  requestId: string;
  /** Without the query. */
  path: string;
  channel: Extract<Channel, { kind: 'decisions' }>;
  /** The last seq the client saw; null: from now on. */
  since: number | null;
  selection: Selection;
}

/** The streams of server-sent events that are open here. */
export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #reverification: Reverification;
  readonly #open = new Set<EventStream>();
  #draining = false;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#reverification = new Reverification(options.access);
    options.access.onStale(() => {
      for (const stream of this.#open) stream.end('restart', restartDelayMs());
    });
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Begins a stream, which then goes on by itself; resolves when it has begun, or when the client has left before. Rejects, with
   * nothing sent, with RATE_LIMITED, RESUME_GAP, VALIDATION_FAILED, UNAVAILABLE or what the credential is refused with.
   */
  async begin(request: StreamRequest): Promise<void> {
    const { req, res, channel, since, selection } = request;
    await this.#options.channels.check(selection);
    this.#requirePlace();
    const pass = this.#options.admission.open(req, 'stream');
    const stream = new EventStream(res, request.requestId);
    const ip = this.#options.admission.addressOf(req);
    const access = { verify: pass.authenticate.bind(pass), reverify: this.#reverification.verify };
    const speaker = new Speaker(access, { org: channel.orgId, ip });
    this.#add(stream);
    res.once('close', () => {
      speaker.stop();
      pass.close();
      this.#delete(stream);
    });
    await speaker.open(credentialFromStream(req));
    if (!stream.isOpen) return;
    this.#reverification.add(speaker);
    res.once('close', () => this.#reverification.delete(speaker));
    canSubscribe(speaker.principal, channel);
    const opened = await this.#options.channels.open(channel, speaker.principal, since, stream, selection);
    if (stream.isOpen) this.#start(stream, opened, speaker, { ...request, ip });
    else opened.end();
  }

  /** Takes no new stream and ends those that are open, spread over most of the time given; resolves when all are gone. */
  async drain(seconds: number): Promise<void> {
    this.#draining = true;
    const deadline = AbortSignal.timeout(seconds * 1000);
    await closeInTurn([...this.#open], seconds, deadline, (stream) => stream.end('restart', restartDelayMs()));
    while (this.#open.size > 0 && !deadline.aborted) await delay(20);
    for (const stream of this.#open) stream.terminate();
  }

  #requirePlace(): void {
    const { maxConnections, socketsOpen } = this.#options;
    if (this.#draining) {
      throw new AppError('UNAVAILABLE', 'this replica is being stopped: connect again', { retryAfterMs: 1000 });
    }
    if (this.#open.size + socketsOpen() >= maxConnections) {
      throw new AppError('RATE_LIMITED', 'too many connections here: retry later', { retryAfterMs: 5000 });
    }
  }

  #start(
    stream: EventStream,
    opened: OpenChannel,
    speaker: Speaker,
    request: StreamRequest & Pick<Listed, 'ip'>,
  ): void {
    const { res, channel, path, ip } = request;
    const listed = listedStream(stream, opened, speaker, { path, ip, channel: channelName(channel) });
    this.#options.roster.add(listed);
    openSubscriptions.inc({ kind: channel.kind });
    res.once('close', () => {
      opened.end();
      openSubscriptions.dec({ kind: channel.kind });
      this.#options.roster.delete(channel.orgId, stream.id);
    });
    stream.begin(opened.cursor ?? 0, () => opened.cursor ?? 0);
    opened.start((error) => stream.fail(error));
    speaker.watch({
      refused: (error) => stream.fail(error),
      changed: (principal) => {
        try {
          canSubscribe(principal, channel);
        } catch (error) {
          stream.fail(error as AppError);
        }
      },
    });
  }

  #add(stream: EventStream): void {
    this.#open.add(stream);
    openStreams.set(this.#open.size);
  }

  #delete(stream: EventStream): void {
    this.#open.delete(stream);
    openStreams.set(this.#open.size);
  }
}

/** A stream as lists of connections show it. */
function listedStream(
  stream: EventStream,
  opened: OpenChannel,
  speaker: Speaker,
  { path, ip, channel }: { path: string; ip: string | null; channel: string },
): Listed {
  return {
    id: stream.id,
    transport: 'sse',
    path,
    connectedAt: stream.openedAt,
    ip,
    principal: () => speaker.principal,
    channels: () => [{ channel, seq: opened.cursor, lag: opened.lag }],
    bytesSent: () => stream.bytesSent,
    bytesBuffered: () => stream.bufferedBytes,
    end: () => stream.end('admin', restartDelayMs()),
  };
}
