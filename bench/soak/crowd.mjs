// The crowd of a soak: so many rooms at a time, made, played to their ends and made anew, through nginx, by players who come,
// leave, drop without a close, stay away, return with their tokens, or never do. A tenth of the rooms plays pong.v1.json, the
// rest pong.v2.bin. They play badly, so that matches end. At the end a line of JSON: what they did (`churn`), what went wrong
// (`errors`), and each end they were told (`heard`). On SIGTERM or SIGINT it ends early.
//
//     node bench/soak/crowd.mjs --target HOST:PORT --rooms N --seconds N
//
// Must not look into the server, and judges nothing.

import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { BINARY, CLOSE, PING, PONG, RawSocket, TEXT } from '../../tests/e2e/raw-socket.mjs';
import { Rest } from '../../tests/e2e/rest.mjs';

const V1_SHARE = 0.1; // of the rooms
const CANCELLED = 0.04; // of the rooms, before anybody joins
const WATCHED = 0.2; // of the rooms, by a spectator
const REMATCH = 0.4; // of the players offer one
// How a connection ends that its player ends before the match does; the rest is a proper close.
const RESET = 0.25; // the connection is reset
const DROPPED = 0.3; // its socket is closed without a close frame
const GONE = 0.03; // of those who left do not come back,
const FORFEITS = 0.02; // or stay away for too long
const STAY_S = [3, 40];
const AWAY_S = [0, 5];
const TOO_LONG_S = [32, 45];
const JOIN_S = [0, 2];
const WATCH_S = [5, 20];
const PARTING_S = [2, 5]; // in the room after its end
const MATCH_POINTS = [1, 3];
const MOVES_MS = { 'pong.v1.json': 100, 'pong.v2.bin': 250 };
const START_S = 10; // over which the first rooms are made
const LOOK_MS = 100;
const LEAD_STEPS = 8; // by which an input of v2 names a step ahead of what is the server's now
const STEPS_PER_MS = 0.06;
const INPUT = 1;
const TARGET_MAX = 30_720;
const POSITION_MAX = 480;
const NO_ROOM = [404, 410];
const NO_SEAT = 401;
const ROOM_CLOSED = 4503;
const TOLD = 3;
const GOING_AWAY = 1001;

const { values: options } = parseArgs({ options: { target: { type: 'string' }, rooms: { type: 'string' }, seconds: { type: 'string' } } });
const [, port] = options.target.split(':').map(Number);
const rest = new Rest({ baseUrl: `http://${options.target}`, secrets: new Set() });
const until = performance.now() + 1_000 * Number(options.seconds);
let isStopped = false;
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    isStopped = true;
  });
}

const churn = { rooms: 0, cancelled: 0, connections: 0, spectators: 0, closes: 0, drops: 0, resets: 0, returns: 0, gone: 0, forfeits: 0, matches: 0, rematches: 0 };
const errors = { rest: 0, handshake: 0, bad_frame: 0, lost: 0, closed: 0 };
const heard = new Set();

const isOver = () => isStopped || performance.now() > until;
const between = ([low, high]) => low + Math.random() * (high - low);
const chance = (share) => Math.random() < share;

/** Sleeps so many seconds, or until `enough`, or until the time is over. */
async function pass(seconds, enough = () => false) {
  const end = performance.now() + 1_000 * seconds;
  while (performance.now() < end && !isOver() && !enough()) await sleep(Math.min(LOOK_MS, Math.max(1, end - performance.now())));
}

/** The first few of a kind are told as they come, all are counted. */
function complain(kind, what) {
  errors[kind] += 1;
  if (errors[kind] <= TOLD) console.error(`crowd: ${kind}: ${what}${errors[kind] === TOLD ? ' (and so on; the end tells how many)' : ''}`);
}

/** A room, as far as its players know. */
class Room {
  isClosed = false;
  timer = null; // runs from the end of a match to when everybody goes

  constructor(code, protocol) {
    Object.assign(this, { code, protocol });
  }

  hear({ type, status, winner, reason, player_1_score: one, player_2_score: two }) {
    if (type === 'game_over') {
      heard.add(JSON.stringify([this.code, one, two, winner, reason]));
      if (this.timer) return;
      churn.matches += 1;
      this.timer = setTimeout(() => {
        this.isClosed = true;
      }, 1_000 * between(PARTING_S));
    } else if (type === 'game_state' && status === 'ONGOING' && this.timer) {
      clearTimeout(this.timer);
      this.timer = null;
      churn.rematches += 1;
    }
  }
}

/** One connection of a player, or of a spectator, who has no token. */
class Connection {
  code = null; // of the server's close frame
  anchor = null; // {step, at}: the server's, when last heard of (v2)

  constructor(room, seat, raw) {
    Object.assign(this, { room, seat, raw });
    churn.connections += 1;
    raw.socket.on('data', (data) => {
      this.take(() => raw.reader.feed(data));
    });
    raw.socket.resume();
    this.take(() => {});
    if (!seat.seat_token) return;
    raw.sendJson({ type: 'join_game', player_id: seat.player_id, username: seat.username });
    this.moving = setInterval(() => this.move(), MOVES_MS[room.protocol]);
    raw.socket.once('close', () => clearInterval(this.moving));
  }

  take(read) {
    try {
      read();
      for (const frame of this.raw.reader.frames.splice(0)) this.hear(frame);
    } catch (error) {
      complain('bad_frame', error.message);
      this.raw.destroy();
    }
  }

