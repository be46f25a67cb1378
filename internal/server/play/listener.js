// Listener writes down what came of one sound.
import { Player } from "./continuity.js";

// pause ends a chunk, in seconds: what the server wrote at once comes in several
// pieces with less than that between them.
const pause = 0.005;

export class Listener {
  chunks = []; // {at, needed, late, start, seconds, played}, in seconds; played is the sound before it
  levels = []; // the peak of each hundredth of a second
  rate = 0;
  peak = 0;
  #player = null;
  #samples = 0;
  #last = -1; // when the last piece came
  #level = 0; // of the hundredth that is not complete

  // hear takes in a piece of sound.
  hear({ at, rate, samples }) {
    if (!this.#player) {
      this.rate = rate;
      this.#player = new Player(rate);
    }
    const first = this.chunks.length === 0;
    const needed = first ? at : this.#player.needed;
    const late = this.#player.chunk(at, 2 * samples.length);
    if (first || at - this.#last >= pause) {
      // A real player waits where there is a gap, and goes on from there.
      this.chunks.push({ at, needed, late: 0, start: Math.max(at, this.end), seconds: 0, played: this.seconds });
    }
    const chunk = this.chunks.at(-1);
    chunk.late = Math.max(chunk.late, late);
    chunk.seconds += samples.length / rate;
    this.#last = at;
    this.#measure(samples);
  }

  get seconds() {
    return this.rate ? this.#samples / this.rate : 0;
  }

  get ttfp() {
    return this.chunks[0]?.at ?? 0;
  }

  // took is the time from the request to the last sound.
  get took() {
    return Math.max(0, this.#last);
  }

  get underrun() {
    return this.#player?.underrun ?? 0;
  }

  // end is when a real player has played what came.
  get end() {
    const last = this.chunks.at(-1);
    return last ? last.start + last.seconds : 0;
  }

  #measure(samples) {
    const step = Math.round(this.rate / 100);
    for (const sample of samples) {
      const level = Math.abs(sample);
      this.peak = Math.max(this.peak, level);
      this.#level = Math.max(this.#level, level);
      if (++this.#samples % step === 0) {
        this.levels.push(this.#level);
        this.#level = 0;
      }
    }
  }
}
