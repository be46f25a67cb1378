// Time charts, drawn by uPlot.
import { h } from "./element.js";
import { colour, partOf } from "./levels.js";
import { of } from "./units.js";

const height = 170;
const shortGap = 15; // steps that a line goes on over without a value

// resolved is a CSS variable as the canvas needs it.
const probe = document.createElement("i");
probe.hidden = true;
document.body.append(probe);
function resolved(value) {
  probe.style.color = value;
  return getComputedStyle(probe).color;
}
const faded = (rgb, alpha) => rgb.replace(/^rgba?\(([^)]+)\)$/, (_, c) => `rgba(${c.split(/[ ,/]+/).slice(0, 3).join(", ")}, ${alpha})`);

const ends = { stop: "var(--fine)", length: "var(--line-0)", repetition: "var(--line-3)", abort: "var(--tight)", error: "var(--bad)" };

export class Charts {
  #at = new Map(); // by id: {figure, plot, shape, ...}
  #root;

  constructor(root) {
    this.#root = root;
    new ResizeObserver(() => {
      for (const c of this.#at.values()) this.#size(c);
    }).observe(root);
  }

  // draw shows the charts of a state.
  draw(state) {
    for (const [id, c] of this.#at) {
      if (!state.charts.some((chart) => chart.id === id)) {
        c.plot?.destroy();
        c.figure.remove();
        this.#at.delete(id);
      }
    }
    let after = null;
    for (const chart of state.charts) {
      const c = this.#at.get(chart.id) ?? this.#open(chart);
      if (after ? after.nextSibling !== c.figure : this.#root.firstChild !== c.figure) {
        after ? after.after(c.figure) : this.#root.prepend(c.figure);
      }
      after = c.figure;
      this.#update(c, chart, state);
    }
  }

  // repaint makes all charts again, in the colours of the moment.
  repaint() {
    for (const c of this.#at.values()) {
      c.plot?.destroy();
      c.plot = null;
      if (c.last) this.#update(c, ...c.last);
    }
  }

  #open(chart) {
    const now = h("span", { class: "now" });
    const where = h("div", { class: "plot", role: "img", tabindex: "0" });
    const figure = h("figure", { id: `chart-${chart.id}`, class: chart.id === "parts" ? "wide" : null }, h("figcaption", {}, h("h3", {}, chart.title), now, h("span", { class: "soft" }, chart.about)), where);
    const c = { figure, now, where, plot: null, shape: "" };
    where.addEventListener("keydown", (event) => this.#keys(c, event));
    this.#at.set(chart.id, c);
    return c;
  }

  // #keys move the cursor through a chart's time.
  #keys(c, event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15 }[event.key];
    if (!by || !c.plot) return;
    event.preventDefault();
    const n = c.plot.data[0].length;
    c.cursor = Math.min(n - 1, Math.max(0, (c.cursor ?? n) + by));
    c.plot.setCursor({ left: c.plot.valToPos(c.plot.data[0][c.cursor], "x"), top: 10 });
  }

  #update(c, chart, state) {
    c.last = [chart, state];
    const shape = `${chart.limit}|${chart.lines.map((l) => l.name).join("|")}`;
    if (c.plot && c.shape !== shape) {
      c.plot.destroy();
      c.plot = null;
    }
    c.shape = shape;
    c.raw = chart.lines.map((l) => l.values);
    const data = [state.times, ...(chart.stacked ? stack(c.raw).reverse() : c.raw).map(spanned)];
    const newest = chart.lines.map((l) => `${l.name} ${of(chart.unit, latest(l.values))}`);
    c.where.setAttribute("aria-label", `${chart.title}: ${newest.slice(0, 6).join(", ")}${chart.limit_text ? `; objective ${chart.limit_text}` : ""}. Arrow keys move through time.`);
    c.now.textContent = headlineOf(chart);
    if (c.plot) {
      c.plot.setData(data);
      return;
    }
    c.plot = new uPlot(this.#options(c, chart, state), data, c.where);
    this.#size(c);
  }

