"""A loopback HTTP server that is every target at once, each under its own path prefix: /openai/v1/chat/completions, /bedrock/model/{id}/converse-stream, …

A request that breaks a rule is refused as the provider would; any other is answered with "ok", or with one or two tool calls where tools are
declared and the last turn is not a tool's. A prefix /c<number> before the target's names the conversation: what it sent is kept in `log`.

    python3 server.py [PORT]
"""
import base64
import json
import random
import re
import struct
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import refuse
import view

IDS = {  # ids of calls as the providers make them
    "openai": lambda r: "call_" + _word(r, 24), "azure": lambda r: "call_" + _word(r, 24), "openai-responses": lambda r: "call_" + _word(r, 24),
    "azure-responses": lambda r: "call_" + _word(r, 24), "anthropic": lambda r: "toolu_01" + _word(r, 22), "vertex-anthropic": lambda r: "toolu_vrtx_01" + _word(r, 22),
    "bedrock-invoke": lambda r: "toolu_bdrk_01" + _word(r, 22), "bedrock": lambda r: "tooluse_" + _word(r, 22), "mistral": lambda r: _word(r, 9),
    "cohere": lambda r: f"get_{_word(r, 12)}", "deepseek": lambda r: f"call_{r.randrange(9)}_" + _word(r, 32), "moonshot": lambda r: f"functions.f:{r.randrange(9)}",
    "groq": lambda r: "fc_" + _word(r, 24), "vllm": lambda r: "chatcmpl-tool-" + _word(r, 32), "llamacpp": lambda r: _word(r, 32),
}


def _word(r, n):
    return "".join(r.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(n))


def signature(family, r):
    """A signature that says who made it, so that another host can refuse it."""
    if family in ("openai-responses", "azure-responses"):
        return f"gAAAAA{family}" + _word(r, 60)
    if family == "gemini":
        return base64.b64encode(f"gemini{_word(r, 42)}".encode()).decode()
    if family == "anthropic":  # base64 of what Claude would give begins like this, too
        return "anthropic" + _word(r, 59)
    return family + _word(r, 40)


def sample(schema, depth=0):
    """A value that a simple schema takes."""
    if not isinstance(schema, dict) or depth > 6:
        return {} if depth == 0 else "x"
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for k in ("anyOf", "oneOf", "allOf"):
        if schema.get(k) and isinstance(schema[k], list) and "type" not in schema:
            return sample(schema[k][0], depth + 1)
    kind = schema.get("type")
    kind = str(next((k for k in kind if k != "null"), "null") if isinstance(kind, list) else kind).lower()
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") if isinstance(schema.get("properties"), dict) else {}
        required = schema.get("required") if isinstance(schema.get("required"), list) else []
        return {k: sample(properties.get(k, {}), depth + 1) for k in required}
    return {"array": [], "integer": 1, "number": 1.5, "boolean": True, "null": None}.get(kind, "x")


class Answer:
    """What a model says in one response: reasoning, text, calls."""

    def __init__(self, name, v, r):
        self.name, self.view, self.r = name, v, r
        self.family = refuse.target(name)["family"]
        tools = [t for t in v.tools if not t.native and t.name]
        last = v.turns[-1] if v.turns else None
        answered = last is not None and (last.results or last.role == "tool")
        self.calls = []
        if tools and not answered and r.random() < 0.6:
            make = IDS.get(name, lambda r: "call_" + _word(r, 24))
            for _ in range(r.choice([1, 1, 2])):
                t = r.choice(tools)
                self.calls.append((make(r), t.name, sample(t.schema) if isinstance(t.schema, dict) else {}))
        self.thought = "I think so." if r.random() < 0.6 else ""
        self.text = "" if self.calls and r.random() < 0.6 else "ok"


# --- wire formats ---

def sse(events, named=False):
    out = []
    for e in events:
        if named:
            out.append(f"event: {e['type']}\n")
        out.append(f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n")
    return "".join(out).encode()


def frame(headers, payload):
    """One frame of application/vnd.amazon.eventstream."""
    h = b"".join(bytes([len(k)]) + k.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode() for k, v in headers.items())
    prelude = struct.pack(">II", 16 + len(h) + len(payload), len(h))
    head = prelude + struct.pack(">I", zlib.crc32(prelude))
    return head + h + payload + struct.pack(">I", zlib.crc32(head + h + payload))


def aws(events):
    return b"".join(frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, json.dumps(data).encode()) for kind, data in events)


