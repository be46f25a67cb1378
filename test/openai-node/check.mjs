// Starts the server that the command line names on a free port and asks it with
// OpenAI's client. Exits with 1 at the first answer that is not right.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';

const model = 'limelight-tiny';
const turns = [
  { role: 'system', content: 'be brief' },
  { role: 'user', content: 'hello' },
  { role: 'assistant', content: 'hello you' },
  { role: 'user', content: 'what is the time' },
];

const server = spawn(process.argv[2], ['serve', '--host', '127.0.0.1', '--port', '0', '--log-stats'], { stdio: ['ignore', 'ignore', 'pipe'] });
const log = [];
const url = await new Promise((found, lost) => {
  createInterface({ input: server.stderr }).on('line', (line) => {
    log.push(line);
    const at = line.match(/msg=ready.* address=(\S+)/);
    if (at) found(at[1]);
  });
  server.on('exit', (code) => lost(new Error(`the server ended with ${code}\n${log.join('\n')}`)));
});

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

// Requests that were admitted, by what they end in. Each check counts its own.
let admitted = 0;
const checks = {
  async 'chat, whole and streamed'() {
    const params = { model, messages: turns, seed: 4 };
    const whole = await client.chat.completions.create(params);
    assert.equal(whole.choices.length, 1);
    assert.ok(whole.choices[0].message.content.length > 0);
    assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);
    let text = '', finish = '', usage;
    for await (const chunk of await client.chat.completions.create({ ...params, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish += chunk.choices[0]?.finish_reason ?? '';
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(finish, whole.choices[0].finish_reason);
    assert.deepEqual(usage, whole.usage);
    admitted += 2;
  },

  async 'a reply with sound, whole, streamed, and sent back'() {
    const params = { model, messages: turns, seed: 4, modalities: ['text', 'audio'] };
    const whole = await client.chat.completions.create({ ...params, audio: { voice: 'aiden', format: 'wav' } });
    const message = whole.choices[0].message;
    assert.equal(whole.choices.length, 1);
    assert.equal(message.content, null);
    const wav = Buffer.from(message.audio.data, 'base64');
    assert.equal(wav.toString('latin1', 0, 4), 'RIFF');
    assert.ok(wav.length > 44 && message.audio.transcript.length > 0);

    // The client's own helper puts the deltas together.
    const streamed = await client.chat.completions.stream({ ...params, audio: { voice: 'aiden', format: 'pcm16' } }).finalChatCompletion();
    const heard = streamed.choices[0].message.audio;
    assert.equal(streamed.choices[0].finish_reason, whole.choices[0].finish_reason);
    assert.equal(heard.transcript, message.audio.transcript);
    assert.match(heard.id, /^audio-[0-9a-f]{16}$/);
    assert.ok(heard.expires_at > whole.created);

    let pcm = Buffer.alloc(0);
    for await (const chunk of await client.chat.completions.create({ ...params, audio: { voice: 'aiden', format: 'pcm16' }, stream: true })) {
      pcm = Buffer.concat([pcm, Buffer.from(chunk.choices[0].delta.audio?.data ?? '', 'base64')]);
    }
    assert.ok(pcm.equals(wav.subarray(44)), `streamed ${pcm.length} bytes of sound, want ${wav.length - 44}`);

    const next = await client.chat.completions.create({ model, seed: 4, messages: [...turns, message, { role: 'user', content: 'say it again' }] });
    assert.ok(next.usage.prompt_tokens > whole.usage.prompt_tokens);
    admitted += 4;
  },

  async 'speech'() {
    const reply = await client.audio.speech.create({ model, input: 'the time is now', voice: 'aiden', response_format: 'pcm' });
    const pcm = Buffer.from(await reply.arrayBuffer());
    assert.equal(reply.headers.get('content-type'), 'audio/pcm');
    assert.ok(pcm.length > 0 && pcm.length % 2 === 0 && pcm.some((b) => b !== 0));
    admitted++;
  },

  async 'completions, whole and streamed'() {
    const params = { model, prompt: 'the time is', seed: 4, max_tokens: 8, logprobs: 2 };
    const whole = await client.completions.create(params);
    const choice = whole.choices[0];
    assert.equal(whole.object, 'text_completion');
    assert.equal(choice.logprobs.tokens.length, whole.usage.completion_tokens);
    let text = '';
    for await (const part of await client.completions.create({ ...params, stream: true })) text += part.choices[0].text;
    assert.equal(text, choice.text);
    const echoed = await client.completions.create({ model, prompt: ['the time is', 'a'], seed: 4, max_tokens: 8, echo: true });
    assert.equal(echoed.choices[0].text, params.prompt + choice.text);
    assert.equal(echoed.choices.length, 2);
    admitted += 3;
  },

  async 'models'() {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    assert.deepEqual(ids, [model]);
    assert.equal((await client.models.retrieve(model)).id, model);
  },

  async 'errors'() {
    const refused = (kind, param, ask) =>
      assert.rejects(ask, (e) => e instanceof kind && e.param === param && e.message.includes(param));
    await refused(OpenAI.BadRequestError, 'tools', client.chat.completions.create({ model, messages: turns, tools: [{ type: 'function', function: { name: 'look' } }] }));
    await refused(OpenAI.BadRequestError, 'response_format', client.chat.completions.create({ model, messages: turns, response_format: { type: 'json_object' } }));
    await refused(OpenAI.BadRequestError, 'audio.format', client.chat.completions.create({ model, messages: turns, stream: true, modalities: ['text', 'audio'], audio: { voice: 'aiden', format: 'wav' } }));
    await refused(OpenAI.BadRequestError, 'voice', client.audio.speech.create({ model, input: 'x', voice: 'nobody' }));
    await refused(OpenAI.NotFoundError, 'model', client.models.retrieve('gpt-5'));
  },

  async 'the metrics page counts each request once'() {
    const page = await (await fetch(`${url}/metrics`)).text();
    const sum = (name) => page.split('\n').filter((l) => l.startsWith(name + '{')).reduce((n, l) => n + Number(l.slice(l.lastIndexOf(' '))), 0);
    assert.equal(sum('vllm:omni_requests_success_total'), admitted);
    assert.equal(sum('vllm:omni_audio_ttfp_s_count'), 2);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok    ${name}`);
  } catch (e) {
    failed++;
    console.log(`FAIL  ${name}\n${e.stack}`);
  }
}
server.removeAllListeners('exit');
server.kill('SIGTERM');
const [code] = await once(server, 'exit');
if (failed || code !== 0) {
  console.log(`${failed} failed, the server ended with ${code}\n${log.join('\n')}`);
  process.exit(1);
}
