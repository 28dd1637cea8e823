// The client library against a server in the same process: what it sends, what it tells, how it comes back. And the simulated
// network. Nothing here waits for a clock: tests go on when something has happened.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { WebSocket, WebSocketServer } from 'ws';
import { PongClient, RoomError } from '../../web/pong-client.js';
import { networkFromQuery, SlowSocket } from '../../web/slow-socket.js';
import * as sim from '../../web/pong-simulation.js';
import { encodeHeartbeat, encodeKeyframe, encodeUpdate } from './reference-server.mjs';

const STATE = {
  room_code: 'A1B2C3', status: 'ONGOING', player_1_id: 'guest-1', player_2_id: 'guest-2', player_1_username: 'Ada',
  player_2_username: 'Grace', player_1_score: 0, player_2_score: 0, player_1_paddle_y: 240, player_2_paddle_y: 240,
  paddle_height: 120, paddle_width: 12, ball_x: 400, ball_y: 300, ball_size: 20, ball_speed_x: 0, ball_speed_y: 0,
  is_paused: true, last_loser: null, winning_score: 2, timestamp: 1,
};

/** Waits until something holds that messages bring about. */
async function until(holds, what) {
  for (let i = 0; i < 2000; i++) {
    const value = holds();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never: ${what ?? holds}`);
}

/** A room: hears everything, says what a test wants said. */
class Room {
  heard = [];
  inputs = [];
  refuses = false;
  pong = sim.pongInit(1000, 2, 180);

  async open() {
    this.server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: () => !this.refuses, handleProtocols: (set) => this.choose(set) });
    this.server.on('connection', (socket, request) => this.#welcome(socket, request));
    await once(this.server, 'listening');
    this.url = `ws://127.0.0.1:${this.server.address().port}/`;
  }

  choose(offered) {
    this.offered = [...offered];
    return this.offered[0];
  }

  #welcome(socket, request) {
    this.socket = socket;
    this.authorization = request.headers.authorization;
    this.connections = (this.connections ?? 0) + 1;
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.inputs.push({ step: data.readUInt16LE(1), target: data.readUInt16LE(3), kind: data[0], length: data.length });
      else this.#answer(JSON.parse(data));
    });
    if (this.offered[0] === 'pong.v2.bin') this.keyframe();
    this.say({ type: 'game_state', is_full_state: true, ...STATE });
  }

  #answer(message) {
    this.heard.push(message);
    if (message.type === 'ping' && !this.deaf) this.say({ type: 'pong', time: message.time, step: this.pong.step });
    if (message.type === 'join_game') this.say({ type: 'player_joined', player_number: this.seat ?? 1, player_id: this.id ?? 'guest-1', username: 'Ada', is_you: true, ...this.extra });
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  tell(bytes) {
    this.socket.send(bytes);
  }

  keyframe(changes = {}) {
    Object.assign(this.pong, changes);
    this.tell(encodeKeyframe(this.pong));
  }

  close() {
    for (const socket of this.server.clients) socket.terminate();
    this.server.close();
  }
}

const serving = { phase: sim.SERVING, stepsLeft: 0xfffe };
const api = { check: async () => ({ success: true }) };

