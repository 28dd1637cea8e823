// A build folder whose daemons do what a test of ./dev needs them to do: answer, die, or complain.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const fastcgi = new URL('./fastcgi.mjs', import.meta.url).href;

/** A gamed that stays until it is told to go. */
export const patientGamed = '#!/bin/sh\nexec sleep 100000\n';

/** An api-fcgi that answers every request with 200. */
export const contentApi = `#!/usr/bin/env node
import(${JSON.stringify(fastcgi)}).then(({ fastcgiServer }) => {
  const socket = process.argv[process.argv.indexOf('--listen') + 1].replace('unix:', '');
  require('node:fs').rmSync(socket, { force: true });
  fastcgiServer(() => 'Status: 200 OK\\r\\n\\r\\n{}').listen(socket);
});
process.on('SIGTERM', () => process.exit(0));
`;

export function fakeBuild(folder, { gamed = patientGamed, api = contentApi } = {}) {
  for (const [name, text] of [['gamed', gamed], ['api-fcgi', api]]) {
    mkdirSync(path.join(folder, name), { recursive: true });
    const file = path.join(folder, name, name);
    writeFileSync(file, text);
    chmodSync(file, 0o755);
  }
  return folder;
}
