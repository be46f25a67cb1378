// The page: it asks for what is new once a step, and draws it.
import { Charts } from "./charts.js";
import { $, h } from "./element.js";
import { Feed, KeyNeeded } from "./feed.js";
import { className, legend, mark } from "./levels.js";
import { Picture, tables } from "./picture.js";
import { Requests } from "./requests.js";
import { bytes, number, percent, rate } from "./units.js";

const feed = new Feed();
const charts = new Charts($("charts"));
const picture = new Picture();
const requests = new Requests();
let timer = 0;

$("levels").replaceChildren(...legend());

// live says how the page's own connection does.
function live(state, text) {
  $("live").dataset.live = state;
  $("live").lastElementChild.textContent = text;
}

async function look() {
  clearTimeout(timer);
  let wait = 2;
  try {
    const state = await feed.next();
    wait = state.interval;
    const worth = await feed.requests();
    $("keyed").hidden = true;
    live(state.problem ? "lost" : state.off ? "off" : "on", state.problem ? "the page can't be read" : state.off ? "off" : `live, every ${number(state.interval)} s`);
    draw(state, worth);
    document.documentElement.dataset.state = "drawn";
  } catch (error) {
    if (error instanceof KeyNeeded) {
      live("off", "waits for a key");
      $("headline").hidden = $("shown").hidden = true;
      $("refused").textContent = error.message;
      if ($("keyed").hidden) {
        $("keyed").hidden = false;
        $("key").focus();
      }
      document.documentElement.dataset.state = "keyed";
      return; // until a key is given
    }
    live("lost", `connection lost: ${error.message}`);
    document.documentElement.dataset.state = "lost";
  }
  if (!document.hidden) timer = setTimeout(look, 1000 * wait);
}

function draw(state, worth) {
  $("headline").hidden = false;
  $("model").textContent = state.address ? `${state.model} · ${state.address}` : state.model;
  document.title = `${{ bad: "✕ ", tight: "△ " }[state.headline.level] ?? ""}${state.model || "Limelight"}: live`;
  headline(state);
  const some = state.stages.length > 0 || state.goals.some((g) => g.events > 0) || state.charts.length > 0;
  $("shown").hidden = Boolean(state.off) || !some;
  for (const link of document.querySelectorAll("nav a")) link.hidden = $("shown").hidden;
  if ($("shown").hidden) return;
  goals(state.goals);
  $("pipeline-about").textContent = `the last ${state.window >= 50 ? "minute" : `${Math.round(state.window)} s`}; times are 95th percentiles`;
  picture.draw(state);
  tables(state);
  charts.draw(state);
  $("left-out").textContent = state.left_out ? `${state.left_out} further series of the page are left out: there is room for so many.` : "";
  $("requests").hidden = $("to-requests").hidden = worth === null;
  if (worth) requests.show(worth, state.stages);
}

function headline({ headline: { level, text, why }, totals }) {
  const box = $("headline");
  if (box.dataset.level !== level || !box.className) {
    box.dataset.level = level;
    box.className = className(level);
    box.querySelector(".mark").replaceWith(mark(level));
  }
  $("headline-text").textContent = text;
  $("headline-why").textContent = why ?? "";
  // Screen readers say it when something else is wrong, not for another number.
  const news = text.replace(/[\d.,]+/g, "#");
  if ($("said").dataset.news !== news) $("said").textContent = `${level}: ${text}`;
  $("said").dataset.news = news;
  const list = [
    ["running", totals.running, number], ["waiting", totals.waiting, number], ["requests", totals.rate, rate], ["tokens", totals.tokens, rate],
    ["sound", totals.audio, (v) => `${number(v)} s/s`], ["cores", totals.cpu, number], ["memory", totals.memory, bytes],
  ].filter(([, v]) => v !== null && v !== undefined);
  $("totals").replaceChildren(...list.map(([name, v, text]) => h("div", {}, h("dt", {}, name), h("dd", {}, text(v)))));
}

function goals(list) {
  $("goals").replaceChildren(...list.map((g) => {
    const bar = h("i");
    // The meter's scale shows what matters: the last ten times the budget.
    const from = Math.max(0, 1 - 10 * (1 - g.target));
    bar.style.width = `${100 * Math.max(0.02, Math.min(1, ((g.good ?? 0) - from) / (1 - from)))}%`;
    return h("div", { class: `goal ${className(g.level)}`, role: "group", "aria-label": `${g.title}: ${g.level}` },
      h("h3", {}, mark(g.level), g.title, h("b", {}, g.level)),
      h("div", { class: "value" }, percent(g.good), h("small", {}, g.events > 0 ? ` of ${number(g.events)}` : " none yet")),
      h("p", {}, g.text),
      h("div", { class: "meter", "aria-hidden": "true" }, g.good === null ? null : bar));
  }));
}

// Colours: as the system has them, or the viewer's choice.
const themes = { system: ["◐", "as the system has them"], light: ["☀", "light"], dark: ["☾", "dark"] };
function theme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  $("theme").textContent = themes[name][0];
  $("theme").setAttribute("aria-label", `Colours: ${themes[name][1]}`);
  $("theme").title = `Colours: ${themes[name][1]}`;
  $("theme").dataset.now = name;
  try {
    localStorage.setItem("limelight-theme", name);
  } catch {
    // a browser that keeps nothing
  }
  charts.repaint();
}
$("theme").addEventListener("click", () => {
  const names = Object.keys(themes);
  theme(names[(names.indexOf($("theme").dataset.now) + 1) % names.length]);
});
let chosen = "system";
try {
  chosen = localStorage.getItem("limelight-theme") ?? chosen;
} catch {
  // the same
}
theme(themes[chosen] ? chosen : "system");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.repaint());

$("keyed").addEventListener("submit", (event) => {
  event.preventDefault();
  feed.key = $("key").value;
  look();
});
document.addEventListener("visibilitychange", () => document.hidden || look());
look();
