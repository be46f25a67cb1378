// WAV reads a 16-bit PCM WAV of one channel that comes in pieces. Its length may
// be unknown: what follows the header is the sound.
export class WAV {
  rate = 0; // samples a second; 0 until the header has come
  #rest = new Uint8Array(0);

  // take returns the samples that a piece completes, from -1 to 1.
  take(piece) {
    let bytes = new Uint8Array(this.#rest.length + piece.length);
    bytes.set(this.#rest);
    bytes.set(piece, this.#rest.length);
    if (this.rate === 0) {
      const sound = this.#header(bytes);
      if (sound < 0) {
        this.#rest = bytes;
        return new Float32Array(0);
      }
      bytes = bytes.subarray(sound);
    }
    const samples = new Float32Array(bytes.length >> 1);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let i = 0; i < samples.length; i++) samples[i] = Math.max(-1, view.getInt16(2 * i, true) / 32767);
    this.#rest = bytes.slice(2 * samples.length);
    return samples;
  }

  // whole says that no sample is cut in two.
  get whole() {
    return this.rate > 0 && this.#rest.length === 0;
  }

  // header finds the rate and returns where the sound begins, -1 if that has not
  // come yet.
  #header(bytes) {
    const view = new DataView(bytes.buffer);
    const name = (at) => String.fromCharCode(...bytes.subarray(at, at + 4));
    if (bytes.length < 12) return -1;
    if (name(0) !== "RIFF" || name(8) !== "WAVE") throw new Error("The reply is not a WAV file.");
    let rate = 0;
    for (let at = 12; at + 8 <= bytes.length; ) {
      const size = view.getUint32(at + 4, true);
      if (name(at) === "data") {
        this.rate = rate;
        return at + 8;
      }
      if (name(at) === "fmt ") {
        if (at + 24 > bytes.length) return -1;
        if (view.getUint16(at + 10, true) !== 1 || view.getUint16(at + 22, true) !== 16) throw new Error("The sound is not 16-bit PCM of one channel.");
        rate = view.getUint32(at + 12, true);
      }
      at += 8 + size + (size & 1);
    }
    return -1;
  }
}
