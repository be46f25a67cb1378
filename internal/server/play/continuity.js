// The listener of the metrics page: a player that starts with the first chunk
// and plays on at the sound's own rate, without ever waiting. For chunk i, which
// arrives at t[i],
//
//   deficit[i] = (t[i] - t[0]) - (bytes[0] + ... + bytes[i-1]) / bytesPerSecond
//
// and the underrun is the largest positive deficit. Times are in seconds.

// threshold is the deficit up to which a listener notices nothing.
export const threshold = 0.1;

export class Player {
  #bytesPerSecond;
  #start = 0;
  #received = 0;
  underrun = 0;
  events = 0;

  constructor(rate, width = 2, channels = 1) {
    this.#bytesPerSecond = rate * width * channels;
  }

  // needed is when the sound so far ends: the next chunk has to come until then.
  get needed() {
    return this.#start + this.#received / this.#bytesPerSecond;
  }

  // chunk takes in an arrival and returns its deficit, 0 if it came in time.
  chunk(at, bytes) {
    if (bytes <= 0) return 0;
    if (this.#received === 0) {
      this.#start = at;
      this.#received = bytes;
      return 0;
    }
    const deficit = Math.max(0, at - this.needed);
    if (deficit > 0) {
      this.events++;
      this.underrun = Math.max(this.underrun, deficit);
    }
    this.#received += bytes;
    return deficit;
  }
}