def chat(a):
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": a.view.model}
    thought = {}
    if a.thought:
        if a.name in ("groq", "cerebras", "together"):
            thought = {"reasoning": a.thought}
        elif a.name == "mistral" and "magistral" in a.view.model:
            thought = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": a.thought}]}]}
        elif a.name == "openrouter":
            thought = {"reasoning": a.thought, "reasoning_details": [{"type": "reasoning.text", "text": a.thought, "signature": signature("anthropic", a.r),
                                                                      "format": "anthropic-claude-v1", "index": 0}]}
        elif a.name in ("deepseek", "moonshot", "xai", "vllm", "llamacpp", "fireworks"):
            thought = {"reasoning_content": a.thought}
    calls = [{"index": i, "id": c[0], "type": "function", "function": {"name": c[1], "arguments": json.dumps(c[2])}} for i, c in enumerate(a.calls)]
    reason = "tool_calls" if calls else "stop"
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    if not a.view.stream:
        message = {"role": "assistant", "content": a.text or None, **({"tool_calls": calls} if calls else {}), **thought}
        return "application/json", json.dumps({**base, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}).encode()

    def chunk(delta, finish=None):
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    events = [chunk({"role": "assistant", "content": ""})]
    if thought:
        events.append(chunk(thought))
    if a.text:
        events.append(chunk({"content": a.text}))
    if calls:
        events.append(chunk({"tool_calls": calls}))
    events += [chunk({}, reason), {**base, "choices": [], "usage": usage}, "[DONE]"]
    return "text/event-stream", sse(events)


def responses(a):
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": a.view.model, "status": "in_progress", "output": []}
    items = []
    if a.thought and not re.match("gpt-4", a.view.model):
        encrypted = "reasoning.encrypted_content" in (a.view.get("include") or [])
        items.append({"id": "rs_" + _word(a.r, 40), "type": "reasoning", "summary": [], **({"encrypted_content": signature(a.family, a.r)} if encrypted else {})})
    if a.text:
        items.append({"id": "msg_" + _word(a.r, 40), "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": a.text, "annotations": []}]})
    for c in a.calls:
        items.append({"id": "fc_" + _word(a.r, 40), "type": "function_call", "call_id": c[0], "name": c[1], "arguments": json.dumps(c[2]), "status": "completed"})
    done = {**base, "status": "completed", "output": items,
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}}
    if not a.view.stream:
        return "application/json", json.dumps(done).encode()
    events = [{"type": "response.created", "response": base}]
    for i, item in enumerate(items):
        start = {**item, **({"content": []} if item["type"] == "message" else {}), **({"arguments": ""} if item["type"] == "function_call" else {})}
        events.append({"type": "response.output_item.added", "output_index": i, "item": {**start, "status": "in_progress"} if item["type"] != "reasoning" else start})
        if item["type"] == "message":
            at = {"item_id": item["id"], "output_index": i, "content_index": 0}
            events += [{"type": "response.content_part.added", **at, "part": {"type": "output_text", "text": "", "annotations": []}},
                       {"type": "response.output_text.delta", **at, "delta": a.text}, {"type": "response.output_text.done", **at, "text": a.text},
                       {"type": "response.content_part.done", **at, "part": item["content"][0]}]
        if item["type"] == "function_call":
            at = {"item_id": item["id"], "output_index": i}
            events += [{"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]},
                       {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]}]
        events.append({"type": "response.output_item.done", "output_index": i, "item": item})
    events.append({"type": "response.completed", "response": done})
    for i, e in enumerate(events):
        e["sequence_number"] = i
    return "text/event-stream", sse(events, named=True)


def _anthropic_blocks(a):
    blocks = []
    if a.thought and a.view.get("thinking.type") in ("enabled", "adaptive"):
        blocks.append({"type": "thinking", "thinking": a.thought, "signature": signature(a.family, a.r)})
    if a.text:
        blocks.append({"type": "text", "text": a.text})
    return blocks + [{"type": "tool_use", "id": c[0], "name": c[1], "input": c[2]} for c in a.calls]


