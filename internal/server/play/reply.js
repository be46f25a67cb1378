// What the server replies, as it comes: pieces of sound ({at, rate, samples})
// and of text ({at, text}), at in seconds since the request. A reply that breaks
// off ends in an error.
import { WAV } from "./wav.js";

// KeyNeeded is the error of a server that asks for another API key.
export class KeyNeeded extends Error {}

// ask sends a request to a path below the page's own.
export async function ask(path, { key, body, signal } = {}) {
  const headers = {};
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const reply = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal, cache: "no-store" });
  if (reply.ok) return reply;
  const text = await reply.text();
  let message = text;
  try {
    message = JSON.parse(text).error.message;
  } catch {
    // a proxy's page, perhaps: shown as it is
  }
  throw new (reply.status === 401 ? KeyNeeded : Error)(`${reply.status}: ${message}`);
}

// speech asks for the text as speech.
export async function* speech({ text, voice, key, signal }) {
  const start = performance.now();
  const reply = await ask("v1/audio/speech", { key, signal, body: { input: text, voice, response_format: "wav", stream: true } });
  const wav = new WAV();
  for await (const piece of pieces(reply)) {
    const at = (performance.now() - start) / 1000;
    const samples = wav.take(piece);
    if (samples.length > 0) yield { at, rate: wav.rate, samples };
  }
  if (!wav.whole) throw new Error("The sound broke off.");
}

// chat asks for an answer to the text, as text and sound.
export async function* chat({ text, voice, key, signal }) {
  const start = performance.now();
  const body = { messages: [{ role: "user", content: text }], modalities: ["text", "audio"], speaker: voice, stream: true };
  const reply = await ask("v1/chat/completions", { key, signal, body });
  for await (const data of events(reply)) {
    const at = (performance.now() - start) / 1000;
    if (data === "[DONE]") return;
    const event = JSON.parse(data);
    if (event.error) throw new Error(event.error.message);
    const content = event.choices[0]?.delta.content;
    if (!content) continue;
    if (event.modality === "text") {
      yield { at, text: content };
    } else if (event.modality === "audio") {
      const wav = new WAV(); // each event has one of its own
      const samples = wav.take(Uint8Array.from(atob(content), (c) => c.charCodeAt(0)));
      if (samples.length > 0) yield { at, rate: wav.rate, samples };
    }
  }
  throw new Error("The reply broke off.");
}

// pieces reads a body as it comes. Not every browser iterates over streams.
async function* pieces(reply) {
  const reader = reply.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

// events reads the data of server-sent events, one line each.
async function* events(reply) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces(reply)) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ")) yield line.slice(6);
  }
}
