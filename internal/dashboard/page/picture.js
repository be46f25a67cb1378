// The picture of the pipeline: stages with their replicas, and the hops between
// them. It is one stop of the Tab key; arrow keys go from part to part.
import { $, h, s } from "./element.js";
import { className, mark, path } from "./levels.js";
import { bytes, number, percent, rate, seconds } from "./units.js";

const wide = 820; // from this width on stages stand side by side
const mostNodes = 6; // replicas of a stage that are drawn

const box = { w: 196, h: 86, gap: 16 };

export class Picture {
  #svg = $("picture");
  #chosen = "";
  #mine = false; // the viewer chose it
  #parts = []; // in the order of the arrow keys: {id, node, show}
  #state = null;

  constructor() {
    this.#svg.addEventListener("keydown", (event) => this.#keys(event));
    let width = 0;
    new ResizeObserver(() => {
      if (this.#svg.clientWidth !== width && this.#state) this.draw(this.#state);
      width = this.#svg.clientWidth;
    }).observe(this.#svg);
  }

  draw(state) {
    this.#state = state;
    const focused = document.activeElement?.closest?.("#picture [data-id]")?.dataset.id;
    const width = this.#svg.clientWidth || 320;
    const plan = width >= wide ? across(state.stages, width) : down(state.stages, width);
    this.#parts = [];
    const edges = s("g");
    const labels = s("g");
    const nodes = s("g");
    const heads = s("g");
    for (const [i, stage] of plan.stages.entries()) {
      heads.append(s("text", { class: "stage-name", x: stage.x, y: stage.y }, stage.of.name === `stage ${stage.of.id}` ? stage.of.name : `${stage.of.id} ${stage.of.name}`));
      const note = i === 0 ? inFront(state) : failures(stage.of);
      if (note) heads.append(s("text", { class: i === 0 ? "quiet" : "quiet failures", x: stage.x + stage.w, y: stage.y, "text-anchor": "end" }, note));
      for (const place of stage.places) nodes.append(this.#node(stage, place));
      if (stage.more) nodes.append(s("text", { class: "quiet", x: stage.more.x, y: stage.more.y }, stage.more.text));
    }
    this.#edges(state, plan, edges, labels);
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${plan.height}`);
    this.#svg.setAttribute("height", plan.height);
    this.#svg.replaceChildren(edges, heads, nodes, labels);
    const has = (id) => this.#parts.some((p) => p.id === id);
    if (!has(this.#chosen)) this.#mine = false;
    if (!this.#mine) this.#chosen = has(`replica ${state.headline.about}`) ? `replica ${state.headline.about}` : worst(this.#parts);
    for (const p of this.#parts) p.node.setAttribute("tabindex", p.id === this.#chosen ? "0" : "-1");
    this.#show(this.#chosen);
    if (focused) this.#parts.find((p) => p.id === focused)?.node.focus({ preventScroll: true });
  }

  #add(id, level, node, show, order = this.#parts.length) {
    node.dataset.id = id;
    node.addEventListener("focus", () => this.#choose(id));
    node.addEventListener("click", () => node.focus({ preventScroll: true }));
    this.#parts.push({ id, level, node, show, order });
    return node;
  }

  #choose(id) {
    this.#mine = true;
    this.#chosen = id;
    for (const p of this.#parts) p.node.setAttribute("tabindex", p.id === id ? "0" : "-1");
    this.#show(id);
  }

  #show(id) {
    for (const p of this.#parts) p.node.toggleAttribute("aria-current", false);
    const part = this.#parts.find((p) => p.id === id);
    part?.node.setAttribute("aria-current", "true");
    const detail = $("detail");
    const fresh = part ? part.show() : [];
    const text = fresh.map((n) => n.textContent ?? n).join("");
    if (detail.textContent !== text || detail.dataset.of !== id) detail.replaceChildren(...fresh);
    detail.dataset.of = id;
    detail.className = className(part?.level ?? "idle");
  }

  #keys(event) {
    const at = this.#parts.findIndex((p) => p.id === this.#chosen);
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    let to = by ? at + by : { Home: 0, End: this.#parts.length - 1 }[event.key];
    if (to === undefined || this.#parts.length === 0) return;
    event.preventDefault();
    to = Math.min(this.#parts.length - 1, Math.max(0, to));
    this.#parts[to].node.focus({ preventScroll: true });
  }

  #node(stage, { x, y, w, h: tall, replica: r }) {
    const lines = nodeLines(stage.of, r, w);
    const name = `${stage.of.id}/${r.id}`;
    const share = r.places > 0 && r.requests !== null ? Math.min(1, r.requests / r.places) : null;
    const g = s("g", {
      class: `node ${className(r.level)}`, role: "img", transform: `translate(${x} ${y})`,
      "aria-label": `replica ${name} of ${stage.of.name}: ${r.level}${r.state ? `, ${r.state}` : ""}, ${lines.join(", ")}${r.why ? `; ${r.why}` : ""}`,
    },
      s("rect", { class: "box", width: w, height: tall, rx: 9 }),
      s("rect", { class: "stripe", width: 5, height: tall - 16, x: 0, y: 8, rx: 2.5 }),
      s("g", { class: "level-mark", transform: "translate(13 9)" }, path(r.level)),
      s("text", { class: "name", x: 34, y: 22 }, name),
      w > 120 ? s("text", { class: "quiet", x: w - 10, y: 22, "text-anchor": "end" }, r.state && r.state !== "ready" ? r.state : r.level) : null,
      ...lines.map((text, i) => s("text", { x: 13, y: 41 + 16 * i, class: i === 0 ? "" : "quiet" }, text)),
      share === null ? null : s("rect", { class: "track", x: 13, y: tall - 9, width: w - 26, height: 3, rx: 1.5 }),
      share === null ? null : s("rect", { class: "load", x: 13, y: tall - 9, width: Math.max(share > 0 ? 3 : 0, (w - 26) * share), height: 3, rx: 1.5 }),
    );
    return this.#add(`replica ${name}`, r.level, g, () => replicaDetail(stage.of, r));
  }

  #edges(state, plan, edges, labels) {
    const at = new Map();
    for (const stage of plan.stages) for (const p of stage.places) at.set(`${stage.of.id}/${p.replica.id}`, { ...p, column: plan.stages.indexOf(stage) });
    const hops = state.hops.map((hop) => ({ hop, from: at.get(`${hop.from_stage}/${hop.from_replica}`), to: at.get(`${hop.to_stage}/${hop.to_replica}`) })).filter((e) => e.from && e.to).map((e, i) => ({ ...e, order: 1000 + i }));
    const busiest = Math.max(1e-9, ...hops.map((e) => e.hop.rate));
    // A label stands on its own curve where it hides no other one; the worst hops
    // choose first.
    const taken = [];
    for (const e of hops.sort((a, b) => rank(b.hop) - rank(a.hop))) this.#edge(e, plan, busiest, taken, edges, labels);
    this.#parts.sort((a, b) => a.order - b.order);
  }

  #edge({ hop, from, to, order }, plan, busiest, taken, edges, labels) {
    const name = `${hop.from_stage}/${hop.from_replica} → ${hop.to_stage}/${hop.to_replica}`;
    const curve = plan.curve(from, to);
    const thick = 1.5 + 3.5 * Math.sqrt(hop.rate / busiest);
    const g = s("g", {
      class: `edge ${className(hop.level)}`, role: "img",
      "aria-label": `hop ${name}: ${hop.level}, ${hop.rate > 0 ? `${rate(hop.rate)}, ${seconds(hop.time)} each, ${bytes(hop.size)}` : "nothing in the last minute"}${hop.why ? `; ${hop.why}` : ""}`,
    }, s("path", { class: "line", d: curve.d, "stroke-width": thick }), s("path", { class: "reach", d: curve.d }));
    if (hop.rate > 0) {
      const flow = s("path", { class: "flow", d: curve.d, "stroke-width": thick });
      flow.style.animationDuration = `${Math.max(0.5, 2.4 - Math.log10(1 + hop.rate))}s`;
      g.append(flow);
    }
    edges.append(this.#add(`hop ${name}`, hop.level, g, () => hopDetail(name, hop), order));
    if (!(hop.rate > 0)) return;
    const marked = hop.level === "tight" || hop.level === "bad";
    const text = `${rate(hop.rate)} · ${seconds(hop.time)}`;
    const size = { w: 5.9 * text.length + 13 + (marked ? 16 : 0), h: 20 };
    const at = room(curve, size, taken, plan);
    if (!at) return;
    labels.append(s("g", { class: `label ${className(hop.level)}`, transform: `translate(${at.x} ${at.y})` },
      s("rect", { width: size.w, height: size.h, rx: 10 }),
      marked ? s("g", { class: "level-mark", transform: "translate(6 4) scale(.75)" }, path(hop.level)) : null,
      s("text", { x: marked ? 21 : 6, y: 14 }, text)));
  }
}

// room finds a place on a curve for a label that hides no other one.
function room({ x1, y1, x2, y2, bends }, { w, h: tall }, taken, plan) {
  const [bx1, by1, bx2, by2] = bends;
  for (const t of [0.5, 0.36, 0.64, 0.27, 0.73, 0.2, 0.8]) {
    const u = 1 - t;
    const on = (a, b, c, d) => u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
    const x = clamp(on(x1, bx1, bx2, x2) - w / 2, 0, plan.width - w);
    const y = on(y1, by1, by2, y2) - tall / 2;
    if (taken.some((r) => x < r.x + r.w + 4 && r.x < x + w + 4 && y < r.y + r.h + 2 && r.y < y + tall + 2)) continue;
    const spot = { x, y, w, h: tall };
    taken.push(spot);
    return spot;
  }
  return null;
}

const rank = (hop) => ({ bad: 3e9, tight: 2e9, fine: 1e9, idle: 0 }[hop.level] + (hop.share ?? 0) * 1e6 + (hop.time ?? 0));

// worst is the part that is shown when nobody has chosen one.
function worst(parts) {
  const order = ["bad", "tight", "fine", "idle"];
  return order.map((level) => parts.find((p) => p.level === level)).find(Boolean)?.id ?? "";
}

function inFront(state) {
  const { running, waiting } = state.totals;
  if (waiting === null && running === null) return "";
  return waiting > 0 ? `${number(waiting)} wait in front` : "none waits";
}

const failures = (stage) => (stage.failures ? `${number(stage.failures.reduce((n, f) => n + f.count, 0))} failed` : "");

// nodeLines is what a replica's box says: of each line the longest form that
// there is room for.
function nodeLines(stage, r, w) {
  const fitting = (...forms) => forms.find((f) => 6.3 * f.length <= w - 22) ?? forms.at(-1);
  const lines = [];
  const has = r.requests ?? r.running;
  if (has !== null) {
    const of = r.places ? ` of ${number(r.places)}` : "";
    const wait = r.waiting > 0 ? `, ${number(r.waiting)} wait` : "";
    lines.push(fitting(`${number(has)}${of} requests${wait}`, `${number(has)}${of} requests`, `${number(has)}${of}`));
  }
  const first = r.ttft ?? r.first_output;
  if (stage.speaks) {
    lines.push(fitting(`RTF ${number(r.rtf)} · first packet ${seconds(r.ttfp)}`, `RTF ${number(r.rtf)} · first ${seconds(r.ttfp)}`, `RTF ${number(r.rtf)}`));
  } else if (r.tokens !== null) {
    lines.push(fitting(`first token ${seconds(first)} · ${number(r.tokens)} tok/s`, `${seconds(first)} · ${number(r.tokens)} tok/s`, seconds(first)));
  } else if (first !== null) {
    lines.push(fitting(`first output ${seconds(first)}`, seconds(first)));
  }
  return lines;
}

const pair = (name, value) => h("span", {}, `${name} `, h("em", {}, value));

function replicaDetail(stage, r) {
  const list = [h("b", {}, mark(r.level), ` replica ${stage.id}/${r.id}${stage.name.startsWith("stage ") ? "" : ` · ${stage.name}`}`)];
  const add = (name, v, text) => v !== null && v !== undefined && list.push(pair(name, text(v)));
  if (r.state) list.push(pair("state", r.state));
  add("requests", r.requests, (v) => `${number(v)}${r.places !== null ? ` of ${number(r.places)} places` : ""}`);
  add("running", r.running, number);
  add("waiting", r.waiting, number);
  add("KV cache", r.kv, percent);
  add("prefix hits", r.hits, percent);
  add("tokens", r.tokens, rate);
  add("first token", r.ttft, seconds);
  add("first output", r.first_output, seconds);
  add("first packet", r.ttfp, seconds);
  add("RTF", r.rtf, number);
  add("sound", r.audio, (v) => `${number(v)} s a second`);
  add("without a gap", r.continuity, (v) => `${percent(v)} of ${number(r.heard)}`);
  if (r.page_age > 0) list.push(pair("its page is", `${seconds(r.page_age)} old`));
  if (r.why) list.push(h("p", {}, r.why));
  return list;
}

function hopDetail(name, hop) {
  const list = [h("b", {}, mark(hop.level), ` hop ${name}`)];
  if (!(hop.rate > 0)) return [...list, pair("nothing", "in the last minute")];
  list.push(pair("hops", rate(hop.rate)), pair("size", bytes(hop.size)), pair("sending", seconds(hop.tx)), pair("in flight", seconds(hop.in_flight)), pair("receiving", seconds(hop.rx)));
  if (hop.slow !== null) list.push(pair("its slowest part, 95 %", seconds(hop.slow)));
  if (hop.share !== null) list.push(pair("of requests' time", percent(hop.share)));
  if (hop.why) list.push(h("p", {}, hop.why));
  return list;
}

// shown are the replicas that are drawn: all, or the worst ones.
function shown(replicas, most) {
  if (replicas.length <= most) return replicas;
  const order = ["bad", "tight", "fine", "idle"];
  return [...replicas].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level)).slice(0, most);
}

// across puts the stages side by side.
function across(stages, width) {
  const n = stages.length;
  const w = Math.min(228, Math.max(170, (width - (n - 1) * 130) / n));
  const gap = n > 1 ? (width - n * w) / (n - 1) : 0;
  const tallest = Math.max(1, ...stages.map((st) => Math.min(mostNodes, st.replicas.length)));
  const top = 26;
  const height = top + tallest * (box.h + box.gap) + (stages.some((st) => st.replicas.length > mostNodes) ? 16 : 0);
  const plan = { width, height, stages: [] };
  stages.forEach((of, i) => {
    const list = shown(of.replicas, mostNodes);
    const x = n > 1 ? i * (w + gap) : (width - w) / 2;
    const free = (tallest - list.length) * (box.h + box.gap) / 2;
    const places = list.map((replica, k) => ({ x, y: top + free + k * (box.h + box.gap), w, h: box.h, replica }));
    const more = of.replicas.length > list.length ? { x, y: height - 4, text: `and ${of.replicas.length - list.length} more, in the table below` } : null;
    plan.stages.push({ of, x, y: 14, w, places, more });
  });
  plan.curve = (a, b) => {
    const [x1, y1, x2, y2] = [a.x + a.w + 1, a.y + a.h / 2, b.x - 1, b.y + b.h / 2];
    const bend = (x2 - x1) * 0.45;
    return { d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, x1, y1, x2, y2, bends: [x1 + bend, y1, x2 - bend, y2] };
  };
  return plan;
}

// down puts the stages one below the other, for a phone.
function down(stages, width) {
  const gap = 8;
  const most = Math.max(2, Math.min(4, Math.floor(width / 84)));
  const between = 74;
  const plan = { width, height: 0, stages: [] };
  let y = 14;
  for (const of of stages) {
    const list = shown(of.replicas, most);
    const w = (width - gap * (Math.max(1, list.length) - 1)) / Math.max(1, list.length);
    const tall = list.length > 2 ? 80 : box.h;
    const places = list.map((replica, k) => ({ x: k * (w + gap), y: y + 10, w, h: tall, replica }));
    const more = of.replicas.length > list.length ? { x: 0, y: y + 10 + tall + 14, text: `and ${of.replicas.length - list.length} more, in the table below` } : null;
    plan.stages.push({ of, x: 0, y, w: width, places, more });
    y += 10 + tall + between;
  }
  plan.height = Math.max(40, y - between + 8);
  plan.curve = (a, b) => {
    const [x1, y1, x2, y2] = [a.x + a.w / 2, a.y + a.h + 1, b.x + b.w / 2, b.y - 22];
    return { d: `M${x1} ${y1}C${x1} ${y1 + 26} ${x2} ${y2 - 26} ${x2} ${y2}`, x1, y1, x2, y2, bends: [x1, y1 + 26, x2, y2 - 26] };
  };
  return plan;
}

const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

// tables say what the picture shows, for whoever would rather read.
export function tables(state) {
  const head = (...names) => h("thead", {}, h("tr", {}, ...names.map((n, i) => h("th", { scope: "col", class: i === 0 ? "left" : null }, n))));
  const row = (level, name, ...cells) => h("tr", {}, h("td", { class: "left" }, mark(level), name), ...cells.map((c) => h("td", {}, c)));
  $("replicas").replaceChildren(
    head("replica", "state", "requests", "running", "waiting", "KV", "tok/s", "first token", "first packet", "RTF", "without a gap"),
    h("tbody", {}, ...state.stages.flatMap((st) => st.replicas.map((r) => row(r.level, `${st.id}/${r.id} ${st.name.startsWith("stage ") ? "" : st.name}`, r.state || "–", number(r.requests), number(r.running), number(r.waiting), percent(r.kv), number(r.tokens), seconds(r.ttft), seconds(r.ttfp), number(r.rtf), percent(r.continuity))))));
  $("hops").replaceChildren(
    head("hop", "hops", "size", "sending", "in flight", "receiving", "of requests' time"),
    h("tbody", {}, ...state.hops.map((p) => row(p.level, `${p.from_stage}/${p.from_replica} → ${p.to_stage}/${p.to_replica}`, rate(p.rate), bytes(p.size), seconds(p.tx), seconds(p.in_flight), seconds(p.rx), percent(p.share)))));
}
