// A site of several game servers for a test: n gamed, one api-fcgi, nginx, and a Redis that tells them apart; or without
// one, by slots that each is told. Everything a Stack can do, this can: a Player and a Rest see no difference.
// Stopping it is a test too: no lease is left then, and no room lies under another's slot.
// Must not know the game. What a slot is, and who has it, it reads from Redis, as api-fcgi does.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before } from 'node:test';

import { Stack, accepts } from './harness.mjs';
import { RedisServer } from './redis-server.mjs';
import { scrape } from './scrape.mjs';

export { noRedis } from './redis-server.mjs';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'; // of slots and codes
const FIRST_SLOT = ALPHABET.indexOf('A');
const PONGCTL_MS = 30_000;
const FRESH_MS = 2_000; // an instance that was not heard of for longer is none

export const slotOf = (code) => code[0];

export class Cluster extends Stack {
  /**
   * As Stack, and: `instances`: how many; `redis`: options of RedisServer, or false: slots A, B, C… are theirs for good;
   * `instance(i)`: what is different about the i-th (1…): {args, env, listen, ipc, redisUrl, wrap}; `wrap(command)`: an array
   * of words by which it is run instead.
   */
  constructor({ instances = 3, redis = {}, instance = () => ({}), ...options } = {}) {
    super({ ...options, env: options.env ?? {} });
    Object.assign(this.options, { instances, redis, instance });
  }

  makeDaemons(build) {
    const { apiArgs, instances, redis } = this.options;
    this.build = build;
    this.sockets = { api: this.socketPath('api') };
    if (redis) {
      this.redis = new RedisServer(this, redis);
      this.env.REDIS_URL = this.redis.url;
    }
    this.places = Array.from({ length: instances }, (_, index) => this.place(index + 1));
    this.env.PONG_UPSTREAMS = this.places.map(({ listen }) => listen).join(' ');
    this.gameds = this.places.map((place) => this.makeGamed(place));
    [this.gamed] = this.gameds;
    const gamedFlags = redis ? [] : this.places.flatMap(({ ipc }) => ['--gamed', ipc]);
    this.api = this.daemon('api-fcgi', path.join(build, 'api-fcgi/api-fcgi'), [
      '--listen', `unix:${this.sockets.api}`, ...gamedFlags, ...apiArgs,
    ]);
  }

  /** Where the i-th is found, and what is different about it. */
  place(i) {
    const control = this.socketPath(`control-${i}`);
    const usual = { i, control, slot: ALPHABET[FIRST_SLOT + i - 1], listen: `unix:${this.socketPath(`gamed-${i}`)}`, ipc: `ipc://${this.socketPath(`ipc-${i}`)}` };
    return { ...usual, ...this.options.instance(i, this) };
  }

  makeGamed({ i, control, slot, listen, ipc, redisUrl, args = [], env = {}, wrap = (command) => [command] }) {
    const state = path.join(this.runDir, 'state', String(i));
    mkdirSync(state);
    const [command, ...words] = wrap(path.join(this.build, 'gamed/gamed'));
    return this.daemon(`gamed-${i}`, command, [
      ...words, '--listen', listen, '--ipc', ipc, '--control', control, '--slot', slot, '--state-dir', state,
      ...this.options.gamedArgs, ...args,
    ], { env: { ...this.env, ...(redisUrl && { REDIS_URL: redisUrl }), ...env } });
  }

  async startDaemons() {
    if (this.redis) await this.redis.start();
    for (const gamed of this.gameds) gamed.start();
    this.api.start();
    await this.until('api-fcgi listens', () => accepts(this.sockets.api));
    for (const { i, control } of this.places) await this.until(`gamed-${i} listens`, () => accepts(control));
  }

  /** Every instance has a slot to open rooms in. */
  async ready() {
    if (this.redis) await this.until('each instance has a home', () => this.allHaveHomes());
  }

  async allHaveHomes() {
    const { instances } = await this.look();
    return this.places.every(({ ipc }) => instances.some((each) => each.ipc === ipc && each.home !== '' && each.age < 1_000));
  }

  /** The i-th of them, 1…: a Daemon. */
  gamedAt(i) {
    return this.gameds[i - 1];
  }

