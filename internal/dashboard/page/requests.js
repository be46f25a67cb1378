// The requests that are worth a look: the slowest, and those that failed.
import { $, h } from "./element.js";
import { swatch, colour } from "./levels.js";
import { clock, dash, number, percent, seconds } from "./units.js";

const few = 10; // rows that are shown until all are asked for

const columns = ["ended", "request", "route", "end", "end to end", "first packet", "RTF", "underrun", "where its time went"];

export class Requests {
  #which = "slow";
  #all = false; // rows are shown
  #open = new Set(); // ids of rows that are unfolded
  #body = null;
  #stages = [];

  constructor() {
    for (const tab of tabs()) {
      tab.addEventListener("click", () => this.#choose(tab));
      tab.addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        const other = tabs().find((t) => t !== tab);
        this.#choose(other);
        other.focus();
      });
    }
    $("list").addEventListener("keydown", (event) => this.#keys(event));
  }

  #choose(tab) {
    for (const t of tabs()) {
      t.setAttribute("aria-selected", t === tab);
      t.tabIndex = t === tab ? 0 : -1;
    }
    this.#which = tab.id.replace("tab-", "");
    $("list").setAttribute("aria-labelledby", tab.id);
    this.#draw();
  }

  // show takes the requests of a state; body is null where nobody tells of any.
  show(body, stages) {
    if (body === this.#body) return;
    this.#body = body;
    this.#stages = stages.map((st) => st.name);
    $("tab-slow").textContent = `Slowest (${body.slow.length})`;
    $("tab-failed").textContent = `Failed (${body.failed.length})`;
    this.#legend();
    this.#draw();
  }

  #stage(p) {
    return p.stage ? Math.max(0, this.#stages.indexOf(p.stage)) : -1;
  }

  #legend() {
    const seen = new Map();
    for (const q of [...this.#body.slow, ...this.#body.failed]) for (const p of q.parts ?? []) if (p.seconds > 0.01 * q.e2e) seen.set(`${p.stage ?? ""} ${p.part}`, p);
    const rank = (p) => (p.stage ? 10 + 3 * this.#stage(p) + ["hop", "queue", "work"].indexOf(p.part) : { receive: 0, admission: 1, encode: 90, write: 91, residual: 92 }[p.part]);
    const order = [...seen].sort(([, a], [, b]) => rank(a) - rank(b));
    $("parts").replaceChildren(...order.map(([name, p]) => h("li", {}, swatch(p.part, this.#stage(p)), name.trim())));
  }

  #draw() {
    const list = this.#body?.[this.#which] ?? [];
    if (list.length === 0) {
      $("list").replaceChildren(h("p", { class: "empty" }, this.#which === "slow"
        ? "No request ended in the last 15 minutes. Send one, from the page at /play for instance, and see here where its time went."
        : "No request failed since the server's start: none ended as an error, and no client left early."));
      return;
    }
    const focused = document.activeElement?.closest?.("tr.request")?.dataset.id;
    const rows = list.slice(0, this.#all ? list.length : few).flatMap((q) => this.#rows(q));
    $("list").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...columns.map((c, i) => h("th", { scope: "col", class: i < 4 || i === 8 ? "left" : null }, c)))), h("tbody", {}, ...rows)), ...(list.length > few ? [this.#fold(list.length)] : []));
    const all = this.#rowsShown();
    const at = all.find((r) => r.dataset.id === focused);
    (at ?? all[0]).tabIndex = 0;
    at?.focus({ preventScroll: true });
  }

  #fold(n) {
    return h("button", { type: "button", class: "fold", onclick: () => {
      this.#all = !this.#all;
      this.#draw();
      $("list").querySelector(".fold").focus();
    } }, this.#all ? `Show the first ${few}` : `Show all ${n}`);
  }

  #rows(q) {
    const open = this.#open.has(q.id);
    const late = q.underrun > 0.1;
    const row = h("tr", { class: "request", tabindex: "-1", "data-id": q.id, "aria-expanded": String(open) },
      h("td", { class: "left", "data-label": "ended" }, clock(q.ended)),
      h("td", { class: "left id" }, h("code", { title: q.id }, q.id.length > 14 ? `${q.id.slice(0, 13)}…` : q.id)),
      h("td", { class: "left", "data-label": "route" }, `${q.route.replace("/v1/", "")}${q.streamed ? " ⇉" : ""}`),
      h("td", { class: "left", "data-label": "end" }, h("span", { class: `reason ${q.reason}` }, q.reason), q.failed ? ` ${q.failed}: ${q.cause}` : ""),
      h("td", { "data-label": "end to end" }, seconds(q.e2e)),
      h("td", { "data-label": "first packet" }, seconds(q.ttfp)),
      h("td", { "data-label": "RTF", class: q.rtf >= 1 ? "bad" : null }, number(q.rtf)),
      h("td", { "data-label": "underrun", class: late ? "bad" : null }, seconds(q.underrun)),
      h("td", { class: "bar" }, this.#bar(q)));
    row.addEventListener("click", () => this.#toggle(row, q));
    return open ? [row, this.#more(q)] : [row];
  }

  #bar(q) {
    const parts = q.parts ?? [];
    const sum = parts.reduce((n, p) => n + p.seconds, 0);
    const text = [...parts].sort((a, b) => b.seconds - a.seconds).slice(0, 3).map((p) => `${p.stage ?? ""} ${p.part} ${percent(p.seconds / sum)}`.trim()).join(", ");
    return h("div", { class: "bars", role: "img", "aria-label": text || "nothing known", title: text }, ...parts.map((p) => {
      const i = h("i", { class: `p-${p.part}` });
      i.style.flex = `${p.seconds / sum} 0 0`;
      i.style.backgroundColor = colour(p.part, this.#stage(p));
      return i;
    }));
  }

  #more(q) {
    const parts = q.parts ?? [];
    const sum = parts.reduce((n, p) => n + p.seconds, 0);
    return h("tr", { class: "more" }, h("td", { colspan: columns.length },
      h("p", {}, h("code", {}, q.id), ` · ${q.route}, ${q.streamed ? "streamed" : "whole"}`, q.audio ? ` · ${seconds(q.audio)} of sound` : ""),
      q.failed ? h("p", { class: "bad" }, `Failed at ${q.failed} (replica ${q.failed_replica}): ${q.cause_text}.`) : null,
      q.reason === "abort" ? h("p", { class: "soft" }, "The client left before the reply was whole.") : null,
      h("ul", { class: "more-parts" }, ...parts.map((p) => h("li", {}, swatch(p.part, this.#stage(p)), `${p.stage ? `${p.stage} ${p.replica} ` : ""}${p.part}`, h("b", {}, seconds(p.seconds)), h("small", {}, sum > 0 ? percent(p.seconds / sum) : dash))))));
  }

  #toggle(row, q) {
    this.#rowsShown().forEach((r) => (r.tabIndex = r === row ? 0 : -1));
    if (this.#open.delete(q.id)) row.nextSibling.remove();
    else {
      this.#open.add(q.id);
      row.after(this.#more(q));
    }
    row.setAttribute("aria-expanded", String(this.#open.has(q.id)));
  }

  #rowsShown() {
    return [...$("list").querySelectorAll("tr.request")];
  }

  #keys(event) {
    const row = event.target.closest?.("tr.request");
    if (!row) return;
    const all = this.#rowsShown();
    const at = all.indexOf(row);
    if (event.key === "Enter" || event.key === " ") row.click();
    else {
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (to === undefined) return;
      const next = all[Math.min(all.length - 1, Math.max(0, to))];
      all.forEach((r) => (r.tabIndex = r === next ? 0 : -1));
      next.focus();
    }
    event.preventDefault();
  }
}

const tabs = () => [$("tab-slow"), $("tab-failed")];
