"""Mixed histories in the project's own request form (docs/protocol.md), made from a seed: turns of any provider, then any target.

    python3 histories.py [SEED]      prints one
"""
import base64
import json
import random
import sys
import uuid
import zlib

ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def b64(data):
    return base64.b64encode(data).decode()


def _png():
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\2\0\0\0") + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


FILES = {
    "png": _png(), "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9", "gif": b"GIF89a\1\0\1\0\0\0\0;", "webp": b"RIFF\x1a\0\0\0WEBPVP8L\r\0\0\0/\0\0\0\x10\7\x10\x11\x11\x88\x88",
    "bmp": b"BM:\0\0\0\0\0\0\0006\0\0\0(\0\0\0\1\0\0\0\1\0\0\0", "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    "txt": b"a plain text", "csv": b"a,b\n1,2\n", "zip": b"PK\x03\x04 not a real one", "wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", "mp3": b"ID3\3\0\0\0\0\0\0", "ogg": b"OggS\0\2", "none": b"\0\1\2\3",
}
TYPES = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp", "svg": "image/svg+xml", "pdf": "application/pdf", "txt": "text/plain",
         "csv": "text/csv", "zip": "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg",
         "none": "application/octet-stream"}
IMAGES, OTHERS, AUDIO = ["png", "jpeg", "gif", "webp", "bmp", "svg"], ["pdf", "pdf", "txt", "csv", "zip", "none"], ["wav", "mp3", "ogg"]
FILENAMES = ["report.pdf", "report.pdf", "a  b.pdf", "naïve résumé.pdf", "x_y-z (1).pdf", "", ".pdf", "très.longue." + "n" * 250, "notes", "日本語.txt"]

