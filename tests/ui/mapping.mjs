// `done.messages` as the parts of the one UI message that useChat must end with, written out by hand.

function own(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function resultFields(output) {
  switch (output?.type) {
    case undefined: return { state: 'input-available' };
    case 'text': return { state: 'output-available', output: output.value };
    case 'json':
      return own({ state: 'output-available', output: output.value, outputType: typeof output.value === 'string' ? 'json' : undefined });
    case 'content': return { state: 'output-available', output: output.value, outputType: 'content' };
    case 'error-text': return { state: 'output-error', errorText: output.value };
    case 'error-json': return { state: 'output-error', errorText: JSON.stringify(output.value), errorValue: output.value };
    default: throw new Error('an output of type ' + output.type);
  }
}

// A call that the parent refused keeps what the model was told of it beside the reader's own word.
function deniedFields(output) {
  return { state: 'output-denied', denied: output.value };
}

function expectedPart(part, results, denied) {
  const providerState = part.providerState;
  switch (part.type) {
    case 'text': return own({ type: 'text', text: part.text, state: 'done', providerState });
    case 'reasoning': return own({ type: 'reasoning', text: part.text, state: 'done', providerState });
    case 'provider': return { type: 'custom', kind: 'aiWorker.provider', providerState };
    case 'file':
      return own({ type: 'file', mediaType: part.mediaType, filename: part.filename, providerState,
                   url: part.data ? `data:${part.mediaType};base64,${part.data}` : part.url });
    case 'tool-call':
      return own({ type: 'dynamic-tool', toolCallId: part.toolCallId, toolName: part.toolName, input: part.input,
                   inputText: part.inputText, providerState,
                   ...(denied.has(part.toolCallId) ? deniedFields : resultFields)(results.get(part.toolCallId)) });
    default: throw new Error('a part of type ' + part.type);
  }
}

// `denied`: the ids of the calls that the parent refused.
export function expectedParts(messages, denied = new Set()) {
  const results = new Map();
  for (const { role, content } of messages) {
    if (role !== 'tool') continue;
    for (const part of content) results.set(part.toolCallId, part.output);
  }
  return messages.filter(({ role }) => role === 'assistant')
    .flatMap(({ content }) => [{ type: 'step-start' }, ...content.map(part => expectedPart(part, results, denied))]);
}

// A UI message's parts in the same words: our metadata laid open, what is shown only left out.
export function actualParts(parts) {
  return parts.map(({ id, providerMetadata, callProviderMetadata, resultProviderMetadata, ...part }) => {
    const { providerExecuted, preliminary, title, approval, ...fields } = part;
    const metadata = { ...providerMetadata?.aiWorker, ...callProviderMetadata?.aiWorker, ...resultProviderMetadata?.aiWorker };
    return own({ ...fields, ...metadata });
  }).filter(part => !part.shownOnly && !part.type.startsWith('source-') && part.state !== 'input-streaming');
}