describe('client', () => {
  const made = [];
  let room;

  beforeEach(async () => {
    room = new Room();
    Object.assign(room.pong, serving);
    await room.open();
    made.push(room);
  });

  afterEach(() => {
    for (const thing of made.splice(0)) (thing.dispose ?? thing.close).call(thing);
  });

  function connect(options = {}) {
    const client = new PongClient({ code: 'A1B2C3', playerId: 'guest-1', username: 'Ada', api, url: room.url, network: null, WebSocket, ...options });
    const events = [];
    for (const type of ['state', 'goal', 'gameover', 'connection', 'message', 'link', 'end']) {
      client.addEventListener(type, (event) => events.push({ ...event.detail, type, detail: event.detail }));
    }
    made.push(client);
    client.connect();
    const of = (type) => events.filter((event) => event.type === type);
    return { client, events, of };
  }

  const ready = async (client) => until(() => client.playerNumber && client.statistics.rtt > 0 && client.picture(), 'a picture');

  test('says hello, speaks v2 and shows a picture', async () => {
    const { client, of } = connect();
    const picture = await ready(client);
    assert.deepEqual(room.offered, ['pong.v2.bin']);
    assert.deepEqual(room.heard[0], { type: 'join_game', player_id: 'guest-1', username: 'Ada' });
    assert.deepEqual([picture.ballX, picture.ballY, picture.paddle1, picture.phase, picture.score], [400, 300, 240, 'serving', [0, 0]]);
    assert.equal(client.state.player_2_username, 'Grace');
    assert.deepEqual(of('link').map(({ link }) => link), ['connecting', 'open']);
    const newest = of('connection').at(-1);
    assert.ok(newest.state === 'open' && newest.rtt > 0 && newest.recovered === null);
  });

  test('a key is an input at once, and the paddle moves', async () => {
    const { client } = connect();
    await ready(client);
    client.press('up');
    const [first] = await until(() => room.inputs.length && room.inputs);
    assert.deepEqual([first.kind, first.length, first.target], [1, 5, 0]);
    assert.ok(first.step > 1000 && first.step < 1030 + 600);
    await until(() => client.picture().paddle1 < 230, 'the paddle moves');
    client.release();
    const [, second] = await until(() => room.inputs.length > 1 && room.inputs);
    assert.ok(second.step > first.step && second.target > 0 && second.target < 15_360);
    client.pointTo(300);
    const [, , third] = await until(() => room.inputs.length > 2 && room.inputs);
    assert.equal(third.target, 15_360);
  });

  test('what players ask for', async () => {
    const { client } = connect();
    await ready(client);
    assert.ok(client.serve() && client.pause() && client.resume() && client.rematch());
    await until(() => room.heard.some(({ type }) => type === 'rematch'));
    const asked = room.heard.filter(({ type }) => type !== 'ping' && type !== 'join_game');
    assert.deepEqual(asked, [
      { type: 'resume_game', player_number: 1 }, { type: 'pause_game', player_number: 1 },
      { type: 'resume_game', player_number: 1 }, { type: 'rematch' },
    ]);
  });

  test('states are told when something changes that is not a position', async () => {
    const { client, of } = connect();
    await ready(client);
    const before = of('state').length;
    room.keyframe({ phase: sim.RALLY, stepsLeft: sim.STEPS_OPEN, ballVx: 448, ballVy: 0, ballX: 25_600, ballY: 19_200 });
    await until(() => client.state.is_paused === false, 'the rally');
    const first = of('state')[before];
    assert.deepEqual([first.previous.is_paused, first.state.is_paused, first.state.ball_speed_x], [true, false, 7]);
    room.tell(encodeHeartbeat(room.pong));
    room.tell(encodeUpdate(room.pong.step + 5, { target: [undefined, 0] }));
    room.say({ type: 'ask', player_number: 1 });
    await until(() => of('message').some(({ detail }) => detail.type === 'ask'));
    assert.equal(of('state').length, before + 1, 'flying and steering are no news');
    room.tell(encodeUpdate(room.pong.step + 1, { phase: { phase: sim.PAUSED, stepsLeft: 3780 } }));
    await until(() => client.state.is_paused, 'the pause');
    assert.equal(client.picture().phase, 'paused');
    assert.ok(client.picture().stepsLeft <= 3780);
    assert.deepEqual(Object.keys(client.state).sort(), ['is_full_state', ...Object.keys(STATE)].sort().filter((key) => key !== 'is_full_state'));
  });

  test('goals, the end and a rematch', async () => {
    const { client, of } = connect();
    await ready(client);
    room.say({ type: 'goal_scored', scorer: 2, player_1_score: 0, player_2_score: 1, player_1_username: 'Ada', player_2_username: 'Grace' });
    await until(() => of('goal').length);
    assert.deepEqual([of('goal')[0].scorer, of('goal')[0].score], [2, [0, 1]]);
    assert.deepEqual([client.state.player_2_score, client.state.last_loser], [1, 1]);
    room.keyframe({ phase: sim.FINISHED, stepsLeft: sim.STEPS_OPEN, score: [0, 2] });
    room.say({ type: 'game_over', winner: 2, reason: 'score', player_1_score: 0, player_2_score: 2 });
    await until(() => of('gameover').length);
    assert.deepEqual([of('gameover')[0].winner, of('gameover')[0].reason, of('gameover')[0].score], [2, 'score', [0, 2]]);
    assert.deepEqual([client.state.status, client.state.player_2_score], ['FINISHED', 2]);
    const states = of('state').length;
    room.say({ type: 'game_state', is_full_state: true, ...STATE });
    await until(() => client.state.status === 'ONGOING');
    await until(() => room.heard.filter(({ type }) => type === 'ping').length > 3, 'some turns have passed');
    assert.ok(of('state').slice(states).every(({ state }) => state.status === 'ONGOING'), 'the old match does not come back');
    assert.deepEqual([client.picture().phase, client.picture().score], ['finished', [0, 2]], 'until its keyframe has come');
    room.keyframe({ ...serving, score: [0, 0] });
    await until(() => client.picture().phase === 'serving');
  });

  test('comes back by itself and says that all is as before', async () => {
    const { client, of } = connect();
    await ready(client);
    client.press('down');
    await until(() => room.inputs.length);
    room.inputs = [];
    const shown = client.picture();
    room.socket.terminate();
    await until(() => of('link').some(({ link }) => link === 'waiting'));
    assert.equal(client.picture().paddle2, shown.paddle2, 'the last picture stays');
    await until(() => of('connection').some(({ recovered }) => recovered === true));
    await until(() => room.inputs.length, 'the key that is still held is told again');
    assert.equal(room.inputs[0].target, 30_720);
    assert.equal(room.connections, 2);
  });

  test('comes back to another seat: not recovered', async () => {
    const { client, of } = connect();
    await ready(client);
    room.seat = 2;
    room.socket.terminate();
    await until(() => of('connection').some(({ recovered }) => recovered === false));
    assert.equal(client.playerNumber, 2);
  });

  test('comes back as another player: not recovered, and says hello as that one from then on', async () => {
    const { client, of } = connect();
    await ready(client);
    Object.assign(room, { id: 'guest-9', extra: { seat_token: 'fresh' } });
    room.socket.terminate();
    await until(() => of('connection').some(({ recovered }) => recovered === false));
    room.socket.terminate();
    await until(() => of('connection').at(-1).recovered === true, 'the same player as last time');
    assert.equal(room.heard.filter(({ type }) => type === 'join_game').at(-1).player_id, 'guest-9');
    assert.equal(room.authorization, 'Bearer fresh');
  });

  test('shows its token as a header, never in the address', async () => {
    for (const network of [null, { lag: 2 }]) {
      const { client } = connect({ token: 'secret', network });
      await ready(client);
      assert.equal(room.authorization, 'Bearer secret');
    }
    const { client } = connect();
    await ready(client);
    assert.equal(room.authorization, undefined);
  });

  test('the address of the page is nothing to it but where the server is', (t) => {
    const asked = [];
    class Fake {
      constructor(url, ...more) {
        asked.push([url, ...more]);
      }
      close() {}
    }
    globalThis.location = { origin: 'https://pong.example', search: '?lag=100' };
    t.after(() => delete globalThis.location);
    connect({ url: undefined, code: 'A/../B', network: undefined, WebSocket: Fake });
    assert.deepEqual(asked, [['wss://pong.example/ws/game/A%2F..%2FB/', 'pong.v2.bin', undefined]]);
  });

  test('attempts to come back grow rarer as long as no connection holds', async (t) => {
    t.mock.method(Math, 'random', () => 0.999);
    const { client } = connect();
    const waits = [];
    let since = 0;
    client.addEventListener('link', ({ detail: { link } }) => {
      if (link === 'waiting') since = performance.now();
      else if (link === 'connecting' && since) waits.push(performance.now() - since);
    });
    for (let i = 1; i <= 3; i++) {
      await until(() => room.connections === i && client.playerNumber && client.state);
      room.socket.terminate();
      await until(() => waits.length === i);
    }
    assert.ok(waits[1] > 300 && waits[2] > 700, String(waits));
  });

  /** Lets time pass for the client, but not for the test. */
  function timeMachine(t) {
    const real = performance.now.bind(performance);
    let ahead = 0;
    t.mock.method(performance, 'now', () => real() + ahead);
    return (ms) => (ahead += ms);
  }

  test('a connection that died without a word is asked for a sign of life, then given up', async (t) => {
    const pass = timeMachine(t);
    const { client, of } = connect();
    await ready(client);
    room.deaf = true;
    pass(2500);
    const pings = room.heard.length;
    await until(() => room.heard.length > pings, 'a ping');
    assert.equal(of('link').at(-1).link, 'open');
    pass(2500);
    pass(2500);
    await until(() => room.connections === 2);
  });

  test('a handshake that nobody answers is given up', async (t) => {
    const pass = timeMachine(t);
    const sockets = [];
    const silent = createServer((socket) => sockets.push(socket));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { of } = connect({ url: `ws://127.0.0.1:${silent.address().port}/` });
    await until(() => sockets.length === 1);
    pass(8500);
    await until(() => of('link').at(-1).link === 'waiting');
    await until(() => sockets.length === 2, 'the next attempt');
    silent.close();
    for (const socket of sockets) socket.destroy();
  });

  describe('a room that is there and refuses handshakes', () => {
    /** Time stands still for the client, but for what is passed; it tries ten times a second of the test's. */
    function standStill(t) {
      let now = Math.ceil(performance.now()); // whole, so that sums and differences are exact
      t.mock.method(performance, 'now', () => now);
      t.mock.method(Math, 'random', () => 0);
      return (ms) => (now += ms);
    }

    const attempts = (of) => of('link').filter(({ link }) => link === 'connecting').length;

    /** Refused a few times more, and still at it. */
    async function goesOn(of, times = 3) {
      const enough = attempts(of) + times;
      await until(() => attempts(of) >= enough || of('end').length, 'attempts');
      assert.deepEqual(of('end'), []);
    }

    async function ends(of) {
      await until(() => of('end').length, 'the end');
      assert.deepEqual([of('end')[0].reason, of('connection').at(-1).state], ['refused', 'ended']);
    }

    test('is tried for longer than a seat is held, however often that is', async (t) => {
      const { client, of } = connect();
      await ready(client);
      const pass = standStill(t);
      for (let i = 1; i <= 2; i++) {
        room.refuses = true;
        room.socket.terminate();
        await goesOn(of, 8);
        pass(44_999);
        await goesOn(of);
        room.refuses = false;
        await until(() => room.connections === 1 + i && of('link').at(-1).link === 'open', 'let in again, and the time starts anew');
      }
      room.refuses = true;
      room.socket.terminate();
      await goesOn(of);
      pass(45_000);
      await ends(of);
    });

    test('is tried as long by a seat that was never let in', async (t) => {
      const pass = standStill(t);
      room.refuses = true;
      const { of } = connect();
      await goesOn(of);
      pass(44_999);
      await goesOn(of);
      pass(1);
      await ends(of);
    });

    test('has 10 seconds for who watches and was never let in', async (t) => {
      const pass = standStill(t);
      room.refuses = true;
      const { of } = connect({ playerId: undefined });
      await goesOn(of);
      pass(9999);
      await goesOn(of);
      pass(1);
      await ends(of);
    });

    test('and 45 for who has watched already', async (t) => {
      const { client, of } = connect({ playerId: undefined });
      await until(() => client.picture());
      const pass = standStill(t);
      room.refuses = true;
      room.socket.terminate();
      await goesOn(of);
      pass(44_999);
      await goesOn(of);
      pass(1);
      await ends(of);
    });

    test('has not refused while nobody could say that it is there', async (t) => {
      const pass = standStill(t);
      let asked = 0;
      let isDown = false;
      const check = async () => {
        asked++;
        if (isDown) throw new RoomError(503, 'game_server_unavailable', 'Not now');
      };
      room.refuses = true;
      const { of } = connect({ api: { check } });
      await goesOn(of);
      isDown = true;
      pass(45_000);
      const before = asked;
      await goesOn(of);
      assert.ok(asked > before);
      isDown = false;
      await goesOn(of);
      pass(44_999);
      await goesOn(of);
      pass(1);
      await ends(of);
    });
  });

  test('tries at once when the device is online again, and leaves nothing behind', async (t) => {
    const target = new EventTarget();
    const listening = [];
    globalThis.addEventListener = (type, listener) => (listening.push(listener), target.addEventListener(type, listener));
    globalThis.removeEventListener = (type, listener) => (listening.splice(listening.indexOf(listener), 1), target.removeEventListener(type, listener));
    t.after(() => (delete globalThis.addEventListener, delete globalThis.removeEventListener));
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    t.mock.method(Math, 'random', () => 0.999);
    const { client, of } = connect();
    await ready(client);
    client.connect();
    assert.equal(listening.length, 1, 'connect() once is enough');
    room.refuses = true;
    room.socket.terminate();
    await until(() => of('link').filter(({ link }) => link === 'waiting').length === 3);
    room.refuses = false;
    await until(() => {
      target.dispatchEvent(new Event('online'));
      return of('link').at(-1).link === 'connecting';
    });
    await until(() => of('link').at(-1).link === 'open');
    room.refuses = true;
    room.socket.terminate();
    await until(() => of('link').at(-1).link === 'waiting');
    client.dispose();
    assert.deepEqual(listening, []);
    await until(() => timers() <= before, 'no timer is left');
    client.connect();
    assert.deepEqual([listening, of('link').at(-1).link], [[], 'waiting'], 'it stays away');
  });

  test('who leaves at the news of the end hears no more', async () => {
    const { client, of } = connect();
    await ready(client);
    client.addEventListener('connection', ({ detail }) => detail.state === 'ended' && client.dispose());
    room.socket.close(4503);
    await until(() => of('connection').at(-1).state === 'ended');
    await until(() => room.server.clients.size === 0);
    assert.equal(of('end').length, 0);
  });

  test('after a refusal no input is sent before the step is known', async () => {
    const { client } = connect();
    await ready(client);
    room.deaf = true;
    room.say({ type: 'error', code: 'bad_message', message: 'too early' });
    const pings = room.heard.length;
    await until(() => room.heard.length > pings + 1, 'pings');
    client.press('up');
    await until(() => room.heard.length > pings + 2, 'and another');
    assert.equal(room.inputs.length, 0);
    room.deaf = false;
    await until(() => room.inputs.length);
  });

  test('close codes end it or bring it back', async () => {
    for (const [code, reason] of [[4501, 'replaced'], [4503, 'room_closed'], [1000, 'done'], [4777, 'refused']]) {
      const { client, of } = connect();
      await ready(client);
      room.socket.close(code);
      await until(() => of('end').length);
      assert.deepEqual([of('end')[0].reason, of('end')[0].code, of('connection').at(-1).state], [reason, code, 'ended']);
    }
    const { client, of } = connect();
    await ready(client);
    room.socket.close(4000);
    await until(() => of('link').filter(({ link }) => link === 'open').length === 2);
    assert.equal(of('end').length, 0);
  });

  test('a room that is gone ends it', async () => {
    room.refuses = true;
    const check = async () => {
      throw new RoomError(404, 'room_not_found', 'Room not found');
    };
    const { of } = connect({ api: { check } });
    await until(() => of('end').length);
    assert.equal(of('end')[0].reason, 'room_gone');
    assert.equal(of('connection').at(-1).state, 'ended');
  });

  test('asks for a keyframe when what it knows is wrong, and not twice at once', async () => {
    const { client } = connect();
    await ready(client);
    for (let i = 0; i < 6; i++) room.tell(Uint8Array.from([0x80, 1, 2]));
    await until(() => room.heard.some(({ type }) => type === 'resync'));
    const pings = room.heard.filter(({ type }) => type === 'ping').length;
    await until(() => room.heard.filter(({ type }) => type === 'ping').length > pings, 'a turn');
    assert.equal(room.heard.filter(({ type }) => type === 'resync').length, 1);
  });

  test('bytes and words that make no sense are survived', async () => {
    const { client, of } = connect();
    await ready(client);
    for (const text of ['', '{', 'null', '7', '[]', '{"type":7}', '{"type":"pong","time":"x","step":1e9}', '{"type":"pong","time":-1e99,"step":5}', '{"type":"goal_scored"}', '{"type":"player_joined","player_number":9}']) {
      room.socket.send(text);
    }
    room.tell(new Uint8Array(0));
    room.keyframe({ score: [1, 0] });
    await until(() => client.picture().score[0] === 1);
    assert.equal(of('end').length, 0);
  });

  test('who watches has no seat and sends no input', async () => {
    const { client } = connect({ playerId: undefined });
    await until(() => client.picture() && client.statistics.rtt > 0);
    client.press('up');
    client.pointTo(10);
    await until(() => room.heard.filter(({ type }) => type === 'ping').length > 3);
    assert.deepEqual([client.playerNumber, room.inputs], [null, []]);
    assert.ok(!room.heard.some(({ type }) => type === 'join_game'));
  });

  test('after dispose there is silence', async () => {
    const { client, events } = connect();
    await ready(client);
    client.dispose();
    const count = events.length;
    await until(() => room.server.clients.size === 0);
    assert.equal(events.length, count);
    assert.equal(client.send({ type: 'ping', time: 1 }), false);
  });

  test('v1: states and messages only', async () => {
    const { client, of } = connect({ protocol: 'pong.v1.json' });
    await until(() => client.playerNumber);
    assert.deepEqual(room.offered, ['pong.v1.json']);
    room.say({ type: 'game_state_delta', is_full_state: false, timestamp: 2, ball_x: 411.5 });
    await until(() => client.state.ball_x === 411.5);
    assert.deepEqual([client.state.player_1_username, of('state').at(-1).previous.ball_x, client.picture()], ['Ada', 400, null]);
  });

  test('plays over a simulated network', async () => {
    const { client } = connect({ network: { lag: 40, jitter: 10, loss: 20 } });
    await ready(client);
    client.press('up');
    await until(() => room.inputs.length);
    assert.ok(client.statistics.rtt >= 40, `${client.statistics.rtt}`);
  });
});

