// What providers answer, as their API references have it, and what a reader must have seen of it.
import assert from 'node:assert/strict';

const sse = data => `data: ${JSON.stringify(data)}\n\n`;
const named = data => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;

// --- OpenAI chat completions -----------------------------------------------------------------------------------------

const chunk = (delta, finish_reason = null) => sse({ id: 'x', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason }] });
const usage = sse({ id: 'x', object: 'chat.completion.chunk', model: 'm', choices: [], usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 } });
const call = (index, id, name, ...pieces) => [
  chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
  ...pieces.map(piece => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
];
const openai = (...events) => ({ events: [...events, usage, 'data: [DONE]\n\n'] });

// --- Anthropic messages ----------------------------------------------------------------------------------------------

const block = (index, content_block, ...deltas) => [
  named({ type: 'content_block_start', index, content_block }),
  ...deltas.map(delta => named({ type: 'content_block_delta', index, delta })),
  named({ type: 'content_block_stop', index }),
];
const text = (index, ...texts) => block(index, { type: 'text', text: '' }, ...texts.map(t => ({ type: 'text_delta', text: t })));
const thinking = (index, thought, signature) => block(index, { type: 'thinking', thinking: '', signature: '' },
  ...(thought ? [{ type: 'thinking_delta', thinking: thought }] : []), { type: 'signature_delta', signature });
const toolUse = (index, id, name, ...pieces) =>
  block(index, { type: 'tool_use', id, name, input: {} }, ...pieces.map(partial_json => ({ type: 'input_json_delta', partial_json })));
const anthropicStart = named({ type: 'message_start', message: { id: 'msg', type: 'message', role: 'assistant', model: 'm', content: [], usage: { input_tokens: 9, output_tokens: 1 } } });
const anthropic = (stop_reason, ...blocks) => ({ events: [
  anthropicStart, ...blocks.flat(),
  named({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 20 } }),
  named({ type: 'message_stop' }),
] });

// --- Gemini, OpenAI responses ----------------------------------------------------------------------------------------

const gemini = (...chunks) => ({ events: chunks.map((parts, i) => sse({
  candidates: [{ index: 0, content: { role: 'model', parts }, ...(i === chunks.length - 1 ? { finishReason: 'STOP' } : {}) }],
  usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 6, totalTokenCount: 10 }, modelVersion: 'm' })) });

const responses = items => {
  let sequence_number = 0;
  const event = (type, fields) => named({ type, sequence_number: sequence_number++, ...fields });
  const whole = { id: 'resp_1', object: 'response', status: 'in_progress', model: 'm', output: [] };
  const output = items.map(({ item }) => item);
  return { events: [
    event('response.created', { response: whole }),
    ...items.flatMap(({ item, begin, deltas = [] }, output_index) => [
      event('response.output_item.added', { output_index, item: { ...item, ...begin } }),
      ...deltas.map(({ type, ...fields }) => event(type, { output_index, item_id: item.id, ...fields })),
      event('response.output_item.done', { output_index, item }),
    ]),
    event('response.completed', { response: { ...whole, status: 'completed', output, usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 } } }),
  ] };
};

// --- what the parent does ---------------------------------------------------------------------------------------------

// Answers each call that waits for it: by id, else by the tool's name.
const answering = outputs => chunk => {
  if (chunk.type !== 'tool-input-available' || chunk.providerExecuted) return [];
  const output = outputs[chunk.toolCallId] ?? outputs[chunk.toolName];
  return output === undefined ? [] : [{ result: { toolCallId: chunk.toolCallId, output } }];
};
const types = parts => parts.map(part => part.type).join(' ');
const find = (parts, type) => parts.filter(part => part.type === type);

const kPng = 'iVBORw0KGgo=';

