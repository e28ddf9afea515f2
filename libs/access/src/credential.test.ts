import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { credentialFromHttp, credentialFromUpgrade } from './credential.ts';

const request = (url: string, headers: Record<string, string> = {}) => ({ url, headers }) as unknown as IncomingMessage;

describe('the credential of an HTTP request', () => {
  it('is the bearer: a key by its prefix, else a token', () => {
    expect(credentialFromHttp(request('/', { authorization: 'Bearer gai_one' }))).toEqual({ apiKey: 'gai_one' });
    expect(credentialFromHttp(request('/', { authorization: 'bearer e.y.z' }))).toEqual({ token: 'e.y.z' });
  });

  it('is null when there is none, or of another scheme', () => {
    expect(credentialFromHttp(request('/?key=gai_one'))).toBeNull();
    expect(credentialFromHttp(request('/', { authorization: 'Basic Z2FpXw==' }))).toBeNull();
    expect(credentialFromHttp(request('/', { authorization: 'Bearer ' }))).toBeNull();
  });
});

describe('the credential of an upgrade', () => {
  it('is the key of the URL, beside its org', () => {
    expect(credentialFromUpgrade(request('/ws?key=gai_one&org=acme&channels=x'))).toEqual({
      credential: { apiKey: 'gai_one' },
      org: 'acme',
    });
  });

  it('is the Authorization header', () => {
    expect(credentialFromUpgrade(request('/ws?org=acme', { authorization: 'Bearer gai_one' }))).toEqual({
      credential: { apiKey: 'gai_one' },
      org: 'acme',
    });
  });

  it('is the bearer among the subprotocols, as browsers send it', () => {
    const headers = { 'sec-websocket-protocol': 'governsai.v1, bearer.e.y.z' };
    expect(credentialFromUpgrade(request('/ws', headers))).toEqual({ credential: { token: 'e.y.z' }, org: null });
  });

  it('is null when nothing is said, however odd the URL', () => {
    const none = { credential: null, org: null };
    expect(credentialFromUpgrade(request('/ws?key=&org='))).toEqual(none);
    expect(credentialFromUpgrade(request('//:0?key'))).toEqual(none);
    expect(credentialFromUpgrade(request('/ws', { 'sec-websocket-protocol': 'bearer.' }))).toEqual(none);
  });
});
