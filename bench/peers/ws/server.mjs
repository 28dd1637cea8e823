// Pong on plain ws: a room by the path, its first two connections play, whoever comes later watches. One loop steps all
// rooms; an update is made once for a room and sent to everybody in it.
//
//     node server.mjs unix:PATH|ADDRESS:PORT
//
// In: {"type": "paddle_position", "position": <top edge, px>}, as gamed's pong.v1.json has it. Out: the whole state each
// time, which is short enough not to be worth finding out what of it has changed.

import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

import { parseAddress, sayListening } from '../address.mjs';
import { Court, STEPS_PER_SECOND, UNITS_PER_PX, UPDATES_PER_SECOND } from '../court.mjs';

const STEPS_AN_UPDATE = STEPS_PER_SECOND / UPDATES_PER_SECOND;
const UPDATE_MS = 1_000 / UPDATES_PER_SECOND;
const CATCH_UP_MAX = 5; // updates after a stall; what is older is left out
const AS_TEXT = { binary: false };

class Room {
  constructor() {
    this.court = new Court();
    this.players = [null, null];
    this.everybody = new Set();
  }

  join(socket) {
    this.everybody.add(socket);
    const seat = this.players.indexOf(null);
    if (seat < 0) return;
    this.players[seat] = socket;
    socket.on('message', (data) => this.take(seat, data));
    if (!this.players.includes(null)) this.court.begin();
  }

  leave(socket) {
    this.everybody.delete(socket);
    const seat = this.players.indexOf(socket);
    if (seat >= 0) this.players[seat] = null;
  }

  take(seat, data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.type === 'paddle_position' && Number.isFinite(message.position)) {
      this.court.steer(seat, message.position * UNITS_PER_PX);
    }
  }

  update() {
    for (let i = 0; i < STEPS_AN_UPDATE; i += 1) this.court.step();
    const { ballX, ballY, paddleY, score, phase, stepsLeft } = this.court.pong;
    const data = Buffer.from(JSON.stringify({ type: 'update', ballX, ballY, paddleY, score, phase, stepsLeft }));
    for (const socket of this.everybody) socket.send(data, AS_TEXT);
  }
}

const rooms = new Map();

function welcome(socket, request) {
  const code = /^\/ws\/game\/([^/?]+)/.exec(request.url)?.[1];
  if (!code) {
    socket.close(1008);
    return;
  }
  const room = rooms.get(code) ?? new Room();
  rooms.set(code, room);
  room.join(socket);
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    room.leave(socket);
    if (room.everybody.size === 0) rooms.delete(code);
  });
}

/** Deadlines are computed from the start, so that no lateness adds up. */
const start = performance.now();
let updates = 0;
function tick() {
  const due = Math.floor((performance.now() - start) / UPDATE_MS);
  if (due - updates > CATCH_UP_MAX) updates = due - CATCH_UP_MAX;
  for (; updates < due; updates += 1) {
    for (const room of rooms.values()) room.update();
  }
  setTimeout(tick, start + (updates + 1) * UPDATE_MS - performance.now());
}

const server = createServer((request, response) => response.writeHead(426).end());
const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false, maxPayload: 512 });
sockets.on('connection', welcome);
server.listen({ ...parseAddress(process.argv[2]), backlog: 4_096 }, () => {
  sayListening(server);
  tick();
});
