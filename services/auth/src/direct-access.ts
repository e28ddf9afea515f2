import { type Access, type Credential, identify, refusalOf, requireNetwork } from '@governsai/access';
import type { AuditRecorded, Principal } from '@governsai/contracts';
import type { AccessReports } from './access-reports.ts';
import type { KeyUse } from './keys/usage.ts';
import type { Verifier } from './verifier.ts';

/** Access of auth itself: it asks nobody and remembers nothing, so what it has just changed holds at once. */
export class DirectAccess implements Pick<Access, 'verify' | 'report'> {
  readonly #verifier: Verifier;
  readonly #reports: AccessReports;

  constructor(verifier: Verifier, reports: AccessReports) {
    this.#verifier = verifier;
    this.#reports = reports;
  }

  async verify(
    credential: Credential | null,
    _org: string | null = null,
    ip: string | null = null,
  ): Promise<Principal> {
    const { query } = identify(credential);
    const { principal, reason, of } = await this.#verifier.verify(query);
    if (!principal) throw refusalOf(reason ?? 'AUTH_FAILED', of ?? null);
    requireNetwork(principal, ip);
    return principal;
  }

  report(usage: readonly KeyUse[], authentications: readonly AuditRecorded[]): Promise<void> {
    return this.#reports.take(usage, authentications);
  }
}