def _anthropic_events(a):
    usage = {"input_tokens": 5, "output_tokens": 2}
    yield {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": a.view.model, "content": [], "stop_reason": None, "usage": usage}}
    for i, b in enumerate(_anthropic_blocks(a)):
        start = {"thinking": {"type": "thinking", "thinking": "", "signature": ""}, "text": {"type": "text", "text": ""}}.get(b["type"], {**b, "input": {}})
        yield {"type": "content_block_start", "index": i, "content_block": start}
        deltas = {"thinking": lambda: [{"type": "thinking_delta", "thinking": b["thinking"]}, {"type": "signature_delta", "signature": b["signature"]}],
                  "text": lambda: [{"type": "text_delta", "text": b["text"]}], "tool_use": lambda: [{"type": "input_json_delta", "partial_json": json.dumps(b["input"])}]}
        for d in deltas[b["type"]]():
            yield {"type": "content_block_delta", "index": i, "delta": d}
        yield {"type": "content_block_stop", "index": i}
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use" if a.calls else "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}}
    yield {"type": "message_stop"}


def anthropic(a):
    if a.name == "bedrock-invoke" and "response-stream" in a.view.path:
        events = [("chunk", {"bytes": base64.b64encode(json.dumps(e).encode()).decode()}) for e in _anthropic_events(a)]
        return "application/vnd.amazon.eventstream", aws(events)
    if a.view.stream or "streamRawPredict" in a.view.path:
        return "text/event-stream", sse(_anthropic_events(a), named=True)
    return "application/json", json.dumps({"id": "msg_1", "type": "message", "role": "assistant", "model": a.view.model, "content": _anthropic_blocks(a),
                                           "stop_reason": "tool_use" if a.calls else "end_turn", "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 2}}).encode()


def gemini(a):
    parts = []
    if a.thought and a.view.get("generationConfig.thinkingConfig.includeThoughts"):
        parts.append({"text": a.thought, "thought": True})
    if a.text:
        parts.append({"text": a.text})
    for i, c in enumerate(a.calls):
        part = {"functionCall": {"name": c[1], "args": c[2], **({"id": c[0]} if a.r.random() < 0.5 else {})}}
        if i == 0 and re.search("gemini-[3-9]|gemini-2.5", a.view.model):
            part["thoughtSignature"] = signature(a.family, a.r)
        parts.append(part)
    answer = {"candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}], "modelVersion": a.view.model,
              "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}}
    if a.view.stream:
        return "text/event-stream", sse([answer])
    return "application/json", json.dumps(answer).encode()


def converse(a):
    blocks = []
    fields = a.view.get("additionalModelRequestFields") or {}
    if a.thought and "thinking" in fields:
        blocks.append({"reasoningContent": {"reasoningText": {"text": a.thought, "signature": signature(a.family, a.r)}}})
    if a.text:
        blocks.append({"text": a.text})
    blocks += [{"toolUse": {"toolUseId": c[0], "name": c[1], "input": c[2]}} for c in a.calls]
    stop, usage = "tool_use" if a.calls else "end_turn", {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}
    if not a.view.stream:
        return "application/json", json.dumps({"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": stop, "usage": usage, "metrics": {"latencyMs": 1}}).encode()
    events = [("messageStart", {"role": "assistant"})]
    for i, b in enumerate(blocks):
        if "toolUse" in b:
            events.append(("contentBlockStart", {"contentBlockIndex": i, "start": {"toolUse": {"toolUseId": b["toolUse"]["toolUseId"], "name": b["toolUse"]["name"]}}}))
            events.append(("contentBlockDelta", {"contentBlockIndex": i, "delta": {"toolUse": {"input": json.dumps(b["toolUse"]["input"])}}}))
        elif "text" in b:
            events.append(("contentBlockDelta", {"contentBlockIndex": i, "delta": {"text": b["text"]}}))
        else:
            t = b["reasoningContent"]["reasoningText"]
            events.append(("contentBlockDelta", {"contentBlockIndex": i, "delta": {"reasoningContent": {"text": t["text"]}}}))
            events.append(("contentBlockDelta", {"contentBlockIndex": i, "delta": {"reasoningContent": {"signature": t["signature"]}}}))
        events.append(("contentBlockStop", {"contentBlockIndex": i}))
    events += [("messageStop", {"stopReason": stop}), ("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})]
    return "application/vnd.amazon.eventstream", aws(events)


def cohere(a):
    usage = {"billed_units": {"input_tokens": 5, "output_tokens": 2}, "tokens": {"input_tokens": 5, "output_tokens": 2}}
    reason = "TOOL_CALL" if a.calls else "COMPLETE"
    calls = [{"id": c[0], "type": "function", "function": {"name": c[1], "arguments": json.dumps(c[2])}} for c in a.calls]
    thinking = a.thought if "reasoning" in a.view.model else ""
    content = ([{"type": "thinking", "thinking": thinking}] if thinking else []) + ([{"type": "text", "text": a.text}] if a.text else [])
    if not a.view.stream:
        message = {"role": "assistant", **({"content": content} if content else {}), **({"tool_calls": calls, "tool_plan": "I will look."} if calls else {})}
        return "application/json", json.dumps({"id": "1", "message": message, "finish_reason": reason, "usage": usage}).encode()
    events = [{"type": "message-start", "id": "1", "delta": {"message": {"role": "assistant"}}}]
    for i, p in enumerate(content):
        kind = p["type"]
        events += [{"type": "content-start", "index": i, "delta": {"message": {"content": {"type": kind, kind: ""}}}},
                   {"type": "content-delta", "index": i, "delta": {"message": {"content": {kind: p[kind]}}}}, {"type": "content-end", "index": i}]
    if calls:
        events.append({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will look."}}})
    for i, c in enumerate(calls):
        events += [{"type": "tool-call-start", "index": i, "delta": {"message": {"tool_calls": {**c, "function": {"name": c["function"]["name"], "arguments": ""}}}}},
                   {"type": "tool-call-delta", "index": i, "delta": {"message": {"tool_calls": {"function": {"arguments": c["function"]["arguments"]}}}}},
                   {"type": "tool-call-end", "index": i}]
    events.append({"type": "message-end", "delta": {"finish_reason": reason, "usage": usage}})
    return "text/event-stream", sse(events, named=True)


def ollama(a):
    base = {"model": a.view.model, "created_at": "2026-01-01T00:00:00Z"}
    calls = [{"function": {"name": c[1], "arguments": c[2]}} for c in a.calls]
    message = {"role": "assistant", "content": a.text, **({"thinking": a.thought} if a.thought and a.view.get("think") else {}), **({"tool_calls": calls} if calls else {})}
    end = {"done": True, "done_reason": "stop", "total_duration": 1, "prompt_eval_count": 5, "eval_count": 2}
    if a.view.get("stream") is False:
        return "application/json", json.dumps({**base, "message": message, **end}).encode()
    lines = [{**base, "message": message, "done": False}, {**base, "message": {"role": "assistant", "content": ""}, **end}]
    return "application/x-ndjson", "".join(json.dumps(x) + "\n" for x in lines).encode()


WRITERS = {"chat": chat, "responses": responses, "anthropic": anthropic, "gemini": gemini, "converse": converse, "cohere": cohere, "ollama": ollama}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port=0, seed=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.seed, self.log, self.keys, self.lock = seed, {}, {}, threading.Lock()

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        m = re.fullmatch(r"/c(\d+)(/.*)", path)
        conversation, path = (int(m[1]), m[2]) if m else (None, path)
        name, path = refuse.find_target(path)
        if name is None:
            return self.reply(404, "application/json", b'{"error":"no such target"}')
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        try:
            found = refuse.violations(name, path, dict(self.headers), body)
            step = self.keep(conversation, name, path, body, found)
            if found:
                status, error = refuse.answer(name, found)
                return self.reply(status, "application/json", json.dumps(error).encode(), refuse.error_headers(name))
            reader = refuse.target(name)["reader"]
            r = random.Random(f"{self.server.seed}/{self.server.keys.get(conversation, conversation)}/{step}")
            kind, answer = WRITERS[reader](Answer(name, view.READERS[reader](body, path), r))
            self.reply(200, kind, answer)
        except (BrokenPipeError, ConnectionResetError):
            pass
        except Exception as e:  # a fault of the checker must not look like the worker's
            self.keep(conversation, name, path, body, [refuse.Violation("checker-fault", repr(e), 599, "", "", "")])
            self.reply(599, "application/json", json.dumps({"error": repr(e)}).encode())

    def keep(self, conversation, *entry):
        with self.server.lock:
            log = self.server.log.setdefault(conversation, [])
            log.append(entry)
            return len(log)

    def reply(self, status, kind, body, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for k, v in (headers or {}).items():
            self.send_header(k, v)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = Server(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
