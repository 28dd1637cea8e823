// The time a benchmark may take: what does not fit any more is left out, and that is told. It must not judge what matters more:
// whoever asks first, gets it.

export class Budget {
  constructor(seconds, clock = () => performance.now() / 1_000) {
    this.clock = clock;
    this.seconds = seconds;
    this.end = clock() + seconds;
    this.leftOut = [];
  }

  /** Seconds that are left; never negative. */
  get left() {
    return Math.max(0, this.end - this.clock());
  }

  get spent() {
    return this.seconds - (this.end - this.clock());
  }

  /** Whether something that takes `seconds` still fits; what does not is noted. */
  allows(what, seconds) {
    if (this.left >= seconds) return true;
    this.leftOut.push(what);
    return false;
  }
}
