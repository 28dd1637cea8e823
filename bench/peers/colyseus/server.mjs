// Pong on Colyseus: a Room that is stepped at a fixed rate, whose state is a schema of the smallest fields that hold it, and
// which is patched by the framework. Transport: its own on ws.
//
//     node server.mjs unix:PATH|ADDRESS:PORT
//
// In: a message "paddle" {y: <top edge, 1/64 px>}. Out: patches of CourtState. bench/load/wire_colyseus.c knows the numbers of
// its fields.

import { createServer } from 'node:http';

import { Room, defineRoom, defineServer } from '@colyseus/core';
import { Encoder, schema, t } from '@colyseus/schema';
import { WebSocketTransport } from '@colyseus/ws-transport';

import { parseAddress, sayListening } from '../address.mjs';
import { Court, STEPS_PER_SECOND, UPDATES_PER_SECOND } from '../court.mjs';

Encoder.BUFFER_SIZE = 1024; // a room's, twice; of 16 KiB a court would leave nearly all unused

/** Positions are whole numbers of 1/64 px, which these types hold. */
const CourtState = schema({
  ballX: t.uint16(),
  ballY: t.uint16(),
  paddle1: t.uint16(),
  paddle2: t.uint16(),
  score1: t.uint8(),
  score2: t.uint8(),
  phase: t.uint8(),
  stepsLeft: t.uint16(),
}, 'CourtState');

class PongRoom extends Room {
  maxClients = 2;
  seatReservationTimeout = 60; // seconds: hundreds of rooms may be made before their players connect
  patchRate = 1_000 / UPDATES_PER_SECOND;
  state = new CourtState();
  court = new Court();
  players = [null, null];

  messages = {
    paddle: (client, message) => {
      const seat = this.players.indexOf(client.sessionId);
      if (seat >= 0 && Number.isFinite(message?.y)) this.court.steer(seat, message.y);
    },
  };

  onCreate() {
    this.show();
    this.setFixedTimestep(() => this.step(), STEPS_PER_SECOND);
  }

  onJoin(client) {
    this.players[this.players.indexOf(null)] = client.sessionId;
    if (!this.players.includes(null)) this.court.begin();
  }

  onLeave(client) {
    this.players[this.players.indexOf(client.sessionId)] = null;
  }

  step() {
    this.court.step();
    this.show();
  }

  /** The schema notes which of these have changed. */
  show() {
    const { state, court: { pong } } = this;
    state.ballX = pong.ballX;
    state.ballY = pong.ballY;
    state.paddle1 = pong.paddleY[0];
    state.paddle2 = pong.paddleY[1];
    state.score1 = pong.score[0];
    state.score2 = pong.score[1];
    state.phase = pong.phase;
    state.stepsLeft = pong.stepsLeft;
  }
}

const { path, host, port } = parseAddress(process.argv[2]);
const http = createServer();
const server = defineServer({
  greet: false,
  transport: new WebSocketTransport({ server: http }),
  rooms: { pong: defineRoom(PongRoom) },
});
await server.listen(path ?? port, host, 4_096);
sayListening(http);
