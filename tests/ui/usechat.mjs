// What `useChat` does with a stream, by the AI SDK's own code: its transport reads the SSE and checks each chunk by the
// SDK's schema, its chat class puts the message together.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export async function loadSdk(npm) {
  const require = createRequire(pathToFileURL(npm + '/package.json'));
  return import(pathToFileURL(require.resolve('ai')).href);
}

class State {
  status = 'ready';
  error = undefined;
  messages = [];
  pushMessage = message => (this.messages = [...this.messages, message]);
  popMessage = () => (this.messages = this.messages.slice(0, -1));
  replaceMessage = (index, message) => (this.messages = this.messages.with(index, message));
  snapshot = value => structuredClone(value);
}

// Feeds the chunks of an async iterator to a chat. Returns the message, the callbacks that were made, and the error.
export async function readAsUseChat(sdk, chunks, text) {
  const seen = { toolCalls: [], data: [], errors: [], finish: undefined };
  const sse = new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) {
        controller.enqueue('data: [DONE]\n\n');
        return controller.close();
      }
      controller.enqueue(`data: ${JSON.stringify(value)}\n\n`);
    },
  });
  const fetch = async () =>
    new Response(sse.pipeThrough(new TextEncoderStream()), { headers: { 'content-type': 'text/event-stream' } });
  const state = new State();
  const chat = new sdk.AbstractChat({
    state,
    transport: new sdk.DefaultChatTransport({ fetch }),
    onToolCall: ({ toolCall }) => void seen.toolCalls.push(toolCall),
    onData: part => void seen.data.push(part),
    onError: error => void seen.errors.push(error.message),
    onFinish: finish => (seen.finish = finish),
  });
  await chat.sendMessage({ text });
  const message = state.messages.at(-1);
  return { ...seen, message: message.role === 'assistant' ? message : undefined, status: state.status };
}
