// Levels and parts: each has a word besides its colour, levels have a shape and
// parts a pattern.
import { h, s } from "./element.js";

const shapes = {
  fine: ["M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm-1 9.9 4.9-5-1.2-1.2L7 8.5 5.3 6.8 4.1 8Z", "within the objective"],
  tight: ["M8 1.5 15.5 14.5H.5ZM7.2 6v4.4h1.6V6Zm0 5.4V13h1.6v-1.6Z", "misses it a little"],
  bad: ["M5 1h6l4 4v6l-4 4H5l-4-4V5ZM5.1 4 4 5.1 6.9 8 4 10.9 5.1 12 8 9.1 10.9 12 12 10.9 9.1 8 12 5.1 10.9 4 8 6.9Z", "misses it by far"],
  idle: ["M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Zm0 1.6a4.4 4.4 0 1 0 0 8.8 4.4 4.4 0 0 0 0-8.8Z", "nothing to judge"],
};

// className is a level's class: "bad" is taken by text that says so.
export const className = (level) => (level === "bad" ? "bad-level" : level);

// path is a level's shape, in a box of 16 by 16.
export const path = (level) => s("path", { d: shapes[level][0], "fill-rule": "evenodd" });

// mark is a level's shape as an element of text.
export function mark(level) {
  const p = path(level);
  p.setAttribute("fill", `var(--${level})`);
  return h("span", { class: "mark", "aria-hidden": "true" }, s("svg", { viewBox: "0 0 16 16" }, p));
}

export const legend = () => Object.keys(shapes).map((level) => h("li", {}, mark(level), `${level}: ${shapes[level][1]}`));

// colour is a part's, by the position of its stage.
export function colour(part, stage) {
  if (part === "work") return `var(--stage-${Math.max(0, stage) % 4})`;
  if (part === "queue") return `var(--queue-${Math.max(0, stage) % 4})`;
  return `var(--${part})`;
}

// part takes a line of the chart of parts apart: "talker hop" is the hop of a
// stage.
export function partOf(name, stages) {
  const at = name.lastIndexOf(" ");
  if (at < 0) return { part: name, stage: -1 };
  return { part: name.slice(at + 1), stage: stages.findIndex((st) => st.name === name.slice(0, at)) };
}

export function swatch(part, stage) {
  const box = h("span", { class: `swatch p-${part}`, "aria-hidden": "true" });
  box.style.backgroundColor = colour(part, stage);
  return box;
}
