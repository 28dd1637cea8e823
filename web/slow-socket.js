/**
 * A WebSocket behind a worse network, for developers of front ends: what is sent and received is held back as if it were far away.
 * Order is kept, and nothing is lost for good: TCP sends a lost packet again, so a loss is a message that comes late, and those
 * behind it wait for it.
 *
 *     ?lag=120&jitter=30&loss=1   a round trip of 120 ms, each way up to 30 ms more, one message in a hundred sent again
 */

const LAG_MAX_MS = 5000;
/** No TCP waits for less before it sends again. */
const RETRANSMISSION_MS = 200;

/**
 * @typedef {object} Network
 * @property {number} [lag] round trip, ms
 * @property {number} [jitter] each way takes up to so much longer, ms
 * @property {number} [loss] of messages that are sent again, percent
 */

/**
 * Reads a simulated network out of an address.
 * @param {string} [search] the address's query
 * @returns {Network | null} null when none is asked for
 */
export function networkFromQuery(search = globalThis.location?.search ?? '') {
  const query = new URLSearchParams(search);
  const number = (name, most) => {
    const value = Number(query.get(name));
    return Number.isFinite(value) ? Math.max(0, Math.min(value, most)) : 0;
  };
  const network = { lag: number('lag', LAG_MAX_MS), jitter: number('jitter', LAG_MAX_MS), loss: number('loss', 100) };
  return network.lag || network.jitter || network.loss ? network : null;
}

/** One direction: things come out in the order they were put in, each after its time. */
class Way {
  #network;
  #random;
  #dueAt = 0;
  #timers = new Set();

  constructor(network, random) {
    this.#network = network;
    this.#random = random;
  }

  after(work) {
    const { lag = 0, jitter = 0, loss = 0 } = this.#network;
    const again = this.#random() * 100 < loss ? lag + RETRANSMISSION_MS : 0;
    const now = performance.now();
    this.#dueAt = Math.max(this.#dueAt, now + lag / 2 + this.#random() * jitter + again);
    const entry = { work };
    this.#timers.add(entry);
    entry.timer = setTimeout(() => this.#flush(entry), this.#dueAt - now);
  }

  /** Timers of one time need not fire in order: what came before goes first. */
  #flush(last) {
    for (const entry of this.#timers) {
      clearTimeout(entry.timer);
      this.#timers.delete(entry);
      entry.work();
      if (entry === last) return;
    }
  }

  stop() {
    for (const { timer } of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** What PongClient uses of a WebSocket. */
export class SlowSocket {
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  readyState = 0;
  #socket;
  #out;
  #in;

  /**
   * @param {string} url
   * @param {string | string[]} protocols
   * @param {object} options
   * @param {Network} options.network
   * @param {typeof WebSocket} [options.WebSocket]
   * @param {Record<string, string>} [options.headers] for a WebSocket that takes them
   * @param {() => number} [options.random] in [0, 1)
   */
  constructor(url, protocols, { network, WebSocket = globalThis.WebSocket, headers, random = Math.random }) {
    this.#out = new Way(network, random);
    this.#in = new Way(network, random);
    this.#socket = new WebSocket(url, protocols, headers && { headers });
    this.#socket.onopen = (event) => this.#in.after(() => this.#opened(event));
    this.#socket.onmessage = (event) => this.#in.after(() => this.onmessage?.(event));
    this.#socket.onerror = (event) => this.onerror?.(event);
    this.#socket.onclose = (event) => this.#in.after(() => this.#closed(event));
  }

  get binaryType() {
    return this.#socket.binaryType;
  }

  set binaryType(type) {
    this.#socket.binaryType = type;
  }

  get protocol() {
    return this.#socket.protocol;
  }

  /** @param {string | ArrayBuffer | ArrayBufferView} data */
  send(data) {
    this.#out.after(() => this.#socket.readyState === 1 && this.#socket.send(data));
  }

  /**
   * @param {number} [code]
   * @param {string} [reason]
   */
  close(code, reason) {
    this.readyState = 2;
    this.#out.stop();
    this.#socket.close(code, reason);
  }

  #opened(event) {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.(event);
  }

  #closed(event) {
    this.readyState = 3;
    this.#out.stop();
    this.onclose?.(event);
  }
}
