"""A server of the Model Context Protocol on stdin and stdout, for the cases: every call gives what its name says."""
import json
import os
import sys

OBJECT = {"type": "object"}
TOOLS = [{"name": "echo", "description": "Says it again.", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}},
         {"name": "parts", "inputSchema": OBJECT}, {"name": "structured", "inputSchema": OBJECT},
         {"name": "fails", "inputSchema": OBJECT}, {"name": "refuses", "inputSchema": OBJECT},
         {"name": "dies", "inputSchema": OBJECT}, {"name": "odd name!", "inputSchema": OBJECT}]


def text(words):
    return {"type": "text", "text": words}


def call(name, arguments):
    if name == "echo":
        return {"content": [text(arguments["text"] + " " + os.environ.get("GREETING", ""))]}
    if name == "parts":
        return {"content": [text("See:"), {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"},
                            {"type": "audio", "data": "UklGRg==", "mimeType": "audio/wav"},
                            {"type": "resource", "resource": {"uri": "file:///a.txt", "mimeType": "text/plain", "text": "a"}},
                            {"type": "resource_link", "uri": "file:///b.txt", "name": "b"}]}
    if name == "structured":
        return {"content": [text('{"high":"12:00"}')], "structuredContent": {"high": "12:00"}}
    if name == "fails":
        return {"content": [text("No such harbour.")], "isError": True}
    if name == "dies":
        sys.exit(3)
    return {"content": [text("odd")]}


def result_of(request):
    method, parameters = request["method"], request.get("params", {})
    if method == "initialize":
        return {"protocolVersion": parameters["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "scripted", "version": "1"}}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return call(parameters["name"], parameters.get("arguments", {}))
    return {}


for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    answer = {"jsonrpc": "2.0", "id": request["id"]}
    if request.get("params", {}).get("name") == "refuses":
        answer["error"] = {"code": -32000, "message": "Not today.", "data": {"day": 1}}
    else:
        answer["result"] = result_of(request)
    print(json.dumps(answer), flush=True)
