// The chart: time since the request to the right, seconds of sound upwards. The
// stairs are what came; the line is what a player needs. Below, the sound itself
// where it is heard.

const margin = { left: 36, right: 14, top: 22, bottom: 24 };
const plotHeight = 210;
const wave = 56; // height of the sound
const labelWidth = 62;
const height = margin.top + plotHeight + margin.bottom + wave;

export class Chart {
  #svg;
  #now;
  #x = () => 0;

  constructor(svg) {
    this.#svg = svg;
  }

  // draw shows a listener's chunks.
  draw(listener) {
    const { chunks, seconds, ttfp } = listener;
    const width = Math.max(280, this.#svg.clientWidth);
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.replaceChildren();
    if (chunks.length === 0) return;

    const span = Math.max(listener.end, ttfp + seconds + listener.underrun) * 1.02;
    const bottom = margin.top + plotHeight;
    const x = (this.#x = (t) => margin.left + (t / span) * (width - margin.left - margin.right));
    const y = (s) => bottom - (s / seconds) * plotHeight;

    this.#axes(span, seconds, width, x, y, bottom);
    let stairs = `M${x(ttfp)} ${y(0)}`;
    for (const c of chunks) stairs += `H${x(c.at)}V${y(c.played + c.seconds)}`;
    stairs += `H${x(ttfp + seconds)}`;
    this.#add("path", { class: "area", d: `${stairs}V${y(0)}Z` });
    this.#gaps(chunks, x);
    this.#add("path", { class: "stairs", d: stairs });
    this.#add("path", { class: "clock", d: `M${x(ttfp)} ${y(0)}L${x(ttfp + seconds)} ${y(seconds)}` });
    for (const c of chunks) this.#add("circle", { class: "chunk", cx: x(c.at), cy: y(c.played + c.seconds), r: 3.5 });
    this.#text(`first sound ${Math.round(1000 * ttfp)} ms`, { class: "note", x: x(ttfp) + 2, y: margin.top - 8 });
    this.#wave(listener, x, bottom + margin.bottom + wave / 2);
    this.#now = this.#add("line", { class: "now", x1: -9, x2: -9, y1: margin.top, y2: height });
  }

  // now moves the playhead; a negative time takes it away.
  now(t) {
    const at = t < 0 ? -9 : this.#x(t);
    this.#now?.setAttribute("x1", at);
    this.#now?.setAttribute("x2", at);
  }

  #axes(span, seconds, width, x, y, bottom) {
    const step = nice(span / Math.max(3, width / 110));
    for (let t = 0; t <= span; t += step) {
      this.#add("line", { class: "grid", x1: x(t), x2: x(t), y1: margin.top, y2: bottom });
      this.#text(`${label(t)} s`, { class: "tick", x: x(t), y: bottom + 16, "text-anchor": "middle" });
    }
    const up = nice(seconds / 4);
    for (let s = up; s <= seconds; s += up) {
      this.#add("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(s), y2: y(s) });
      this.#text(label(s), { class: "tick", x: margin.left - 6, y: y(s) + 4, "text-anchor": "end" });
    }
    this.#add("line", { class: "axis", x1: margin.left, x2: width - margin.right, y1: bottom, y2: bottom });
  }

  // gaps marks the time from when sound was needed until it came. A producer that
  // stays behind has gaps that overlap; their labels do not.
  #gaps(chunks, x) {
    let labelled = 0;
    for (const c of chunks) {
      if (c.late <= 0) continue;
      const from = x(c.needed);
      const to = x(c.at);
      this.#add("rect", { class: "gap", x: from, y: margin.top, width: Math.max(1, to - from), height: plotHeight });
      const middle = Math.max((from + to) / 2, margin.left + labelWidth / 2);
      if (middle - labelWidth / 2 < labelled) continue;
      labelled = middle + labelWidth / 2;
      this.#text(`${Math.round(1000 * c.late)} ms`, { class: "gap-label", x: middle, y: margin.top + 14, "text-anchor": "middle" });
    }
  }

  // wave draws the sound, a stroke for each three points of width, and the holes
  // in it.
  #wave({ chunks, levels }, x, middle) {
    let d = "";
    let played = x(chunks[0].start);
    for (const c of chunks) {
      const from = x(c.start);
      const to = x(c.start + c.seconds);
      if (from - played > 0.5) this.#add("rect", { class: "hole", x: played, y: middle - wave / 2, width: from - played, height: wave });
      played = to;
      const strokes = Math.max(1, Math.floor((to - from) / 3));
      for (let i = 0; i < strokes; i++) {
        const part = (k) => Math.floor(100 * (c.played + (c.seconds * k) / strokes));
        const level = Math.max(0.02, ...levels.slice(part(i), Math.max(part(i) + 1, part(i + 1))));
        const h = (level * (wave - 4)) / 2;
        d += `M${from + ((i + 0.5) * (to - from)) / strokes} ${middle - h}v${2 * h}`;
      }
    }
    this.#add("path", { class: "wave", d });
  }

  #text(text, attributes) {
    this.#add("text", attributes).textContent = text;
  }

  #add(name, attributes) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    this.#svg.append(node);
    return node;
  }
}

// nice is the least of 1, 2, 5, 10, ... times a power of ten that is no less.
function nice(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * [1, 2, 5, 10].find((n) => n * power >= step * 0.999);
}

function label(t) {
  return String(Math.round(100 * t) / 100);
}
