import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { credentialFromHttp, credentialFromStream, credentialFromUpgrade } from './credential.ts';

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

describe('the credential of a stream', () => {
  it('is the bearer, else the ticket of the URL and no key there', () => {
    const both = request('/stream?ticket=gat_x', { authorization: 'Bearer gai_one' });
    expect(credentialFromStream(both)).toEqual({ apiKey: 'gai_one' });
    expect(credentialFromStream(request('/stream?ticket=gat_x'))).toMatchObject({ ticket: 'gat_x' });
    expect(credentialFromStream(request('/stream?key=gai_one'))).toBeNull();
    expect(credentialFromStream(request('/stream?ticket='))).toBeNull();
  });

  it('binds a ticket to the request: the same whenever it is asked, another for another', () => {
    const one = request('/stream?ticket=gat_x');
    expect(credentialFromStream(one)).toEqual(credentialFromStream(one));
    expect(credentialFromStream(one)).not.toEqual(credentialFromStream(request('/stream?ticket=gat_x')));
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
