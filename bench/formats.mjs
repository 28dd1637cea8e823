// The same scripted match on pong.v1.json and on pong.v2.bin, side by side in one run over the same simulated network: messages
// and bytes a second to each player, and how far apart the two players of a room see the ball.
//
//     ./dev bench formats [SECONDS] [LAG_MS] [JITTER_MS]
//
// Both rooms play for the same time on the same gamed, nginx and clock. Players track the ball and decide anew four times a
// second, a v1 player by paddle_position ten times a second, as deployed pages do. A v1 view is the newest state, a v2 view what
// the client library draws. Judges nothing; numbers of one noisy machine.

import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from '../tests/node_modules/ws/wrapper.mjs';

import { startStack } from '../tests/e2e/harness.mjs';
import { PongClient, RoomApi } from '../web/pong-client.js';

const [seconds = 60, lag = 120, jitter = 30] = process.argv.slice(2).map(Number);
const FRAME_MS = 16;
const DECIDE_MS = 250;
const POSITION_MS = 100;
const HEADER_BYTES = 2; // of a WebSocket frame under 126 bytes; 4 above
const PADDLE = 120;
const COURT = 600;

/** Counts what a client is sent. */
class Meter {
  messages = 0;
  payload = 0;
  wire = 0;

  count(data) {
    const length = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    this.messages += 1;
    this.payload += length;
    this.wire += length + (length < 126 ? HEADER_BYTES : 4);
  }
}

class Player {
  meter = null;
  #decided = 0;
  #told = 0;
  #seed;

  constructor(stack, seat, protocol) {
    const player = this;
    this.protocol = protocol;
    this.number = seat.player_number;
    this.#seed = seat.player_number;
    class Metered extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, { headers: { Authorization: `Bearer ${seat.seat_token}` }, perMessageDeflate: false });
        this.on('message', (data, isBinary) => player.meter?.count(isBinary ? data : data.toString()));
      }
    }
    this.client = new PongClient({
      code: seat.room_code, playerId: seat.player_id, username: seat.username, playerNumber: seat.player_number, protocol,
      network: { lag, jitter }, WebSocket: Metered, url: `${stack.wsUrl}/ws/game/${seat.room_code}/`,
      api: new RoomApi({ base: `${stack.baseUrl}/api/room/` }),
    });
    this.client.connect();
  }

  /** {ballX, ballY, flies, paddle} as this player sees it now. */
  view() {
    if (this.protocol === 'pong.v2.bin') {
      const picture = this.client.picture();
      return picture && { ...picture, flies: picture.phase === 'rally', paddle: picture[`paddle${this.number}`] };
    }
    const { state } = this.client;
    return state && { ballX: state.ball_x, ballY: state.ball_y, flies: !state.is_paused, paddle: state[`player_${this.number}_paddle_y`] };
  }

  /** Goes for the ball, off its middle by a number of its own script. */
  act(now) {
    const seen = this.view();
    if (!seen) return;
    if (now - this.#decided >= DECIDE_MS) {
      this.#decided = now;
      this.#seed = (this.#seed * 1103515245 + 12345) % 2147483648;
      this.aim = ((this.#seed >> 8) % 80) - 40;
    }
    const way = seen.ballY + this.aim - (seen.paddle + PADDLE / 2);
    if (this.protocol === 'pong.v2.bin') {
      if (now !== this.#decided) return;
      if (Math.abs(way) < 15) this.client.release();
      else this.client.press(Math.sign(way));
    } else if (now - this.#told >= POSITION_MS) {
      this.#told = now;
      const position = Math.round(Math.min(COURT - PADDLE, Math.max(0, seen.ballY + this.aim - PADDLE / 2)));
      this.client.send({ type: 'paddle_position', player_number: this.number, position });
    }
  }
}

async function openRoom(stack, protocol) {
  const post = async (path, body) => {
    const answer = await fetch(`${stack.baseUrl}/api/room/${path}/`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
    });
    return answer.json();
  };
  const first = await post('create', { username: 'Ann', winning_score: 21 });
  const second = await post('join', { room_code: first.room_code, username: 'Bob' });
  const players = [first, second].map((seat) => new Player(stack, seat, protocol));
  return { protocol, players, apart: [] };
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function report({ protocol, players, apart }) {
  const of = (field) => players.reduce((sum, { meter }) => sum + meter[field], 0) / players.length / seconds;
  apart.sort((a, b) => a - b);
  const px = (share) => percentile(apart, share)?.toFixed(1);
  console.log(
    `| ${protocol} | ${of('messages').toFixed(1)} | ${of('payload').toFixed(0)} | ${of('wire').toFixed(0)} | ${px(0.5)} | ${px(0.99)} | ${apart.length} |`,
  );
}

const stack = await startStack();
try {
  const rooms = [await openRoom(stack, 'pong.v1.json'), await openRoom(stack, 'pong.v2.bin')];
  const everybody = rooms.flatMap(({ players }) => players);
  while (!everybody.every((player) => player.view()?.flies)) await sleep(FRAME_MS);
  for (const player of everybody) player.meter = new Meter();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const now = performance.now();
    for (const player of everybody) player.act(now);
    for (const room of rooms) {
      const [one, two] = room.players.map((player) => player.view());
      if (one.flies && two.flies) room.apart.push(Math.hypot(one.ballX - two.ballX, one.ballY - two.ballY));
    }
    await sleep(FRAME_MS);
  }
  console.log(`${seconds} s of lively play, ${lag} ms round trip, up to ${jitter} ms more each way; a second to each player:\n`);
  console.log('| format | messages | payload bytes | with frame heads | ball apart p50, px | p99 | views compared |');
  console.log('|---|---|---|---|---|---|---|');
  rooms.forEach(report);
  for (const { client } of everybody) client.dispose();
} finally {
  await stack.stop();
}
