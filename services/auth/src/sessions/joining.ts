import { orgOfSecret, secretHash } from '@governsai/access';
import { AppError, type Role } from '@governsai/contracts';
import { type Database, isUniqueViolation, type Sql } from '@governsai/db';
import type { AuditSource } from '@governsai/service';
import type { Changes } from '../change-access.ts';
import { lockOpenInvitation, markAccepted } from '../orgs/invitation-store.ts';
import { insertMember } from '../orgs/member-store.ts';
import { inOrg, reachable } from '../reachable.ts';
import type { Passwords } from './passwords.ts';
import { insertPerson, newPersonId, type Person, personByEmail, personById } from './people.ts';
import { SignInRefused } from './sign-in.ts';
import type { TokenReader } from './token-reader.ts';

export interface JoiningOptions {
  db: Database;
  changes: Changes;
  passwords: Passwords;
  reader: TokenReader;
}

/** How somebody proves who they are when they accept. */
export type Proof = { password: string; name?: string | undefined } | { idToken: string; name?: string | undefined };

/** Who is to become a member: somebody known, or somebody to be added. */
interface Joiner {
  id: string;
  /** Null: the person is there already. */
  added: { name: string; passwordHash: string | null } | null;
}

const BAD_INVITATION = 'the invitation is not valid, was used or taken back, or has expired: ask for another one';

/** Makes members of those who were invited. */
export class Joining {
  readonly #options: JoiningOptions;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  /**
   * Accepts an invitation. The token shows that one was invited, the proof who one is: an invitation alone never gives access
   * to a person who is known already, nor a password to one who has none.
   *
   * @throws SignInRefused, FORBIDDEN, VALIDATION_FAILED, CONFLICT, UNAVAILABLE.
   */
  async accept(
    source: AuditSource,
    token: string,
    proof: Proof,
  ): Promise<{ orgId: string; userId: string; role: Role }> {
    const { db, changes } = this.#options;
    const orgId = orgOfSecret('gav_', token);
    if (orgId === null) throw new SignInRefused('AUTH_FAILED', BAD_INVITATION);
    const hash = secretHash(token);
    // Hashing a password takes long: no lock is held meanwhile, and the invitation is looked at again.
    const invitation = await inOrg(db, orgId, (tx) => lockOpenInvitation(tx, orgId, hash));
    if (!invitation) throw new SignInRefused('AUTH_FAILED', BAD_INVITATION);
    const joiner =
      'idToken' in proof ? await this.#known(proof) : await this.#withPassword(proof, invitation.email, orgId);
    return changes.make(source, orgId, async (tx) => {
      const open = await lockOpenInvitation(tx, orgId, hash);
      if (!open) throw new SignInRefused('AUTH_FAILED', BAD_INVITATION);
      if (joiner.added) await this.#add(tx, { id: joiner.id, email: open.email, ...joiner.added });
      const createdAt = new Date().toISOString();
      if (!(await insertMember(tx, { orgId, userId: joiner.id, role: open.role, createdAt }))) {
        throw new AppError('CONFLICT', `you are a member of ${orgId} already: sign in`);
      }
      await markAccepted(tx, orgId, open.id, joiner.id);
      const audit = [{ action: 'invitation.accept', target: open.id, detail: { userId: joiner.id, role: open.role } }];
      return { result: { orgId, userId: joiner.id, role: open.role }, audit, access: { userId: joiner.id } };
    });
  }

  async #known({ idToken, name }: Extract<Proof, { idToken: string }>): Promise<Joiner> {
    const subject = await this.#options.reader.readSubject(idToken, new Date());
    if (subject === null) {
      throw new SignInRefused(
        'AUTH_FAILED',
        'idToken: the identity provider of this installation did not sign it: sign in there',
      );
    }
    const person = await reachable(() => personById(this.#options.db.system, subject));
    return { id: subject, added: person ? null : { name: name ?? subject, passwordHash: null } };
  }

  async #withPassword(proof: Extract<Proof, { password: string }>, email: string, orgId: string): Promise<Joiner> {
    const { db, passwords } = this.#options;
    const person = await reachable(() => personByEmail(db.system, email));
    if (!person) {
      if (proof.name === undefined) {
        throw new AppError('VALIDATION_FAILED', 'name: say how you are called', { path: 'name' });
      }
      return { id: newPersonId(), added: { name: proof.name, passwordHash: await passwords.hash(proof.password) } };
    }
    await this.#prove(person, proof.password, orgId);
    return { id: person.id, added: null };
  }

  async #prove(person: Person, password: string, orgId: string): Promise<void> {
    if (person.passwordHash === null) {
      throw new AppError(
        'FORBIDDEN',
        'this person has no password here: accept with idToken, or ask an operator for one (password-reset)',
      );
    }
    if (!(await this.#options.passwords.fits(password, person.passwordHash))) {
      const of = { orgId, userId: person.id };
      throw new SignInRefused('AUTH_FAILED', 'password: it is not the one you have here already', of);
    }
  }

  async #add(tx: Sql, person: { id: string; email: string; name: string; passwordHash: string | null }): Promise<void> {
    try {
      await insertPerson(tx, person);
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      throw new AppError('CONFLICT', 'somebody with this e-mail is here already: accept as that person', {
        cause: error,
      });
    }
  }
}