describe('slow socket', () => {
  class Plain {
    readyState = 0;
    sent = [];
    constructor(url, protocols) {
      Plain.last = this;
      Object.assign(this, { url, protocols });
    }
    send(data) {
      this.sent.push(data);
    }
    close(code) {
      this.closed = code;
    }
  }

  test('reads the network out of the address', () => {
    assert.deepEqual(networkFromQuery('?room=A1B2C3&lag=120&jitter=30&loss=1'), { lag: 120, jitter: 30, loss: 1 });
    assert.deepEqual(networkFromQuery('?lag=-5&loss=1000&jitter=x'), { lag: 0, jitter: 0, loss: 100 });
    assert.equal(networkFromQuery('?room=A1B2C3'), null);
    assert.equal(networkFromQuery(''), null);
  });

  test('keeps the order, loses nothing', async () => {
    let turn = 0;
    const random = () => [0.9, 0.1, 0, 0.7, 0.3][turn++ % 5];
    const slow = new SlowSocket('ws://x/', 'p', { network: { lag: 4, jitter: 20, loss: 15 }, WebSocket: Plain, random });
    const plain = Plain.last;
    const received = [];
    slow.onmessage = ({ data }) => received.push(data);
    plain.readyState = 1;
    plain.onopen({});
    await until(() => slow.readyState === 1);
    for (let i = 0; i < 50; i++) {
      slow.send(i);
      plain.onmessage({ data: i });
    }
    assert.deepEqual([plain.sent.length, received.length], [0, 0], 'nothing arrives at once');
    await until(() => received.length === 50 && plain.sent.length === 50);
    assert.deepEqual([received, plain.sent], [[...Array(50).keys()], [...Array(50).keys()]]);
    let closed = null;
    slow.onclose = ({ code }) => (closed = code);
    plain.onmessage({ data: 'last' });
    plain.onclose({ code: 4000 });
    await until(() => closed === 4000);
    assert.equal(received.at(-1), 'last', 'what came before the end comes before it');
    assert.equal(slow.readyState, 3);
  });

  test('after close nothing more is sent', () => {
    const slow = new SlowSocket('ws://x/', 'p', { network: { lag: 2 }, WebSocket: Plain });
    slow.send('x');
    slow.close(1000);
    assert.deepEqual([Plain.last.closed, Plain.last.sent, slow.readyState], [1000, [], 2]);
  });
});

