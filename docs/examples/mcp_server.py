"""A server of the Model Context Protocol with one tool, on stdin and stdout: the smallest one for docs/protocol.md."""
import json
import sys

FORECAST = {"name": "forecast", "description": "Weather of a city tomorrow",
            "inputSchema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def respond(method, parameters):
    if method == "initialize":
        return {"protocolVersion": parameters["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "weather", "version": "1"}}
    if method == "tools/list":
        return {"tools": [FORECAST]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": "Rain in " + parameters["arguments"]["city"]}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"],
                          "result": respond(message["method"], message.get("params", {}))}), flush=True)
