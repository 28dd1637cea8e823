// The client library against the real service: two people over a simulated network play by what they see. Their mirrors must agree
// with the server all the time: a client that knew something wrong would ask for a keyframe.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { WebSocket } from 'ws';

import { PongClient, RoomApi } from '../../web/pong-client.js';
import { useStack } from './harness.mjs';

const FRAME_MS = 16;
const PATIENCE_MS = 90_000;

/** Sees pictures and presses keys; plays badly on purpose where `aim` is out of reach. */
class Person {
  events = [];
  sent = [];
  #direction = 0;

  constructor(stack, seat, { aim = 0, network = { lag: 60, jitter: 15 } } = {}) {
    const { sent } = this;
    const person = this;
    class Noted extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, { headers: { Authorization: `Bearer ${seat.seat_token}` } });
        person.socket = this;
      }

      send(data) {
        sent.push(data);
        super.send(data);
      }
    }
    this.aim = aim;
    this.client = new PongClient({
      code: seat.room_code, playerId: seat.player_id, username: seat.username, playerNumber: seat.player_number, network, WebSocket: Noted,
      url: `${stack.wsUrl}/ws/game/${seat.room_code}/`, api: new RoomApi({ base: `${stack.baseUrl}/api/room/` }),
    });
    for (const type of ['state', 'goal', 'gameover', 'connection', 'message', 'end']) {
      this.client.addEventListener(type, ({ detail }) => this.events.push({ type, detail }));
    }
    this.client.connect();
    this.timer = setInterval(() => this.#look(), FRAME_MS);
  }

  leave() {
    clearInterval(this.timer);
    this.client.dispose();
  }

  of(type) {
    return this.events.filter((event) => event.type === type).map(({ detail }) => detail);
  }

  get resyncs() {
    return this.sent.filter((data) => typeof data === 'string' && data.includes('resync')).length;
  }

  get errors() {
    return this.of('message').filter(({ type }) => type === 'error');
  }

  async until(holds, what) {
    const deadline = Date.now() + PATIENCE_MS;
    while (!holds()) {
      assert.ok(Date.now() < deadline, `never: ${what}`);
      await sleep(20);
    }
  }

  #look() {
    const picture = this.client.picture();
    if (!picture) return;
    if (picture.phase === 'serving') this.#serve(picture);
    const way = picture.ballY + this.aim - (picture[`paddle${this.client.playerNumber}`] + 60);
    const direction = Math.abs(way) < 15 ? 0 : Math.sign(way);
    if (direction === this.#direction) return;
    this.#direction = direction;
    if (direction === 0) this.client.release();
    else this.client.press(direction);
  }

  #serve({ stepsLeft, score }) {
    if (stepsLeft > 100 || stepsLeft < 60 || this.served === String(score)) return;
    this.served = String(score);
    this.client.serve();
  }
}

describe('pong-client', () => {
  const stack = useStack();

  test('two play a match and another, and never know anything wrong', async (t) => {
    const api = new RoomApi({ base: `${stack.baseUrl}/api/room/` });
    const seats = [await api.create({ username: 'Ada', winning_score: 2 })];
    seats.push(await api.join(seats[0].room_code, { username: 'Grace' }));
    const people = [new Person(stack, seats[0]), new Person(stack, seats[1], { aim: 140 })];
    const [ada, grace] = people;
    try {
      await ada.until(() => ada.of('gameover').length && grace.of('gameover').length, 'the end of the match');
      for (const person of people) {
        assert.equal(person.of('goal').length, ada.of('goal').length);
        assert.deepEqual(person.of('gameover')[0].score, ada.of('gameover')[0].score);
        assert.deepEqual(person.client.picture().score, ada.of('gameover')[0].score);
        assert.equal(person.client.state.status, 'FINISHED');
      }
      assert.ok(ada.client.rematch() && grace.client.rematch());
      await ada.until(() => people.every(({ client }) => client.picture().phase === 'rally'), 'the next match');
      assert.ok(ada.client.pause());
      await ada.until(() => people.every(({ client }) => client.picture().phase === 'paused' && client.state.is_paused), 'the pause');
      assert.ok(ada.client.resume());
      await ada.until(() => people.every(({ of, events }) => events.filter(({ type }) => type === 'goal').length > 2), 'a point of the next match');
      for (const person of people) {
        const { statistics } = person.client;
        t.diagnostic(JSON.stringify({ ...statistics, inputs: person.sent.filter((data) => typeof data !== 'string').length }));
        assert.equal(person.resyncs, 0);
        assert.ok(statistics.rtt >= 60);
      }
    } finally {
      for (const person of people) person.leave();
    }
  });

  test('a connection that is cut comes back, and the seat with it', async () => {
    const api = new RoomApi({ base: `${stack.baseUrl}/api/room/` });
    const seat = await api.create({ username: 'Ada', opponent: 'bot' });
    const person = new Person(stack, seat, { network: null });
    try {
      await person.until(() => person.client.picture()?.phase === 'rally', 'a rally');
      const before = person.of('connection').length;
      person.socket.terminate();
      await person.until(() => person.of('connection').slice(before).some(({ recovered }) => recovered === true), 'the return');
      await person.until(() => person.client.picture().phase === 'rally', 'the rally after it');
      assert.equal(person.resyncs, 0);
    } finally {
      person.leave();
    }
  });
});
