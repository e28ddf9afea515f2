/** Stops what `servers.ts` started. */
export default async function stopServers(): Promise<void> {
  await globalThis.stopTestServers?.();
}
