// A chat with stream.dialect ui, read by the AI SDK's own reader: the message that it puts together equals the one in
// `done`, and as history both make the same request.
//   AIW_NPM=FOLDER node read_ui_stream_test.mjs WORKER [FRAMES_FILE]     (see tests/ui/run)
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { cases } from './cases.mjs';
import { corpusCases } from './corpus_cases.mjs';
import { actualParts, expectedParts } from './mapping.mjs';
import { loadSdk, readAsUseChat } from './usechat.mjs';
import { Upstream, Worker } from './worker.mjs';

const [binary, framesFile] = process.argv.slice(2);
if (framesFile) rmSync(framesFile, { force: true });

const sdk = await loadSdk(process.env.AIW_NPM);
const upstream = await new Upstream().start();
const worker = new Worker(binary, framesFile);
let lines = 0;

const question = { role: 'user', content: 'Go.' };
const tools = [
  { name: 'look', description: 'Looks.', inputSchema: { type: 'object' } },
  { name: 'draw', description: 'Draws.', inputSchema: { type: 'object' } },
];

function chatLine(id, test, payload) {
  const aws = test.api.startsWith('bedrock') ? { region: 'us-east-1', accessKeyId: 'a', secretAccessKey: 's' } : { apiKey: 'k' };
  const config = { providers: [{ id: 'p', type: test.api, baseUrl: upstream.url(test.name), ...aws, models: [{ id: 'm', default: true }] }] };
  return { id, type: 'chat', payload: { config, providerId: 'p', modelId: 'm', messages: [question], tools, ...test.payload, ...payload } };
}

function act(id, action) {
  if (action.cancel) worker.send({ id: `line-${lines++}`, type: 'cancel', payload: { chatId: id } });
  if (action.approval) {
    worker.send({ id: `line-${lines++}`, type: 'tool_approval', payload: { chatId: id, ...action.approval } });
  }
  if (action.result) {
    worker.send({ id: `line-${lines++}`, type: 'tool_result', payload: { chatId: id, ...action.result } });
  }
}

// The chunks of a chat; the terminal frame is kept, and the case's actions are done when their chunk is seen.
async function* chunksOf(id, test, outcome) {
  let seq = 0;
  for await (const frame of worker.frames(id)) {
    assert.equal(frame.seq, seq++, 'frames are numbered without gaps');
    if (frame.type !== 'ui') {
      outcome.terminal = frame;
      return;
    }
    outcome.chunks.push(frame.data);
    for (const action of test.on?.(frame.data) ?? []) act(id, action);
    yield frame.data;
  }
}

// The request that a chat with this history would make, as it was written.
async function requestOf(test, history) {
  const id = `dry-${lines++}`;
  const messages = [question, ...history, { role: 'user', content: 'And now?' }];
  worker.send(chatLine(id, test, { messages, dryRun: true, stream: undefined }));
  for await (const frame of worker.frames(id)) {
    assert.equal(frame.type, 'done', frame.line);
    // Two requests that are compared may be made in different seconds.
    return frame.line.slice(frame.line.indexOf('"request":')).replace(/("X-Amz-Date":")[^"]*/, '$1');
  }
}

async function check(test) {
  upstream.answer(test.name, test.answers);
  const id = `chat-${test.name}`;
  const outcome = { chunks: [] };
  worker.send(chatLine(id, test, { stream: { dialect: 'ui', ...test.stream } }));
  const read = await readAsUseChat(sdk, chunksOf(id, test, outcome), 'Go.');
  const { type, data } = outcome.terminal;
  if (test.error !== 'any') {
    assert.equal(type, test.error ? 'error' : 'done', outcome.terminal.line);
    assert.equal(test.answers.length, upstream.requests.get(test.name).length, 'every script was asked for');
  }
  assert.deepEqual(read.errors, type === 'error' ? [data.message] : [], 'what useChat was told of errors');

  const messages = data.messages ?? [];
  if (read.message) {
    assert.equal(read.message.id, 'msg-' + id);
    await sdk.validateUIMessages({ messages: [read.message] });
    const parts = actualParts(read.message.parts);
    const denied = outcome.chunks.filter(({ type, approved }) => type === 'tool-approval-response' && !approved);
    const expected = expectedParts(messages, new Set(denied.map(({ approvalId }) => approvalId)));
    // A step that brought nothing is no message, but the reader has seen it begin.
    while (parts.at(-1)?.type === 'step-start' && expected.length < parts.length) parts.pop();
    assert.deepEqual(parts, expected);
  } else {
    assert.deepEqual(messages, []);
  }
  if (type === 'done') {
    assert.deepEqual(read.message.metadata.usage, data.usage);
    assert.equal(read.message.metadata.finishReason, data.finishReason);
    assert.equal(outcome.chunks.at(-1).type, data.finishReason === 'cancelled' ? 'abort' : 'finish');
  }
  test.check?.({ ...read, chunks: outcome.chunks, messages, terminal: data });
  if (messages.length > 0) {
    assert.equal(await requestOf(test, [read.message]), await requestOf(test, messages), 'as history both make the same request');
  }
}

async function run(test) {
  let timer;
  try {
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('timed out')), 60_000)));
    await Promise.race([check(test), late]);
    return true;
  } catch (error) {
    console.log(`FAIL ${test.name}: ${error.stack}`);
    return false;
  } finally {
    clearTimeout(timer);
  }
}

let failures = 0;
for (const test of cases) {
  if (!(await run(test))) ++failures;
  else console.log(`ok   ${test.name}`);
}
const recorded = corpusCases(process.env.AIW_CORPUS);
for (const test of recorded) {
  if (!(await run(test))) ++failures;
}
if (recorded.length === 0) console.log('The recorded corpus (AIW_CORPUS) is not here: its answers were NOT read.');
const exit = await Promise.race([worker.close(), new Promise(resolve => setTimeout(() => resolve('no exit'), 10_000))]);
upstream.stop();
if (exit !== 0) console.log(`FAIL the worker ended with ${exit}`);
const total = cases.length + recorded.length;
console.log(`${total - failures} of ${total} cases passed`);
process.exit(failures > 0 || exit !== 0 ? 1 : 0);
