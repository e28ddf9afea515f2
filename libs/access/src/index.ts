export { type Access, type AccessOptions, createAccess } from './access.ts';
export { type AccessChange, concerns } from './change.ts';
export {
  type Credential,
  type CredentialQuery,
  credentialFromHttp,
  credentialFromUpgrade,
  identify,
} from './credential.ts';
export { type AccessListenerOptions, accessHandler, startAccessListener } from './listener.ts';
export { isInNetworks } from './network.ts';
export { authorize, canSubscribe } from './permissions.ts';
export { type Owner, RefusedError, refusalOf } from './refusal.ts';
export { type NewSecret, newApiKey, newOrgSecret, type OrgSecretPrefix, orgOfSecret, secretHash } from './secret.ts';
