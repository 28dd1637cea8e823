// Clients straight at a game server that listen, or send what a player sends, and never come back: what one of them has
// heard, and what of it after a moment.

import { setTimeout as sleep } from 'node:timers/promises';

import { CLOSE, RawSocket } from './raw-socket.mjs';

const INPUT_EVERY_MS = 20;
const QUIET_TURNS = 10; // of this process' loop: each reads whatever has come
const QUIET_TURN_MS = 20;

/** `listen`: the game server's; `number`: of the seat whose paddle it moves up and down. A RawSocket. */
export async function keepOpen(listen, { code, token, protocol, number }) {
  const raw = await RawSocket.connect(listen.replace(/^unix:/, ''), { code, token, protocol });
  raw.readOn();
  raw.sendJson({ type: 'join_game', player_id: null, username: null });
  if (number) {
    let position = 0;
    raw.timer = setInterval(() => {
      position = (position + 10) % 480;
      raw.sendJson({ type: 'paddle_position', player_number: number, position });
    }, INPUT_EVERY_MS);
    raw.socket.once('close', () => clearInterval(raw.timer));
  }
  return Object.assign(raw, { protocol });
}

/** How many frames each client has got of a server that sends no more: everything that was under way has been read. */
export async function counted(clients) {
  const count = () => clients.map(({ reader }) => reader.frames.length);
  let counts = count();
  for (let quiet = 0; quiet < QUIET_TURNS; quiet += 1) {
    await sleep(QUIET_TURN_MS);
    const now = count();
    if (now.join() !== counts.join()) quiet = 0;
    counts = now;
  }
  return counts;
}

/** What the client got after so many frames: of each the opcode, and its length or the code that it closes with. */
export const newsOf = ({ reader }, heard) => reader.frames.slice(heard).map(({ opcode, payload }) => (
  [opcode, opcode === CLOSE ? payload.readUInt16BE(0) : payload.length]));
