// Where a peer listens, as the other programs here are told: unix:PATH or ADDRESS:PORT.

/**
 * What node's listen() takes.
 * @param {string | undefined} text unix:PATH or ADDRESS:PORT, 0 for any port
 * @returns {{path: string} | {host: string, port: number}}
 */
export function parseAddress(text) {
  const [, path, host, port] = /^(?:unix:(.+)|([^:]+):(\d+))$/.exec(text ?? '') ?? [];
  if (path) return { path };
  if (!host || Number(port) > 65_535) {
    console.error(`usage: node ${process.argv[1]} unix:PATH|ADDRESS:PORT`);
    process.exit(2);
  }
  return { host, port: Number(port) };
}

/** Says so once a server listens: peers.mjs waits for this line. */
export function sayListening(server) {
  const address = server.address();
  console.log(`listening on ${typeof address === 'string' ? `unix:${address}` : `${address.address}:${address.port}`}`);
}
