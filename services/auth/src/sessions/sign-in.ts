import { randomBytes } from 'node:crypto';
import { newOrgSecret, orgOfSecret, secretHash } from '@governsai/access';
import { AppError, type Role, type SessionTokens } from '@governsai/contracts';
import type { Database, Sql } from '@governsai/db';
import type { AuditSource } from '@governsai/service';
import type { Changes, Made } from '../change-access.ts';
import { reachable } from '../reachable.ts';
import { signAccessToken } from './access-token.ts';
import type { Passwords } from './passwords.ts';
import { type OrgOfPerson, orgsOf, personByEmail } from './people.ts';
import {
  insertRefreshToken,
  insertSession,
  lockPresented,
  markUsed,
  type PresentedToken,
  revokeSession,
} from './session-store.ts';
import { type OwnTokens, SESSION_PREFIX } from './token-reader.ts';

export interface SignInOptions {
  db: Database;
  changes: Changes;
  passwords: Passwords;
  tokens: OwnTokens;
  accessTokenMs: number;
  /** How long a session may be refreshed, from its login. */
  sessionMs: number;
  now?: () => Date;
}

/** What a refused sign-in knows of who it was, for the audit log alone. */
export class SignInRefused extends AppError {
  readonly of: { orgId: string; userId: string; keyId: null } | null;

  constructor(
    code: 'AUTH_FAILED' | 'AUTH_EXPIRED',
    message: string,
    of: { orgId: string; userId: string } | null = null,
  ) {
    super(code, message);
    this.of = of && { ...of, keyId: null };
  }
}

// The same words whoever it is and whatever is wrong: they do not tell who is known here.
const REFUSED = 'e-mail, password and org do not fit together: check all of them';
const BAD_TOKEN = 'the refresh token is not valid any more: sign in again';

