import { verifyCredential } from '@governsai/contracts';
import type { HttpApp } from '@governsai/service';
import type { Verifier } from '../verifier.ts';

/** `POST /internal/verify` */
export function verifyCredentialRoute(app: HttpApp, verifier: Verifier): void {
  app.mount(verifyCredential, async ({ body }) => verifier.verify(body));
}