TOOLS = ["search", "get_weather", "read_file", "mcp__server__list-items"]
ODD_NAMES = ["server.tool", "two words", "21st_magic", "a/b", "größe", "x" * 65, "y" * 130, "z" * 201, "functions.search:0", "工具", "-dash", "a:b"]
SCHEMAS = [
    {"type": "object", "properties": {"q": {"type": "string", "description": "Query."}}, "required": ["q"]},
    {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 5}, "unit": {"enum": ["c", "f"]}}, "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": ["string", "null"]}}}}}},
]
ODD_SCHEMAS = [
    None, {}, {"type": "object"}, {"properties": {"x": {"type": "string"}}}, {"type": "object", "properties": {}}, {"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "object", "properties": {}}]},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    {"type": "object", "oneOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "string"}}}]},
    {"type": "object", "properties": {"list": {"type": "array"}}}, {"type": "object", "properties": {"pair": {"type": "array", "items": [{"type": "string"}, {"type": "number"}]}}},
    {"type": "object", "properties": {"pair": {"type": "array", "prefixItems": [{"type": "string"}], "minItems": 1, "maxItems": 1}}},
    {"type": "object", "properties": {"$select": {"type": "string"}, "two words": {"type": "string"}, "k" * 70: {"type": "string"}}},
    {"type": "object", "properties": {"u": {"type": "string", "format": "uri"}, "m": {"type": "string", "format": "email"}, "d": {"type": "string", "format": "date-time"}}},
    {"type": "object", "properties": {"e": {"type": "integer", "enum": [1, 2, 3]}, "x": {"enum": ["", "a"]}}},
    {"type": "object", "properties": {"c": {"const": "fixed"}, "n": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}}},
    {"type": "object", "properties": {"node": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "v": {"type": "string"}}}}},
    {"type": "object", "properties": {"d": {"$ref": "#/definitions/D"}}, "definitions": {"D": {"type": "string"}}, "$schema": "http://json-schema.org/draft-07/schema#"},
    {"type": "object", "properties": {"opt": {"anyOf": [{"type": "string"}, {"type": "null"}], "type": "string", "default": None}}},
    {"type": "object", "properties": {"any": {}, "described": {"description": "Anything."}}, "required": ["any", "missing"]},
    {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "string"}}, "o": {"type": "object", "patternProperties": {"^x": {"type": "string"}}}}},
    {"type": "object", "properties": {"a": {"allOf": [{"type": "string"}, {"minLength": 1}]}, "n": {"not": {"type": "string"}}, "i": {"if": {"type": "string"}, "then": {"minLength": 1}}}},
    {"type": "object", "properties": {"s": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^(?!x).*$"}, "u": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}}},
    {"type": "object", "properties": {"deep": {"type": "object", "properties": {"deeper": {"type": "object"}}}}, "title": "T", "examples": [{}], "x-vendor": 1},
    {"type": "string"},
    {"type": "object", "properties": {"nullable": {"type": "string", "nullable": True}, "t": {"type": ["string", "integer", "null"]}}},
]


def word(r, n, letters=ALNUM):
    return "".join(r.choice(letters) for _ in range(n))


IDS = [
    lambda r: "call_" + word(r, 24), lambda r: "toolu_01" + word(r, 22), lambda r: "toolu_vrtx_01" + word(r, 22), lambda r: "tooluse_" + word(r, 22), lambda r: word(r, 9),
    lambda r: "chatcmpl-tool-" + word(r, 32), lambda r: str(uuid.UUID(int=r.getrandbits(128))), lambda r: f"functions.search:{r.randrange(3)}", lambda r: f"call_{r.randrange(2)}",
    lambda r: f"search_{r.randrange(99)}", lambda r: "ws_" + word(r, 48), lambda r: f"call_{word(r, 24)}|fc_{word(r, 48)}", lambda r: word(r, 400, ALNUM + "_-+/="), lambda r: word(r, 64),
    lambda r: word(r, 65), lambda r: "id with space", lambda r: "größe-" + word(r, 4), lambda r: str(r.randrange(10)), lambda r: "portkey-" + str(uuid.UUID(int=r.getrandbits(128))),
]
EMPTY = ["", " ", "\n\n", "\t"]


class Maker:
    def __init__(self, r, harvest):
        self.r, self.harvest, self.odd = r, harvest, r.choice([0.02, 0.1, 0.3])
        self.tools = []

    def hit(self, p=1.0):
        return self.r.random() < min(1.0, self.odd * p)

    def text(self):
        return self.r.choice(EMPTY) if self.hit(0.7) else self.r.choice(["Hello.", "What is in it?", "Go on, please.", "Zwei Wörter ✓", "a\nb", "trailing space "])

    def media(self):
        r = self.r
        what = r.choice(["image", "image", "image", "file", "file", "audio"])
        key = r.choice({"image": IMAGES[:2] if not self.hit(2) else IMAGES, "file": OTHERS[:1] if not self.hit(2) else OTHERS, "audio": AUDIO}[what])
        part = {"type": what, "mediaType": TYPES[key], "data": b64(FILES[key])}
        if self.hit(2):
            part["mediaType"] = r.choice(list(TYPES.values()) + ["image/jpg", "image/PNG", "image/png; charset=binary", None])
        if self.hit() and what == "image":
            part = {"type": "image", "mediaType": part["mediaType"], "url": r.choice(["https://example.com/a.png", f"data:{TYPES[key]};base64,{part['data']}", "data:image/png;base64,%%%"])}
        if self.hit(0.3) and "data" in part:
            part["data"] = r.choice(["%%%", "AAA", b64(b"\0")])
        if what == "file" or self.hit():
            part["filename"] = r.choice(FILENAMES[:2] if not self.hit(2) else FILENAMES)
        return part

    def call(self):
        r = self.r
        name = r.choice(ODD_NAMES) if self.hit() else r.choice([t["name"] for t in self.tools if "name" in t] or TOOLS)
        part = {"type": "tool-call", "toolCallId": (r.choice(IDS) if r.random() < 0.5 or self.hit(2) else IDS[0])(r), "toolName": name, "input": {"q": "x"}}
        if r.random() < 0.3:
            part["inputText"] = '{"q":"x"}'
        if self.hit():
            part.update(r.choice([{"input": None, "inputText": '{"q": '}, {"input": None, "inputText": ""}, {"input": None}, {"input": []}, {"input": "text"}, {"input": 5, "inputText": "5"},
                                  {"input": None, "inputText": "not json"}, {"input": [1], "inputText": "[1]"}, {"input": {}, "inputText": "{}"}, {"input": {"q": "x"}, "inputText": '{"q":"x"'}]))
        return part

    def output(self):
        r = self.r
        if self.hit():
            return r.choice([{"type": "text", "value": ""}, {"type": "text", "value": " "}, {"type": "content", "value": []}, {"type": "content", "value": [{"type": "text", "text": ""}]}, "",
                             {"type": "json", "value": None}, {"type": "error-text", "value": ""}, {"type": "json", "value": [1, 2]}, {"type": "json", "value": ""}])
        if self.hit(1.5):
            return {"type": "content", "value": [{"type": "text", "text": "an image"}] * r.randrange(2) + [self.media()]}
        return r.choice([{"type": "text", "value": "found"}, {"type": "json", "value": {"ok": True}}, {"type": "error-text", "value": "failed"}, "plain"])

    def assistant(self):
        """An assistant turn, and the turns with its results."""
        r = self.r
        if self.harvest and r.random() < 0.4:
            return [dict(m) for m in r.choice(self.harvest)]
        content = []
        if r.random() < 0.3:
            part = {"type": "reasoning", "text": "" if self.hit() else "I think so."}
            if r.random() < 0.2:
                part["providerState"] = r.choice(["elsewhere:{\"signature\":\"abc\"}", "anthropic-messages:{}", "not even json"])
            content.append(part)
        if r.random() < 0.6 or self.hit():
            content.append({"type": "text", "text": self.text()})
        calls = [self.call() for _ in range(r.choice([1, 1, 1, 2, 3]))] if r.random() < 0.5 else []
        if self.hit(0.3) and len(calls) > 1:
            calls[1]["toolCallId"] = calls[0]["toolCallId"]
        if self.hit(0.5):
            content.append(self.media())
        turns = [{"role": "assistant", "content": content + calls}]
        if calls and self.hit(0.3):  # the text behind the calls
            turns[0]["content"] = calls + content
        results = [{"type": "tool-result", "toolCallId": c["toolCallId"], "toolName": c["toolName"], "output": self.output()} for c in calls]
        if self.hit(0.5) and results:
            results.pop(r.randrange(len(results)))
        if self.hit(0.3) and results:
            results.append(dict(results[0]))
        if self.hit(0.2):
            results.append({"type": "tool-result", "toolCallId": "stray", "toolName": "search", "output": "x"})
        if self.hit():
            r.shuffle(results)
        if results and r.random() < 0.5:
            turns.append({"role": "tool", "content": results})
        else:
            turns += [{"role": "tool", "content": [x]} for x in results]
        if self.hit(0.3) and len(turns) > 1:
            turns.insert(1, {"role": "user", "content": "in between"})
        return turns

    def user(self):
        r = self.r
        if r.random() < 0.6:
            return {"role": "user", "content": self.text()}
        parts = [{"type": "text", "text": self.text()} for _ in range(r.randrange(3))]
        parts += [self.media() for _ in range(r.choice([0, 1, 1, 2]))]
        r.shuffle(parts)
        return {"role": "user", "content": parts or "Hi."}

    def tool(self, i):
        r = self.r
        name = r.choice(ODD_NAMES) if self.hit(0.5) else (TOOLS[i] if i < len(TOOLS) else f"tool_{i}")
        t = {"name": name, "description": "Does it."}
        schema = r.choice(ODD_SCHEMAS) if self.hit(2) else r.choice(SCHEMAS)
        if schema is not None:
            t["inputSchema"] = schema
        if r.random() < 0.15:
            t["strict"] = True
        return t

    def parameters(self):
        r, p = self.r, {}
        choices = [("temperature", lambda: r.choice([0, 0.3, 0.7, 1])), ("topP", lambda: 0.9), ("topK", lambda: 40), ("stopSequences", lambda: r.choice([["END"], ["a", "b", "c", "d", "e", "f"], ["\n"]])),
                   ("frequencyPenalty", lambda: 0.5), ("presencePenalty", lambda: 0.5), ("seed", lambda: 7), ("maxOutputTokens", lambda: r.choice([16, 1000, 4000])),
                   ("reasoning", lambda: r.choice([{"effort": "low"}, {"effort": "high"}, {"effort": "none"}, {"budgetTokens": 2000}])), ("parallelToolCalls", lambda: r.random() < 0.5),
                   ("logprobs", lambda: True)]
        for name, make in choices:
            if r.random() < 0.08:
                p[name] = make()
        if r.random() < 0.3:
            p["reasoning"] = {"effort": "medium"}
        if r.random() < 0.1:
            p["toolChoice"] = r.choice(["none", "required", "auto", {"type": "tool", "toolName": self.tools[0]["name"]} if self.tools else "auto"])
        if r.random() < 0.07:
            p["responseFormat"] = {"type": "json", "name": "answer", "schema": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}
        if r.random() < 0.1:
            p["stream"] = {"upstream": False}
        return p

    def conversation(self):
        r = self.r
        if r.random() < 0.7:
            self.tools = [self.tool(i) for i in range(140 if self.hit(0.1) else r.choice([1, 1, 2, 3, 5]))]
            seen = set()
            self.tools = [t for t in self.tools if t["name"] not in seen and not seen.add(t["name"])]
        messages = [{"role": "system", "content": self.text()} for _ in range(r.choice([0, 0, 1, 1, 2]))]
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            if not self.hit(0.5):
                messages.append(self.user())
            messages += self.assistant()
            if self.hit(0.5):
                messages.append({"role": r.choice(["system", "developer"]), "content": "Be brief."})
        end = r.random()
        if end < 0.75 or not messages or messages[-1]["role"] == "system":
            messages.append(self.user())
        elif end < 0.9 and messages[-1]["role"] == "assistant":
            messages.append({"role": "user", "content": "And now?"})
        payload = {"messages": messages, **self.parameters()}
        if self.tools:
            payload["tools"] = self.tools
        if r.random() < 0.2:
            payload["system"] = self.text()
        return payload


def make(seed, harvest=()):
    """One chat's payload without config, model and provider."""
    return Maker(random.Random(seed), harvest).conversation()


if __name__ == "__main__":
    print(json.dumps(make(sys.argv[1] if len(sys.argv) > 1 else 0), indent=1, ensure_ascii=False))
