export { type Access, type AccessOptions, accessOptions, createAccess } from './access.ts';
export { Admission, type AdmissionOptions } from './admission.ts';
export { type AdmissionLimits, networkOf } from './admission-limits.ts';
export { type Authentication, AuthenticationLog, SYSTEM_ORG } from './authentication-log.ts';
export { type AccessChange, concerns } from './change.ts';
export { type Caps, ConnectionCaps, type SharedCounts, TooManyConnections } from './connection-caps.ts';
export { createAdmission, createSocketAdmission } from './create-admission.ts';
export {
  type Credential,
  type CredentialQuery,
  credentialFromHttp,
  credentialFromStream,
  credentialFromUpgrade,
  identify,
} from './credential.ts';
export { type AccessListenerOptions, accessHandler, startAccessListener } from './listener.ts';
export { authorize, CHANNEL_SCOPES, canSubscribe } from './permissions.ts';
export { type Limit, RateLimiter, type RateVerdict, type TokenSource } from './rate-limiter.ts';
export { type Owner, RefusedError, refusalOf, requireNetwork } from './refusal.ts';
export {
  givenApiKey,
  type NewSecret,
  newApiKey,
  newOrgSecret,
  type OrgSecretPrefix,
  orgOfSecret,
  secretHash,
} from './secret.ts';
export { SocketAdmission, type SocketPass } from './socket-admission.ts';
export type { KeyUse } from './usage-counter.ts';