describe('package', () => {
  const web = new URL('../../web/', import.meta.url);

  test('holds the modules that the client needs, and no others', async () => {
    const needed = new Set();
    const visit = async (name) => {
      if (needed.has(name)) return;
      needed.add(name);
      const source = await readFile(new URL(name, web), 'utf8');
      for (const [, path] of source.matchAll(/^(?:import|export) .*? from '\.\/([^']+)';$/gms)) await visit(path);
    };
    await visit('pong-client.js');
    const { files } = JSON.parse(await readFile(new URL('package.json', web), 'utf8'));
    assert.deepEqual(files.filter((name) => name.endsWith('.js')).sort(), [...needed].sort());
  });

  test('its licence is the project’s, and its types name what it exports', async () => {
    const [own, ours, types] = await Promise.all(
      [new URL('LICENSE', web), new URL('../LICENSE', web), new URL('pong-client.d.ts', web)].map((path) => readFile(path, 'utf8')),
    );
    assert.equal(own, ours);
    for (const name of Object.keys(await import('../../web/pong-client.js'))) {
      assert.match(types, new RegExp(`^export (class|function|const) ${name}\\b`, 'm'));
    }
    const described = types.slice(types.indexOf('class PongClient '));
    for (const name of Object.getOwnPropertyNames(PongClient.prototype).filter((each) => each !== 'constructor')) {
      assert.match(described, new RegExp(`^  (readonly )?${name}[(:]`, 'm'));
    }
  });
});
