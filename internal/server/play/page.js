// The page: a form, a request, and what is heard of its reply.
import { Chart } from "./chart.js";
import { threshold } from "./continuity.js";
import { Listener } from "./listener.js";
import { KeyNeeded, ask, chat, speech } from "./reply.js";
import { Speaker } from "./speaker.js";

const $ = (id) => document.getElementById(id);
const chart = new Chart($("chart"));
let current = null; // the request that is under way or was last: {abort, speaker, listener, start}

// state is what the page is doing: idle, asking, playing, done or failed. It is
// on the document for those who watch the page.
function state(name, message) {
  document.documentElement.dataset.state = name;
  $("status").textContent = message;
  $("status").className = name;
  const busy = name === "asking" || name === "playing";
  $("go").disabled = busy;
  $("stop").disabled = !busy;
}

// describe asks what is served, which voices it has, and whether a key is needed.
async function describe() {
  try {
    const reply = await ask("v1/models", { key: $("key").value });
    const model = (await reply.json()).data[0];
    $("model").textContent = model.id;
    $("model").title = model.description ?? "";
    const chosen = $("voice").value;
    $("voice").replaceChildren(...model.limelight.voices.map((name) => new Option(name, name, false, name === chosen)));
    state("idle", model.description ?? "");
  } catch (error) {
    if (error instanceof KeyNeeded) $("keyed").hidden = false;
    state("failed", error instanceof KeyNeeded && !$("key").value ? "This server asks for an API key." : error.message);
  }
}

async function start() {
  stop();
  const request = {
    text: $("text").value,
    voice: $("voice").value || undefined,
    key: $("key").value,
  };
  const abort = new AbortController();
  const speaker = new Speaker();
  const listener = new Listener();
  const mine = (current = { abort, speaker, listener, start: performance.now() });
  $("words").textContent = "";
  $("words").hidden = true;
  $("result").hidden = false;
  show(listener);
  state("asking", "Waiting for the first sound…");
  requestAnimationFrame(tick);
  try {
    const mode = document.querySelector("input[name=mode]:checked").value;
    for await (const piece of { speech, chat }[mode]({ ...request, signal: abort.signal })) {
      if (piece.text) {
        $("words").hidden = false;
        $("words").textContent += piece.text;
        continue;
      }
      listener.hear(piece);
      await speaker.play(piece);
      mine.fresh = true; // drawn with the next frame
      if (document.documentElement.dataset.state === "asking") state("playing", "Playing…");
    }
    show(listener);
    await speaker.quiet();
    if (current !== mine || abort.signal.aborted) return;
    state(...verdict(listener));
  } catch (error) {
    if (abort.signal.aborted) return;
    if (error instanceof KeyNeeded) $("keyed").hidden = false;
    show(listener);
    state("failed", error.message);
  } finally {
    chart.now(-1);
    await speaker.close();
  }
}

// verdict says how a sound that came whole was.
function verdict(listener) {
  if (listener.seconds === 0) return ["failed", "The reply has no sound."];
  if (listener.peak < 1e-3) return ["failed", "The sound is silent."];
  if (listener.underrun > threshold) return ["done", `Gaps are heard: the sound came up to ${ms(listener.underrun)} late.`];
  return ["done", "No gap to be heard."];
}

// stop ends the request that is under way.
function stop() {
  if (!current || $("stop").disabled) return;
  current.abort.abort();
  current.speaker.close();
  show(current.listener);
  state("idle", "Stopped.");
}

// tick draws once a frame while something plays.
function tick() {
  if (!current || $("stop").disabled) return;
  if (current.fresh) show(current.listener);
  current.fresh = false;
  chart.now((performance.now() - current.start) / 1000);
  requestAnimationFrame(tick);
}

const ms = (seconds) => `${Math.round(1000 * seconds)} ms`;
const s = (seconds) => `${seconds.toFixed(2)} s`;

function show(listener) {
  const some = listener.seconds > 0;
  $("ttfp").textContent = some ? ms(listener.ttfp) : "–";
  $("sound").textContent = some ? s(listener.seconds) : "–";
  $("rtf").textContent = some ? (listener.took / listener.seconds).toFixed(2) : "–";
  $("underrun").textContent = some ? ms(listener.underrun) : "–";
  $("underrun").className = listener.underrun > threshold ? "bad" : "good";
  $("level").textContent = some ? `${(20 * Math.log10(listener.peak)).toFixed(1)} dBFS` : "–";
  $("chunks").replaceChildren(...listener.chunks.map(row));
  chart.draw(listener);
}

function row(chunk, i) {
  const tr = document.createElement("tr");
  if (chunk.late > 0) tr.className = "late";
  const needed = i === 0 ? "–" : ms(chunk.needed);
  for (const text of [i + 1, ms(chunk.at), needed, s(chunk.seconds), chunk.late > 0 ? ms(chunk.late) : "–"]) tr.insertCell().textContent = text;
  return tr;
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
$("stop").addEventListener("click", stop);
$("key").addEventListener("change", describe);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stop();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === $("text")) $("ask").requestSubmit($("go"));
});
new ResizeObserver(() => current && chart.draw(current.listener)).observe($("chart"));
describe();