  #size(c) {
    const width = c.where.clientWidth;
    if (c.plot && width > 0 && c.plot.width !== width) c.plot.setSize({ width, height });
  }

  #options(c, chart, state) {
    const soft = resolved("var(--soft)");
    const grid = { stroke: resolved("var(--grid)"), width: 1 };
    const ticks = { stroke: resolved("var(--line)"), width: 1, size: 4 };
    const font = '11px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';
    const lines = chart.lines.map((line, i) => this.#line(c, chart, line, i, state));
    if (chart.stacked) lines.reverse();
    const strokes = [null, ...lines.map((l) => l.stroke)];
    const series = [{ label: "at", value: (_, at) => (at ? new Date(at * 1000).toLocaleTimeString([], { hour12: false }) : "now") }];
    return {
      width: Math.max(200, c.where.clientWidth),
      height,
      padding: [8, 8, 0, 0],
      cursor: { sync: { key: "time", setSeries: false }, drag: { x: false, y: false }, points: { size: 6 }, y: false },
      legend: { live: true, markers: { width: 0, fill: (_, i) => strokes[i] } },
      scales: {
        x: { time: true, range: (_, min, max) => [Math.max(min, max - 900, 0) > max - 120 ? max - 120 : Math.max(min, max - 900), max] },
        y: { range: (_, min, max) => rangeOf(chart, min, max) },
      },
      axes: [
        { stroke: soft, grid: { show: false }, ticks, font, size: 28, space: 70, values: (_, at) => at.map((t) => new Date(t * 1000).toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" })) },
        { stroke: soft, grid, ticks: { show: false }, font, size: 56, space: 30, values: (_, at) => at.map((v) => of(chart.unit, v)) },
      ],
      series: series.concat(lines),
      hooks: { draw: [(u) => limitLine(u, chart)] },
    };
  }

  #line(c, chart, line, i, state) {
    let stroke = `var(--line-${i % 8})`;
    if (chart.id === "ends") stroke = ends[line.name] ?? stroke;
    if (chart.id === "parts") {
      const { part, stage } = partOf(line.name, state.stages);
      stroke = colour(part, stage);
    }
    const rgb = resolved(stroke);
    const value = (u, _, __, at) => {
      const values = c.raw[i];
      return of(chart.unit, at === null || at === undefined ? latest(values) : values[at]);
    };
    const points = { size: 4, fill: rgb, filter: (u, seriesIndex) => lonely(u.data[seriesIndex]) };
    if (chart.stacked) return { label: line.name, stroke: rgb, fill: rgb, width: 1, value, points: { show: false } };
    // Lines beyond the eighth repeat a colour with another dash.
    const dash = chart.lines.length > 1 && i > 0 ? [undefined, [6, 3], [2, 3], [8, 3, 2, 3]][(i + Math.floor(i / 8)) % 4] : undefined;
    return { label: line.name, stroke: rgb, width: 1.75, dash, value, points, fill: chart.lines.length === 1 ? faded(rgb, 0.12) : undefined };
  }
}

// latest is the newest value that a line has in its last steps.
function latest(values) {
  for (let i = values.length - 1; i >= Math.max(0, values.length - shortGap); i--) if (values[i] !== null) return values[i];
  return null;
}

// recent is the mean of a line's last steps.
function recent(values) {
  const some = values.slice(-5).filter((v) => v !== null);
  return some.length ? some.reduce((a, b) => a + b, 0) / some.length : 0;
}

// headlineOf is the number beside a chart's title.
function headlineOf(chart) {
  const now = chart.lines.map((l) => latest(l.values)).filter((v) => v !== null);
  if (now.length === 0) return "";
  if (chart.stacked) return of(chart.unit, chart.lines.reduce((sum, l) => sum + recent(l.values), 0));
  if (chart.id === "continuity") return of(chart.unit, Math.min(...now));
  if (chart.lines.length === 1 || ["inside", "ttfp", "e2e"].includes(chart.id)) return of(chart.unit, now[0]);
  return "";
}

// stack adds lines up, from the first one on.
function stack(lines) {
  const sums = new Array(lines[0]?.length ?? 0).fill(0);
  const any = sums.map((_, i) => lines.some((l) => l[i] !== null));
  return lines.map((values) => values.map((v, i) => (any[i] ? (sums[i] += v ?? 0) : null)));
}

// spanned lets a line go on over short gaps: what uPlot gets as undefined it
// draws over, null it does not.
function spanned(values) {
  const out = values.slice();
  let from = -1;
  values.forEach((v, i) => {
    if (v === null) return;
    if (from >= 0 && i - from > 1 && i - from <= shortGap) out.fill(undefined, from + 1, i);
    from = i;
  });
  return out;
}

// lonely are the points without a neighbour, which no line would show.
function lonely(values) {
  const list = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null || values[i] === undefined) continue;
    const before = i > 0 && values[i - 1] !== null;
    const after = i < values.length - 1 && values[i + 1] !== null;
    if (!before && !after) list.push(i);
  }
  return list;
}

// rangeOf is what a chart's axis spans: from 0, and up to the objective if that
// is near.
function rangeOf(chart, min, max) {
  if (chart.id === "continuity") return [Math.min(min ?? 1, chart.limit ?? 1) - 0.02, 1.005];
  let top = (max ?? 0) * 1.12;
  if (chart.limit && chart.limit < top * 2.5) top = Math.max(top, chart.limit * 1.12);
  return [0, top > 0 ? top : 1];
}

// limitLine draws the objective, or says that it is above all there is to see.
function limitLine(u, chart) {
  if (!chart.limit) return;
  const { ctx, bbox } = u;
  const above = chart.limit > u.scales.y.max;
  const y = Math.round(above ? bbox.top + 2 : u.valToPos(chart.limit, "y", true));
  if (y > bbox.top + bbox.height) return;
  const px = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = resolved("var(--bad)");
  ctx.lineWidth = px;
  ctx.setLineDash([5 * px, 4 * px]);
  if (!above) {
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.font = `${10.5 * px}px system-ui, "DejaVu Sans", sans-serif`;
  ctx.textAlign = "left";
  const low = above || y < bbox.top + 16 * px;
  ctx.textBaseline = low ? "top" : "bottom";
  ctx.globalAlpha = above ? 0.8 : 1;
  ctx.fillText(`${above ? "↑ " : ""}objective ${of(chart.unit, chart.limit)}`, bbox.left + 4 * px, y + (low ? 3 : -2) * px);
  ctx.restore();
}
