import { type Access, concerns } from '@governsai/access';
import type { Principal } from '@governsai/contracts';
import { limited } from './limiter.ts';

/** How long auth may be away before what shows a credential known to have changed is closed: G7 allows a second. */
const CHANGE_PATIENCE_MS = 700;
/** The same when changes may merely have been missed. */
const DOUBT_PATIENCE_MS = 8000;
/** Credentials in use that are asked about at a time, after a change of a large org or of all. */
const MAX_AT_ONCE = 64;

/** What speaks for a principal for as long as it is open. */
export interface Reverified {
  readonly principal: Principal;
  /** Asks access again whether the credential is still good; closes when it is not, or cannot be found out in time. */
  reverify(patienceMs: number): void;
}

/** Has credentials of open connections verified again when access says that they may have changed (G7). */
export class Reverification {
  readonly #byOrg = new Map<string, Set<Reverified>>();
  /** `verify` of access, for credentials in use: waits its turn when very many are asked about at once. */
  readonly verify: Access['verify'];

  constructor(access: Pick<Access, 'verify' | 'onChange'>) {
    this.verify = limited(MAX_AT_ONCE, (...query: Parameters<Access['verify']>) => access.verify(...query));
    access.onChange((change) => {
      const patience = change.orgId === null ? DOUBT_PATIENCE_MS : CHANGE_PATIENCE_MS;
      const orgs = change.orgId === null ? [...this.#byOrg.keys()] : [change.orgId];
      for (const one of orgs.flatMap((orgId) => [...(this.#byOrg.get(orgId) ?? [])])) {
        if (concerns(change, one.principal)) one.reverify(patience);
      }
    });
  }

  /** It has a principal, whose org never changes. */
  add(one: Reverified): void {
    const { orgId } = one.principal;
    this.#byOrg.set(orgId, (this.#byOrg.get(orgId) ?? new Set()).add(one));
  }

  /** It has closed. */
  delete(one: Reverified): void {
    const { orgId } = one.principal;
    const ofOrg = this.#byOrg.get(orgId);
    ofOrg?.delete(one);
    if (ofOrg?.size === 0) this.#byOrg.delete(orgId);
  }
}