  /**
   * What Redis has of slots and instances: {leases: {slot: claim}, instances: [{i, age, and the record}], handovers}; `i`: which
   * of ours, undefined: none any more; `age`: ms since it was heard of.
   */
  async look() {
    const keys = [...ALPHABET].map((slot) => `{pong}:slot:${slot}`);
    const [values, records, handovers, time] = await this.redis.askAll([
      ['MGET', ...keys], ['HGETALL', '{pong}:instances'], ['HGETALL', '{pong}:handovers'], ['TIME'],
    ]);
    const now = Number(time[0]) * 1000 + Number(time[1]) / 1000;
    const leases = Object.fromEntries(values.map((claim, index) => [ALPHABET[index], claim]).filter(([, claim]) => claim !== null));
    const instances = records.filter((_, index) => index % 2 === 1).map((value) => {
      const at = value.indexOf(' ');
      const record = JSON.parse(value.slice(at + 1));
      return { ...record, age: now - Number(value.slice(0, at)), i: this.places.find(({ ipc }) => ipc === record.ipc)?.i };
    });
    return { leases, instances, handovers };
  }

  /** Which instance (1…) owns the slot of the code, or of the letter; 0: nobody at the moment. */
  async ownerOf(code) {
    const slot = slotOf(code);
    if (!this.redis) return this.places.find((place) => place.slot === slot)?.i ?? 0;
    const { leases, instances } = await this.look();
    return instances.find((each) => leases[slot] !== undefined && each.slots[slot] === leases[slot])?.i ?? 0;
  }

  /** The letters of the slots that the i-th owns. */
  async slotsOf(i) {
    const { leases, instances } = await this.look();
    const slots = instances.filter((each) => each.i === i).flatMap((each) => Object.entries(each.slots));
    return slots.filter(([slot, claim]) => leases[slot] === claim).map(([slot]) => slot);
  }

  /** Every series of a metric of the i-th: what its own /metrics family says, by labels. */
  async metric(name, i) {
    const [own] = (await this.look()).instances.filter((each) => each.i === i);
    return (await scrape(this)).get(name, { instance: own.id.slice(0, 8) });
  }

  /** Ends it and starts it again; resolves when it listens. Whether it has a home by then is another question. */
  async restart(i, signal = 'SIGTERM') {
    await this.gamedAt(i).stop(signal);
    this.gamedAt(i).start();
    await this.until(`gamed-${i} listens`, () => accepts(this.places[i - 1].control));
  }

  /** pongctl for the i-th: {code, out, said}. */
  pongctl(i, ...words) {
    const program = path.join(this.build, 'pongctl/pongctl');
    return new Promise((resolve) => {
      execFile(program, ['--control', this.places[i - 1].control, ...words], { env: this.env, timeout: PONGCTL_MS }, (error, out, said) => {
        resolve({ code: error ? error.code : 0, out, said });
      });
    });
  }

  /** What must hold in Redis whatever has happened: a room lies under its own slot only. */
  async assertRooms() {
    const slots = [...ALPHABET];
    const codes = await this.redis.askAll(slots.map((slot) => ['HKEYS', `{pong}:rooms:${slot}`]));
    for (const [index, slot] of slots.entries()) assert.deepEqual(codes[index].filter((code) => slotOf(code) !== slot), [], `rooms under slot ${slot}`);
  }

  /** What must be left in Redis when every instance has ended in peace; of one that died before, its last words stay for a minute. */
  async assertReleased() {
    const { leases, instances: all, handovers } = await this.look();
    const instances = all.filter(({ age }) => age < FRESH_MS);
    assert.deepEqual({ leases, instances, handovers }, { leases: {}, instances: [], handovers: [] }, 'leases, records and handovers that are left');
    await this.assertRooms();
  }

  /** Ends the game servers all at once, then looks at what they have left. */
  async stop() {
    if (!this.runDir || !this.redis) return super.stop();
    this.closePlayers();
    const problems = [];
    const note = (error) => problems.push(error.message);
    if (this.nginx) await this.nginx.stop().catch(note);
    await Promise.all([this.api, ...(this.gameds ?? [])].map((daemon) => daemon?.stop().catch(note)));
    if (this.redis.daemon.running && problems.length === 0) await this.assertReleased().catch(note);
    await super.stop().catch(note);
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }
}

/** Inside `describe`: a cluster that all its tests share, as useStack() has a stack. */
export function useCluster(options) {
  const cluster = new Cluster(options);
  before(() => cluster.start());
  afterEach(() => cluster.closePlayers());
  after(() => cluster.stop());
  return cluster;
}