export const cases = [
  {
    name: 'text_and_reasoning', api: 'openai-chat',
    answers: [openai(chunk({ role: 'assistant', reasoning_content: 'Hm' }), chunk({ reasoning_content: ', "well".' }),
                     chunk({ content: 'Grüße' }), chunk({ content: ' \u{1F44B}\n' }), chunk({}, 'stop'))],
    check({ message, chunks }) {
      assert.equal(types(message.parts), 'step-start reasoning text');
      assert.equal(message.parts[1].text, 'Hm, "well".');
      assert.equal(message.parts[2].text, 'Grüße \u{1F44B}\n');
      assert.equal(message.metadata.usage.totalTokens, 12);
      assert.equal(message.metadata.provider, 'p');
      assert.equal(types(chunks), 'start start-step reasoning-start reasoning-delta reasoning-delta text-start text-delta ' +
                                  'text-delta reasoning-end text-end finish-step finish');
    },
  },
  {
    name: 'reasoning_between_texts', api: 'openai-chat',
    answers: [openai(chunk({ reasoning_content: 'A' }), chunk({ content: 'B' }), chunk({ reasoning_content: 'C' }), chunk({ content: 'D' }), chunk({}, 'stop'))],
    check: ({ message }) => assert.deepEqual(message.parts.slice(1).map(p => p.text), ['AC', 'BD']),
  },
  {
    name: 'merged_deltas', api: 'openai-chat', stream: { deltaIntervalMs: 30 },
    answers: [openai(...Array.from({ length: 200 }, (_, i) => chunk({ [i % 50 < 25 ? 'reasoning_content' : 'content']: `${i} ` })), chunk({}, 'stop'))],
    check: ({ chunks }) => assert.ok(find(chunks, 'text-delta').length < 100),
  },
  {
    name: 'unary', api: 'openai-chat', stream: { upstream: false },
    answers: [{ type: 'application/json', events: [JSON.stringify({
      id: 'x', object: 'chat.completion', model: 'm', usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', reasoning_content: 'Hm.', content: 'At once.' } }] })] }],
    check: ({ message }) => assert.equal(types(message.parts), 'step-start reasoning text'),
  },
  {
    name: 'refusal', api: 'openai-chat',
    answers: [openai(chunk({ refusal: 'I' }), chunk({ refusal: ' cannot.' }), chunk({}, 'stop'))],
    check({ message, chunks }) {
      assert.equal(message.parts[1].text, 'I cannot.');
      assert.equal(message.metadata.finishReason, 'refusal');
      assert.equal(chunks.at(-1).finishReason, 'content-filter');
    },
  },
  {
    name: 'every_output', api: 'anthropic-messages',
    answers: [
      anthropic('tool_use', thinking(0, 'Which ones?', 'c2lnbmF0dXJl'), text(1, 'I look', ' around.'),
                toolUse(2, 'toolu_text', 'look', '{"at": ', '1.0, "12": [ ]}'), toolUse(3, 'toolu_json', 'look', '{}'),
                toolUse(4, 'toolu_string', 'look'), toolUse(5, 'toolu_content', 'draw', '{"what":"a \\u00e9"}'),
                toolUse(6, 'toolu_error', 'look', '{"at":2}'), toolUse(7, 'toolu_error_json', 'look', '{"at":3}')),
      anthropic('tool_use', thinking(0, 'More.', 'bW9yZQ=='), toolUse(1, 'toolu_again', 'look', '{}')),
      anthropic('end_turn', text(0, 'There.')),
    ],
    on: answering({
      toolu_text: 'a house', toolu_json: { type: 'json', value: { n: 1, list: [null, true, 'x'] } },
      toolu_string: { type: 'json', value: 'quoted' },
      toolu_content: { type: 'content', value: [{ type: 'text', text: 'see' }, { type: 'image', mediaType: 'image/png', data: kPng }] },
      toolu_error: { type: 'error-text', value: 'no "such" place' }, toolu_error_json: { type: 'error-json', value: { code: 7 } },
      toolu_again: { type: 'json', value: null },
    }),
    check({ message, toolCalls, messages }) {
      assert.equal(types(message.parts), 'step-start reasoning text ' + 'dynamic-tool '.repeat(6) +
                                         'step-start reasoning dynamic-tool step-start text');
      assert.equal(toolCalls.length, 7);
      assert.equal(messages.length, 5);
      assert.deepEqual(message.parts.map(p => p.state).filter(s => s?.startsWith('output')),
                       ['output-available', 'output-available', 'output-available', 'output-available', 'output-error', 'output-error', 'output-available']);
      assert.ok(message.parts[1].providerMetadata.aiWorker.providerState.includes('c2lnbmF0dXJl'));
    },
  },
  {
    name: 'hidden_thinking', api: 'anthropic-messages',
    answers: [anthropic('end_turn', thinking(0, '', 'aGlkZGVu'), block(1, { type: 'redacted_thinking', data: 'c2VjcmV0' }), text(2, 'So.'),
                        block(3, { type: 'redacted_thinking', data: 'bGFzdA==' }))],
    check: ({ message }) => assert.equal(types(message.parts), 'step-start reasoning custom text custom'),
  },
  {
    name: 'text_after_a_call', api: 'anthropic-messages',
    answers: [anthropic('tool_use', text(0, 'First.'), toolUse(1, 'toolu_1', 'look', '{}'), text(2, 'Then.'), toolUse(3, 'toolu_2', 'look', '{"b":2}')),
              anthropic('end_turn', text(0, 'Done.'))],
    on: answering({ look: 'x' }),
    check: ({ message }) => assert.equal(types(message.parts), 'step-start text dynamic-tool text dynamic-tool step-start text'),
  },
  {
    name: 'provider_tools', api: 'anthropic-messages',
    payload: { tools: [{ definition: { type: 'web_search_20250305', name: 'web_search' }, executor: 'provider' }] },
    answers: [anthropic('end_turn', text(0, 'I search.'),
      block(1, { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }, { type: 'input_json_delta', partial_json: '{"query":"x"}' }),
      block(2, { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [
        { type: 'web_search_result', url: 'https://a.example/', title: 'A', encrypted_content: 'ZW5j', page_age: null }] }),
      block(3, { type: 'text', text: '', citations: [] },
            { type: 'text_delta', text: 'It says so.' },
            { type: 'citations_delta', citation: { type: 'web_search_result_location', url: 'https://a.example/', title: 'A', encrypted_index: 'aWR4', cited_text: 'so' } }),
      block(4, { type: 'server_tool_use', id: 'srvtoolu_2', name: 'web_search', input: {} }, { type: 'input_json_delta', partial_json: '{"query":"y"}' }),
      block(5, { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_2', content: { type: 'web_search_tool_result_error', error_code: 'max_uses_exceeded' } }),
      text(6, 'That is all.'))],
    check({ message, toolCalls }) {
      assert.equal(find(message.parts, 'source-url').length, 1);
      assert.equal(find(message.parts, 'source-url')[0].url, 'https://a.example/');
      const [first, second] = find(message.parts, 'dynamic-tool');
      assert.deepEqual([first.providerExecuted, first.state, first.toolName], [true, 'output-available', 'web_search']);
      assert.deepEqual([second.providerExecuted, second.state], [true, 'output-error']);
      assert.equal(find(message.parts, 'custom').length, 4);
      assert.equal(toolCalls.length, 0);
    },
  },
  {
    name: 'signed_parts_and_a_file', api: 'gemini-generate',
    answers: [
      gemini([{ text: 'Thinking', thought: true }], [{ text: 'Here', thoughtSignature: 'dGV4dA==' }],
             [{ inlineData: { mimeType: 'image/png', data: kPng }, thoughtSignature: 'aW1n' }],
             [{ functionCall: { name: 'look', args: { at: 1 } }, thoughtSignature: 'Y2FsbA==' }, { functionCall: { name: 'draw', args: {} } }]),
      gemini([{ text: 'Done.' }]),
    ],
    on: answering({ look: 'seen', draw: { type: 'error-text', value: 'no pen' } }),
    check({ message }) {
      assert.equal(types(message.parts), 'step-start reasoning text file dynamic-tool dynamic-tool step-start text');
      assert.equal(find(message.parts, 'file')[0].url, `data:image/png;base64,${kPng}`);
      assert.ok(find(message.parts, 'file')[0].providerMetadata.aiWorker.providerState.includes('aW1n'));
      assert.ok(find(message.parts, 'dynamic-tool')[0].callProviderMetadata.aiWorker.providerState.includes('Y2FsbA=='));
    },
  },
  {
    name: 'items', api: 'openai-responses',
    payload: { tools: [{ name: 'look', inputSchema: { type: 'object' } }, { definition: { type: 'web_search' }, executor: 'provider' }] },
    answers: [
      responses([
        { item: { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Plan' }], encrypted_content: 'ZW5j' }, begin: { summary: [] },
          deltas: [{ type: 'response.reasoning_summary_text.delta', summary_index: 0, delta: 'Plan' }] },
        { item: { id: 'ws_1', type: 'web_search_call', status: 'completed', action: { type: 'search', query: 'x' } } },
        { item: { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Found.', annotations: [
            { type: 'url_citation', url: 'https://b.example/', title: 'B', start_index: 0, end_index: 5 }] }] }, begin: { content: [] },
          deltas: [{ type: 'response.output_text.delta', content_index: 0, delta: 'Found.' }] },
        { item: { id: 'ig_1', type: 'image_generation_call', status: 'completed', output_format: 'png', result: kPng } },
        { item: { id: 'rs_2', type: 'reasoning', summary: [], encrypted_content: 'aGlk' } },
        { item: { id: 'fc_1', type: 'function_call', status: 'completed', call_id: 'call_1', name: 'look', arguments: '{"at":1}' }, begin: { arguments: '' },
          deltas: [{ type: 'response.function_call_arguments.delta', delta: '{"at":1}' }] },
      ]),
      responses([{ item: { id: 'msg_2', type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Ok.', annotations: [] }] }, begin: { content: [] },
                   deltas: [{ type: 'response.output_text.delta', content_index: 0, delta: 'Ok.' }] }]),
    ],
    on: answering({ look: 'seen' }),
    check({ message }) {
      assert.equal(find(message.parts, 'file').length, 1);
      assert.equal(find(message.parts, 'source-url')[0].url, 'https://b.example/');
      assert.equal(find(message.parts, 'reasoning').length, 2);
      assert.equal(find(message.parts, 'dynamic-tool').length, 2);
    },
  },
  {
    name: 'bad_arguments_and_invented_tool', api: 'openai-chat',
    answers: [openai(...call(0, 'call_bad', 'look', '{"at": '), ...call(1, 'call_odd', 'invent', '{"x":', '1}'), ...call(2, 'call_ok', 'look', '{}'), chunk({}, 'tool_calls')),
              openai(chunk({ content: 'Sorry.' }), chunk({}, 'stop'))],
    on: answering({ call_ok: 'fine' }),
    check({ message, chunks }) {
      assert.equal(types(message.parts), 'step-start dynamic-tool dynamic-tool dynamic-tool step-start text');
      assert.deepEqual(message.parts.slice(1, 4).map(p => p.state), ['output-error', 'output-error', 'output-available']);
      assert.equal(find(chunks, 'tool-input-error').length, 1);
      assert.equal(find(chunks, 'tool-input-start')[0].toolName, 'look');
    },
  },
  {
    name: 'returned_calls', api: 'openai-chat',
    payload: { tools: [{ name: 'look', inputSchema: { type: 'object' }, executor: 'return' }] },
    answers: [openai(chunk({ content: 'Look:' }), ...call(0, 'call_1', 'look', '{"at":1}'), chunk({}, 'tool_calls'))],
    check({ message, toolCalls, chunks }) {
      assert.equal(message.parts[2].state, 'input-available');
      assert.equal(toolCalls.length, 1);
      assert.equal(chunks.at(-1).finishReason, 'tool-calls');
    },
  },
  {
    name: 'approvals', api: 'anthropic-messages',
    payload: { tools: [{ name: 'look', inputSchema: { type: 'object' }, approval: 'parent' }, { name: 'draw', inputSchema: { type: 'object' }, approval: 'never' }] },
    answers: [anthropic('tool_use', thinking(0, 'May I?', 'c2ln'), toolUse(1, 'toolu_yes', 'look', '{"at": 1.0}'), toolUse(2, 'toolu_no', 'look', '{"at": 2.0}'),
                        toolUse(3, 'toolu_why', 'look', '{}'), toolUse(4, 'toolu_never', 'draw', '{}')),
              anthropic('end_turn', text(0, 'One of four.'))],
    on: ({ type, approvalId: toolCallId, approved }) =>
      type === 'tool-approval-request' && toolCallId === 'toolu_yes' ? [{ approval: { toolCallId, approved: true } }]
      : type === 'tool-approval-request' && toolCallId === 'toolu_no' ? [{ approval: { toolCallId, approved: false } }]
      : type === 'tool-approval-request' ? [{ approval: { toolCallId, approved: false, reason: 'not "now"' } }]
      : type === 'tool-approval-response' && approved ? [{ result: { toolCallId, output: 'seen' } }] : [],
    check({ message }) {
      assert.deepEqual(message.parts.slice(2, 6).map(p => p.state), ['output-available', 'output-denied', 'output-denied', 'output-error']);
      assert.deepEqual(message.parts[2].approval, { id: 'toolu_yes', approved: true });
      assert.deepEqual(message.parts[4].approval, { id: 'toolu_why', approved: false, reason: 'not "now"' });
    },
  },
  {
    name: 'cut_within_text', api: 'openai-chat', error: true, payload: { retry: { max: 0 } },
    answers: [{ events: [chunk({ reasoning_content: 'Hm' }), chunk({ content: 'Half a' })], cut: true }],
    check({ message, status, chunks }) {
      assert.equal(types(message.parts), 'step-start reasoning text');
      assert.equal(status, 'error');
      assert.equal(chunks.at(-1).type, 'error');
    },
  },
  {
    name: 'cut_within_a_call', api: 'anthropic-messages', error: true, payload: { retry: { max: 0 } },
    answers: [{ events: [anthropicStart, ...text(0, 'I look.'), ...toolUse(1, 'toolu_1', 'look', '{"a').slice(0, 2)], cut: true }],
    check: ({ message }) => assert.equal(message.parts[2].state, 'input-streaming'),
  },
  {
    name: 'restart', api: 'anthropic-messages', payload: { retry: { max: 2, restart: true } },
    answers: [
      anthropic('tool_use', text(0, 'First step.'), toolUse(1, 'toolu_1', 'look', '{}')),
      { events: [anthropicStart, ...thinking(0, 'lost', 'bG9zdA=='), ...text(1, 'Lost text'), ...toolUse(2, 'toolu_2', 'look', '{"a').slice(0, 2)], cut: true },
      anthropic('end_turn', text(0, 'Second step.')),
    ],
    on: answering({ look: 'x' }),
    check({ message, chunks, data }) {
      assert.equal(types(message.parts), 'step-start text dynamic-tool step-start text');
      assert.equal(message.parts[4].text, 'Second step.');
      assert.equal(find(chunks, 'reset-step').length, 1);
      assert.ok(data.some(part => part.type === 'data-aiWorkerRetry'));
    },
  },
  {
    name: 'refused_at_once', api: 'openai-chat', error: true, payload: { retry: { max: 0 } },
    answers: [{ status: 401, type: 'application/json', events: ['{"error":{"message":"bad key","code":"invalid_api_key"}}'] }],
    check: ({ errors }) => assert.equal(errors.length, 1),
  },
  {
    name: 'cancelled_within_text', api: 'openai-chat',
    answers: [{ events: [chunk({ content: 'Half a' })], hang: true }],
    on: chunk => (chunk.type === 'text-delta' ? [{ cancel: true }] : []),
    check({ message, chunks }) {
      assert.equal(message.parts[1].text, 'Half a');
      assert.equal(chunks.at(-1).type, 'abort');
    },
  },
  {
    name: 'cancelled_within_a_call', api: 'openai-chat',
    answers: [{ events: [chunk({ content: 'I look.' }), ...call(0, 'call_1', 'look', '{"a')], hang: true }],
    on: chunk => (chunk.type === 'tool-input-delta' ? [{ cancel: true }] : []),
    check: ({ message }) => assert.equal(message.parts[2].state, 'input-streaming'),
  },
  {
    name: 'cancelled_while_tools_run', api: 'openai-chat',
    answers: [openai(chunk({ content: 'Two.' }), ...call(0, 'call_1', 'look', '{}'), ...call(1, 'call_2', 'draw', '{}'), chunk({}, 'tool_calls'))],
    on: chunk => (chunk.type === 'tool-input-available' && chunk.toolCallId === 'call_2' ? [{ cancel: true }] : []),
    check: ({ message }) => assert.equal(message.parts.at(-1).state, 'input-available'),
  },
  {
    name: 'many_calls', api: 'openai-chat',
    answers: [openai(...Array.from({ length: 100 }, (_, i) => call(i, `call_${i}`, 'look', `{"i":${i}}`)).flat(), chunk({}, 'tool_calls')),
              openai(chunk({ content: 'All.' }), chunk({}, 'stop'))],
    on: answering({ look: { type: 'json', value: [1, 2, 3] } }),
    check: ({ message }) => assert.equal(find(message.parts, 'dynamic-tool').length, 100),
  },
];
