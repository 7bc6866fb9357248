"""A scripted model behind a loopback HTTP server, in the words of OpenAI's chat completions, and a LeanSpec API to play."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def event(delta, finish=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return ("data: " + json.dumps({"choices": [choice]}) + "\n\n").encode()


def raw_text_event(inside):
    """A text whose JSON is written by the test: `inside` stands between the quotes."""
    return b'data: {"choices":[{"index":0,"delta":{"content":"' + inside + b'"}}]}\n\n'


END = b'data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}\n\ndata: [DONE]\n\n'


def answer(*texts):
    return [event({"content": text}) for text in texts] + [event({}, "stop"), END]


def call(name, arguments, call_id="call_1"):
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    function = {"name": name, "arguments": arguments}
    return [event({"tool_calls": [{"index": 0, "id": call_id, "type": "function", "function": function}]}),
            event({}, "tool_calls"), END]


class Reply:
    def __init__(self, status=200, pieces=(), content_type="text/event-stream", headers=(), body=None):
        self.status, self.pieces, self.content_type, self.headers, self.body = status, pieces, content_type, headers, body


def json_reply(value, status=200):
    return Reply(status, body=json.dumps(value).encode(), content_type="application/json")


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)

    def tool_results(self):
        """The outputs of tools that the conversation has, in order."""
        return [message["content"] for message in self.json()["messages"] if message["role"] == "tool"]


class Server:
    """`route(request)` gives the reply; a list of pieces is the reply of a model."""

    def __init__(self, route):
        requests = self.requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                length = int(self.headers.get("content-length") or 0)
                request = Request(self.command, self.path, self.headers, self.rfile.read(length))
                requests.append(request)
                reply = route(request)
                if isinstance(reply, list):
                    reply = Reply(pieces=reply)
                self.close_connection = True
                self.send_response(reply.status)
                self.send_header("content-type", reply.content_type)
                self.send_header("connection", "close")
                for name, value in reply.headers:
                    self.send_header(name, value)
                if reply.body is not None:
                    self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                try:
                    for piece in [reply.body] if reply.body is not None else reply.pieces:
                        self.wfile.write(piece)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the worker went

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def provider(url, provider_id="custom", key="sk-test", model="m"):
    return {"id": provider_id, "name": "Custom", "baseUrl": url, "apiKey": key,
            "models": [{"id": model, "name": "M", "maxTokens": 1000, "default": True}]}


class Model:
    """A model whose answers are given one after the other; each is a reply or a function of the request."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.server = Server(self._route)
        self.requests = self.server.requests
        self.url = self.server.url

    def _route(self, request):
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(request) if callable(reply) else reply

    def close(self):
        self.server.close()
