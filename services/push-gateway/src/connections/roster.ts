import type { ConnectionView, Principal } from '@governsai/contracts';

/** An open connection, asked for what it is like only when somebody wants to know: an idle one costs nothing. */
export interface Listed {
  readonly id: string;
  readonly transport: ConnectionView['transport'];
  /** Without the query. */
  readonly path: string;
  readonly connectedAt: Date;
  readonly ip: string | null;
  principal(): Principal;
  channels(): ConnectionView['channels'];
  bytesSent(): number;
  bytesBuffered(): number;
  /** Closes it, with a time to come back after. */
  end(): void;
}

/** Where a list goes on: behind this time (milliseconds since the epoch) and id. */
export type Place = readonly [number, string];

/** The authenticated connections of this replica, by org. */
export class Roster {
  readonly #replica: string;
  readonly #byOrg = new Map<string, Map<string, Listed>>();

  /** `replica` is this one's name. */
  constructor(replica: string) {
    this.#replica = replica;
  }

  /** Adding it again changes nothing. */
  add(one: Listed): void {
    const { orgId } = one.principal();
    this.#byOrg.set(orgId, (this.#byOrg.get(orgId) ?? new Map<string, Listed>()).set(one.id, one));
  }

  delete(orgId: string, id: string): void {
    const ofOrg = this.#byOrg.get(orgId);
    ofOrg?.delete(id);
    if (ofOrg?.size === 0) this.#byOrg.delete(orgId);
  }

  /** Those of an org behind a place, the oldest first, at most `limit`; or the one with this id. */
  list(
    orgId: string,
    { id, after, limit }: { id?: string | undefined; after: Place | null; limit: number },
  ): ConnectionView[] {
    const ofOrg = this.#byOrg.get(orgId);
    const found = id === undefined ? [...(ofOrg?.values() ?? [])] : [ofOrg?.get(id) ?? []].flat();
    return found
      .filter((one) => after === null || comparePlaces(placeOf(one), after) > 0)
      .sort((a, b) => comparePlaces(placeOf(a), placeOf(b)))
      .slice(0, limit)
      .map((one) => this.#view(one));
  }

  /** Closes the org's connection with this id, if it is here. */
  end(orgId: string, id: string): void {
    this.#byOrg.get(orgId)?.get(id)?.end();
  }

  #view(one: Listed): ConnectionView {
    const { kind, userId, keyId } = one.principal();
    return {
      id: one.id,
      transport: one.transport,
      path: one.path,
      replica: this.#replica,
      connectedAt: one.connectedAt.toISOString(),
      ip: one.ip,
      principal: { kind, userId, keyId },
      channels: one.channels(),
      bytesSent: one.bytesSent(),
      bytesBuffered: one.bytesBuffered(),
    };
  }
}

/** Where a connection stands in lists. */
export function placeOf({ connectedAt, id }: { connectedAt: Date | string; id: string }): Place {
  return [new Date(connectedAt).getTime(), id];
}

export function comparePlaces([timeA, idA]: Place, [timeB, idB]: Place): number {
  return timeA - timeB || (idA < idB ? -1 : idA > idB ? 1 : 0);
}
