export { type Access, type AccessChange, type AccessOptions, createAccess } from './access.ts';
export { type Credential, credentialFromHttp, credentialFromUpgrade } from './credential.ts';
export { type AccessListenerOptions, accessHandler, startAccessListener } from './listener.ts';
export { authorize, canSubscribe } from './permissions.ts';
