// The feed: the server's state, step by step, joined to a history.

// KeyNeeded says that the server asks for a key, or for another one.
export class KeyNeeded extends Error {}

export class Feed {
  key = "";
  state = null; // the newest, its charts with all steps that are kept
  #requests = { version: null, body: null };

  async #get(what) {
    const reply = await fetch(`dashboard/${what}`, this.key ? { headers: { Authorization: `Bearer ${this.key}` } } : {});
    if (reply.status === 401) throw new KeyNeeded(this.key ? "The server does not know this key." : "");
    if (!reply.ok) throw new Error(`${reply.status} ${reply.statusText}`);
    return reply.json();
  }

  // next asks for what is new.
  async next() {
    const old = this.state;
    const fresh = await this.#get(old ? `state?boot=${encodeURIComponent(old.boot)}&after=${old.step}` : "state");
    if (old && old.boot === fresh.boot && fresh.first <= old.step + 1) join(old, fresh);
    this.state = fresh;
    return fresh;
  }

  // requests are those worth a look; null if the server does not tell of any.
  async requests() {
    const version = this.state?.requests ?? -1;
    if (version < 0) return null;
    if (this.#requests.version !== version) this.#requests = { version, body: await this.#get("requests") };
    return this.#requests.body;
  }
}

// join puts the steps that the page has in front of the fresh ones.
function join(old, fresh) {
  const keep = fresh.first - old.first; // of the old steps
  const drop = Math.max(0, keep + fresh.times.length - Math.ceil(fresh.history / fresh.interval));
  const had = new Map(old.charts.map((c) => [c.id, new Map(c.lines.map((l) => [l.name, l.values]))]));
  for (const chart of fresh.charts) {
    for (const line of chart.lines) {
      const before = had.get(chart.id)?.get(line.name) ?? new Array(keep).fill(null);
      line.values = before.slice(0, keep).concat(line.values).slice(drop);
    }
  }
  fresh.times = old.times.slice(0, keep).concat(fresh.times).slice(drop);
  fresh.first = old.first + drop;
}