  hear({ opcode, payload }) {
    if (opcode === PING) this.raw.send(PONG, payload);
    if (opcode === CLOSE) {
      this.code = payload.length < 2 ? 0 : payload.readUInt16BE(0);
      this.raw.send(CLOSE, payload.subarray(0, 2));
      this.raw.socket.end();
    }
    if (opcode === BINARY && (payload[0] === 0 || payload[0] === 0xff)) this.anchor = { step: payload.readUInt16LE(1), at: performance.now() };
    if (opcode !== TEXT) return;
    const message = JSON.parse(payload.toString('utf8'));
    if (message.type === 'game_over' && this.seat.seat_token && chance(REMATCH)) this.raw.sendJson({ type: 'rematch' });
    this.room.hear(message);
  }

  move() {
    if (this.room.protocol === 'pong.v1.json') {
      this.raw.sendJson({ type: 'paddle_position', player_number: this.seat.player_number, position: Math.floor(Math.random() * POSITION_MAX) });
    } else if (this.anchor) {
      const input = Buffer.alloc(5);
      const { step, at } = this.anchor;
      input[0] = INPUT;
      input.writeUInt16LE((step + Math.round((performance.now() - at) * STEPS_PER_MS) + LEAD_STEPS) & 0xffff, 1);
      input.writeUInt16LE(Math.floor(Math.random() * TARGET_MAX), 3);
      this.raw.send(BINARY, input);
    }
  }

  get isLost() {
    return this.raw.closed;
  }

  /** Ended by the server: whether there was a reason to. */
  look() {
    if (this.code === ROOM_CLOSED) this.room.isClosed = true;
    else if (this.room.isClosed || isOver()) return;
    else if (this.code !== null) complain('closed', `${this.code} in ${this.room.code}`);
    else complain('lost', this.room.code);
  }

  /** Ended by the player, in one of three ways. */
  async end() {
    clearInterval(this.moving);
    const dice = Math.random();
    if (dice < RESET) {
      churn.resets += 1;
      this.raw.socket.resetAndDestroy();
    } else if (dice < RESET + DROPPED) {
      churn.drops += 1;
      this.raw.destroy();
    } else {
      churn.closes += 1;
      this.raw.send(CLOSE, Buffer.from([GOING_AWAY >> 8, GOING_AWAY & 0xff]));
      await sleep(LOOK_MS);
      this.raw.destroy();
    }
  }
}

/** Null when the room is gone. */
async function connect(room, seat) {
  for (;;) {
    try {
      const raw = await RawSocket.connect(port, { code: room.code, token: seat.seat_token, protocol: room.protocol });
      return new Connection(room, seat, raw);
    } catch (error) {
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(error.message)?.[1]);
      if (NO_ROOM.includes(status)) room.isClosed = true;
      else if (!isOver()) complain('handshake', error.message.split('\r\n')[0]);
      if (status === NO_SEAT) room.isClosed = true; // there is nothing to come back to
      if (room.isClosed || isOver()) return null;
      await sleep(1_000 * between(AWAY_S));
    }
  }
}

/** A seat's holder, until the room's end, or his own. */
async function hold(room, seat) {
  while (!room.isClosed && !isOver()) {
    const connection = await connect(room, seat);
    if (!connection) return;
    await pass(between(STAY_S), () => room.isClosed || connection.isLost);
    if (connection.isLost) {
      connection.look();
      continue;
    }
    await connection.end();
    if (room.isClosed || isOver()) return;
    if (chance(GONE)) {
      churn.gone += 1;
      return;
    }
    const forfeits = chance(FORFEITS);
    churn.forfeits += Number(forfeits);
    await pass(between(forfeits ? TOO_LONG_S : AWAY_S));
    churn.returns += 1;
  }
}

async function watch(room) {
  const connection = await connect(room, {});
  if (!connection) return;
  churn.spectators += 1;
  await pass(between(WATCH_S), () => room.isClosed || connection.isLost);
  if (connection.isLost) connection.look();
  else await connection.end();
}

/** Opens a room, and sees it to its end. */
async function playRoom(protocol) {
  const winningScore = Math.round(between(MATCH_POINTS));
  const first = await rest.ok(rest.create({ username: 'Ann', winning_score: winningScore }));
  const room = new Room(first.room_code, protocol);
  churn.rooms += 1;
  if (chance(CANCELLED)) {
    churn.cancelled += 1;
    const connection = await connect(room, first);
    await rest.ok(rest.cancel({ room_code: room.code }, { token: first.seat_token }));
    await pass(AWAY_S[1], () => connection.isLost);
    connection.look();
    connection.raw.destroy();
    return;
  }
  const holder = hold(room, first);
  await pass(between(JOIN_S));
  const second = await rest.ok(rest.join({ room_code: room.code, username: 'Bob' }));
  await Promise.all([holder, hold(room, second), chance(WATCHED) && watch(room)]);
  clearTimeout(room.timer);
}

async function keepRoom(index, count) {
  await pass((START_S * index) / count);
  while (!isOver()) {
    try {
      await playRoom(index < count * V1_SHARE ? 'pong.v1.json' : 'pong.v2.bin');
    } catch (error) {
      if (!isOver()) complain('rest', error.message);
      await pass(1);
    }
  }
}

const count = Number(options.rooms);
await Promise.all(Array.from({ length: count }, (_, index) => keepRoom(index, count)));
const said = JSON.stringify({ churn, errors, heard: [...heard].map((each) => JSON.parse(each)) });
process.stdout.write(said, () => process.exit(0)); // megabytes, after half an hour: a pipe takes them bit by bit
