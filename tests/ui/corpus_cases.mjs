// Recorded answers (AIW_CORPUS, a folder that is no part of this repository) as cases: whatever they hold, the reader's
// message equals the one in `done`.
import { existsSync, readFileSync } from 'node:fs';

function toCase(corpus, { id, file, api }) {
  const { response } = JSON.parse(readFileSync(`${corpus}/${file}`));
  const { expected } = JSON.parse(readFileSync(`${corpus}/${file.replace('.json', '.expected.json')}`));
  const names = [...new Set((expected?.tool_calls ?? []).map(call => call.name).filter(name => /^[\w-]{1,64}$/.test(name ?? '')))];
  const body = response.encoding === 'base64' ? Buffer.from(response.body, 'base64') : response.body;
  const type = response.headers?.['content-type'] ?? (response.streaming ? 'text/event-stream' : 'application/json');
  return {
    name: `${api}-${id}`, api, error: 'any',
    answers: [{ type, events: [body] }],
    stream: { upstream: response.streaming },
    // Calls are left to the next chat, so that one answer is a whole chat.
    payload: { retry: { max: 0 }, tools: names.map(name => ({ name, inputSchema: { type: 'object' }, executor: 'return' })) },
  };
}

export function corpusCases(corpus) {
  if (!corpus || !existsSync(corpus + '/index.jsonl')) return [];
  return readFileSync(corpus + '/index.jsonl', 'utf8').trim().split('\n').map(line => JSON.parse(line))
    .filter(({ status }) => status === 200).map(entry => toCase(corpus, entry));
}
