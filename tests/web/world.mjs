// Virtual time and a network for tests: nothing waits, everything is drawn from a seed.

/** mulberry32: small, seeded, good enough to shake a protocol. */
export function randomFrom(seed) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  next.below = (n) => Math.floor(next() * n);
  next.between = (low, high) => low + next() * (high - low);
  next.chance = (p) => next() < p;
  return next;
}

/** Work in the order of its time, ms; of two things at one time the first asked for comes first. */
export class World {
  now = 0;
  #heap = [];
  #count = 0;

  at(time, work) {
    const entry = { time: Math.max(time, this.now), order: this.#count++, work };
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(heap[parent], entry)) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
  }

  after(ms, work) {
    this.at(this.now + ms, work);
  }

  run(until) {
    while (this.#heap.length && this.#heap[0].time <= until) {
      const entry = this.#pop();
      this.now = entry.time;
      entry.work();
    }
    this.now = until;
  }

  #pop() {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
        if (before(last, heap[child])) break;
        heap[i] = heap[child];
        i = child;
      }
      heap[i] = last;
    }
    return top;
  }
}

function before(a, b) {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}

/**
 * One direction of a TCP connection: each message takes delayMs and up to jitterMs more, a lost one (lossPercent) a
 * retransmission; order is kept.
 */
export class Wire {
  #world;
  #random;
  #lastAt = 0;

  constructor(world, random, { delayMs, jitterMs = 0, lossPercent = 0 }, deliver) {
    this.#world = world;
    this.#random = random;
    this.delayMs = delayMs;
    this.jitterMs = jitterMs;
    this.lossPercent = lossPercent;
    this.deliver = deliver;
  }

  send(message) {
    let ms = this.delayMs + this.#random() * this.jitterMs;
    if (this.#random() * 100 < this.lossPercent) ms += Math.max(200, 2 * this.delayMs + 50);
    this.#lastAt = Math.max(this.#lastAt, this.#world.now + ms);
    this.#world.at(this.#lastAt, () => this.deliver(message));
  }
}