/** Sessions of people: begun by a password, carried on by refresh tokens. */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #now: () => Date;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Begins a session.
   *
   * @param org may be left out by who is in one org only.
   * @throws SignInRefused, VALIDATION_FAILED when the org must be named, UNAVAILABLE.
   */
  async login(source: AuditSource, email: string, password: string, org: string | undefined): Promise<SessionTokens> {
    const { db, passwords, changes } = this.#options;
    const person = await reachable(() => personByEmail(db.system, email));
    const fits = await passwords.fits(password, person?.passwordHash ?? null);
    // Asked for nobody as well: a refusal takes the same steps whoever it is of.
    const orgs = await reachable(() => orgsOf(db, person?.id ?? ''));
    if (!person) throw new SignInRefused('AUTH_FAILED', REFUSED);
    if (!fits) {
      const first = orgs.find(({ id }) => id === org) ?? orgs[0];
      throw new SignInRefused('AUTH_FAILED', REFUSED, first ? { orgId: first.id, userId: person.id } : null);
    }
    const { id: orgId, role } = chooseOrg(orgs, org);
    const who = { orgId, userId: person.id, role };
    return changes.make(source, orgId, async (tx) => {
      const { sessionId, tokens } = await this.#begin(tx, who);
      return { result: tokens, audit: [{ action: 'session.begin', target: sessionId, detail: { userId: person.id } }] };
    });
  }

  /**
   * Trades a refresh token for new tokens. One that was traded before is in two hands: its session ends.
   *
   * @throws SignInRefused, UNAVAILABLE.
   */
  async refresh(source: AuditSource, refreshToken: string): Promise<SessionTokens> {
    const orgId = orgOfSecret('gar_', refreshToken);
    if (orgId === null) throw new SignInRefused('AUTH_FAILED', BAD_TOKEN);
    const hash = secretHash(refreshToken);
    // What is refused may still have to be written, so it is returned and not thrown.
    const outcome = await this.#options.changes.make<SessionTokens | SignInRefused>(source, orgId, (tx) =>
      this.#trade(tx, orgId, hash),
    );
    if (outcome instanceof SignInRefused) throw outcome;
    return outcome;
  }

  async #trade(tx: Sql, orgId: string, hash: string): Promise<Made<SessionTokens | SignInRefused>> {
    const now = this.#now();
    const presented = await lockPresented(tx, orgId, hash);
    const refused = presented ? this.#refusalOf(presented, orgId, now) : new SignInRefused('AUTH_FAILED', BAD_TOKEN);
    if (presented && refused && presented.usedAt !== null && presented.revokedAt === null) {
      const { sessionId } = presented;
      await revokeSession(tx, orgId, sessionId, 'refresh token used twice');
      const detail = { userId: presented.userId, reason: 'a refresh token was used twice' };
      const audit = [{ action: 'session.revoke', target: sessionId, result: 'refused' as const, detail }];
      return { result: refused, audit, access: { sessionId } };
    }
    if (!presented?.role || refused) return { result: refused as SignInRefused, audit: [] };
    await markUsed(tx, orgId, hash, now.toISOString());
    const who = { orgId, userId: presented.userId, role: presented.role };
    return { result: await this.#tokens(tx, who, presented.sessionId, presented.expiresAt, now), audit: [] };
  }

  #refusalOf(token: PresentedToken, orgId: string, now: Date): SignInRefused | null {
    const of = { orgId, userId: token.userId };
    const isOver =
      token.usedAt !== null ||
      token.revokedAt !== null ||
      token.suspendedAt !== null ||
      token.role === null ||
      (token.sessionsNotBefore !== null && Date.parse(token.createdAt) < Date.parse(token.sessionsNotBefore));
    if (isOver) return new SignInRefused('AUTH_FAILED', BAD_TOKEN, of);
    return Date.parse(token.expiresAt) <= now.getTime() ? new SignInRefused('AUTH_EXPIRED', BAD_TOKEN, of) : null;
  }

  async #begin(
    tx: Sql,
    who: { orgId: string; userId: string; role: Role },
  ): Promise<{ sessionId: string; tokens: SessionTokens }> {
    const now = this.#now();
    const sessionId = `${SESSION_PREFIX}${randomBytes(12).toString('hex')}`;
    const expiresAt = new Date(now.getTime() + this.#options.sessionMs).toISOString();
    await insertSession(tx, {
      id: sessionId,
      orgId: who.orgId,
      userId: who.userId,
      createdAt: now.toISOString(),
      expiresAt,
    });
    return { sessionId, tokens: await this.#tokens(tx, who, sessionId, expiresAt, now) };
  }

  async #tokens(
    tx: Sql,
    { orgId, userId, role: held }: { orgId: string; userId: string; role: Role },
    sessionId: string,
    sessionEnds: string,
    now: Date,
  ): Promise<SessionTokens> {
    const { secret, hash } = newOrgSecret('gar_', orgId);
    await insertRefreshToken(tx, { hash, orgId, sessionId, createdAt: now.toISOString() });
    const expires = new Date(Math.min(now.getTime() + this.#options.accessTokenMs, Date.parse(sessionEnds)));
    // Tokens count whole seconds: what we say is what the token says.
    expires.setMilliseconds(0);
    return {
      tokenType: 'Bearer',
      accessToken: signAccessToken(this.#options.tokens, { userId, orgId, sessionId }, now, expires),
      expiresAt: expires.toISOString(),
      refreshToken: secret,
      refreshExpiresAt: sessionEnds,
      orgId,
      userId,
      role: held,
    };
  }
}

/** The org a session is to be in. Only asked once the password fits: it tells where the person is a member. */
function chooseOrg(orgs: readonly OrgOfPerson[], wanted: string | undefined): OrgOfPerson {
  const open = orgs.filter(({ suspendedAt }) => suspendedAt === null);
  if (wanted === undefined && open.length > 1) {
    const names = open.map(({ id }) => id).join(', ');
    throw new AppError('VALIDATION_FAILED', `org: name the one to sign in to: ${names}`, { path: 'org' });
  }
  const chosen = wanted === undefined ? open[0] : open.find(({ id }) => id === wanted);
  if (!chosen) throw new SignInRefused('AUTH_FAILED', REFUSED);
  return chosen;
}
