import { afterEach } from '@jest/globals';
import { type Client, type ClientOptions, connect } from '../index.ts';
import { type Script, ScriptedServer } from './scripted-server.ts';

/** A client of a server that follows a script, and that server. Both end with the test. */
export async function openScripted(
  script: Script,
  options: Partial<ClientOptions>,
): Promise<{ client: Client; server: ScriptedServer }> {
  const server = await ScriptedServer.start(script);
  const client = connect({ url: server.url, apiKey: 'gai_test', ...options } as ClientOptions);
  opened.push({ client, server });
  return { client, server };
}

const opened: { client: Client; server: ScriptedServer }[] = [];

afterEach(async () => {
  const all = opened.splice(0);
  await Promise.all(all.map(({ client }) => client.close({ timeoutMs: 1 })));
  await Promise.all(all.map(({ server }) => server.stop()));
});
