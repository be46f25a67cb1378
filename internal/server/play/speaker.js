// Speaker plays sound as it comes, each piece behind the one before it.
export class Speaker {
  #context;
  #next = 0; // when the next piece is due, on the context's clock
  #playing = 0; // pieces that have not ended
  #quiet = [];

  // A Speaker is made while the user's key press or click is handled: browsers
  // keep pages silent otherwise. The context's rate is that of the model's voice,
  // so that pieces are not resampled one by one, which would click.
  constructor(rate = 24000) {
    this.#context = new AudioContext({ sampleRate: rate });
  }

  async play({ rate, samples }) {
    await this.#context.resume();
    const buffer = this.#context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    source.onended = () => {
      if (--this.#playing === 0) this.#quiet.splice(0).forEach((done) => done());
    };
    this.#playing++;
    this.#next = Math.max(this.#next, this.#context.currentTime + 0.01);
    source.start(this.#next);
    this.#next += buffer.duration;
  }

  // quiet waits until everything was played.
  quiet() {
    return new Promise((done) => (this.#playing === 0 ? done() : this.#quiet.push(done)));
  }

  // close ends the sound at once.
  async close() {
    if (this.#context.state !== "closed") await this.#context.close();
    this.#quiet.splice(0).forEach((done) => done());
  }
}
