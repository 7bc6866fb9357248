"""Reads a request body of any API into one neutral conversation, so that a rule is written once for all APIs."""
import base64
import json
import re
from dataclasses import dataclass, field


@dataclass
class Text:
    text: str
    path: list


@dataclass
class Call:
    id: str | None
    name: str | None
    arguments: object  # text where the API takes text, else the value
    path: list
    signature: str | None = None


@dataclass
class Media:
    kind: str  # image, file, audio, video
    declared: str | None  # media type, or the API's format word
    data: bytes | None  # None: by URL or id, or not base64
    path: list
    valid: bool = True
    url: str | None = None
    name: str | None = None


@dataclass
class Result:
    id: str | None
    name: str | None
    path: list
    texts: list = field(default_factory=list)
    media: list = field(default_factory=list)
    empty: bool = False


@dataclass
class Thought:
    text: str | None
    signature: str | None
    path: list
    kind: str = "text"  # text, redacted, encrypted


@dataclass
class Tool:
    name: str | None
    schema: object
    strict: bool
    path: list
    schema_path: list
    native: bool = False


@dataclass
class Turn:
    role: str  # system, user, assistant, tool
    word: str  # the API's own
    path: list
    raw: object
    texts: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    results: list = field(default_factory=list)
    media: list = field(default_factory=list)
    thoughts: list = field(default_factory=list)
    items: list = field(default_factory=list)  # kinds of the content blocks in order
    empty: bool = False  # no content at all


@dataclass
class View:
    model: str = ""
    turns: list = field(default_factory=list)
    system: list = field(default_factory=list)  # texts of a system member of its own
    tools: list = field(default_factory=list)
    body: dict = field(default_factory=dict)
    stream: bool = False
    path: str = ""
    headers: dict = field(default_factory=dict)  # names in lower case; empty where nobody looks at them

    def get(self, name):
        """A member of the body by its dotted name; None if it is absent."""
        value = self.body
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value


def sniff(data):
    """The media type that the bytes show, or None."""
    for magic, kind in [(b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"%PDF-", "application/pdf"),
                        (b"BM", "image/bmp"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"),
                        (b"II*\0", "image/tiff"), (b"PK\x03\x04", "application/zip"), (b"\x1aE\xdf\xa3", "video/webm")]:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return None


def decode(text):
    """(bytes, valid) of base64, in either alphabet and with or without padding: that is what decoders agree to take."""
    try:
        text = text.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True), True
    except (ValueError, TypeError, AttributeError):
        return None, False


def data_url(url):
    """(declared type, bytes, valid) of a data URL; (None, None, True) of any other."""
    if not isinstance(url, str) or not url.startswith("data:"):
        return None, None, True
    m = re.fullmatch(r"data:([^;,]*)((?:;[^;,]*)*),(.*)", url, re.S)
    if not m or ";base64" not in m[2]:
        return (m[1] if m else ""), None, False
    data, valid = decode(m[3])
    return m[1], data, valid


def as_list(value):
    return value if isinstance(value, list) else []


def as_dict(value):
    return value if isinstance(value, dict) else {}


def _media(kind, url, path, name=None):
    declared, data, valid = data_url(url)
    return Media(kind, declared, data, path, valid, url if declared is None else None, name)


# --- OpenAI chat and those like it, Cohere v2, Ollama ---

def _chat_part(p, path, texts, media, thoughts, items):
    kind = p.get("type")
    items.append(kind)
    if kind == "text":
        texts.append(Text(p.get("text") or "", path + ["text"]))
    elif kind == "refusal":
        texts.append(Text(p.get("refusal") or "", path + ["refusal"]))
    elif kind in ("image_url", "video_url", "audio_url", "document_url"):
        url = p.get(kind)
        media.append(_media({"image_url": "image", "document_url": "file"}.get(kind, kind[:5]), url.get("url") if isinstance(url, dict) else url, path + [kind]))
    elif kind == "input_audio":
        a = p.get("input_audio")
        data, valid = decode(a.get("data") if isinstance(a, dict) else a)
        media.append(Media("audio", as_dict(a).get("format"), data, path + [kind], valid))
    elif kind == "file":
        f = as_dict(p.get("file"))
        if "file_data" in f:
            m = _media("file", f["file_data"], path + ["file", "file_data"], f.get("filename"))
            m.valid = m.valid and m.declared is not None
            media.append(m)
    elif kind == "thinking":
        t = p.get("thinking")
        thoughts.append(Thought(t if isinstance(t, str) else json.dumps(t), p.get("signature"), path))
    elif kind == "document" and "document" in p:
        texts.append(Text(json.dumps(p["document"]), path))


def chat(body, path=""):
    v = View(model=body.get("model") or "", body=body, stream=body.get("stream", False) is True, path=path)
    for i, m in enumerate(as_list(body.get("messages"))):
        m = as_dict(m)
        role = {"developer": "system", "function": "tool"}.get(m.get("role"), m.get("role"))
        t = Turn(role, m.get("role"), ["messages", i], m)
        content, at = m.get("content"), ["messages", i, "content"]
        texts, media = [], []
        if isinstance(content, str):
            texts.append(Text(content, at))
            t.items.append("string")
        for j, p in enumerate(as_list(content)):
            _chat_part(as_dict(p), at + [j], texts, media, t.thoughts, t.items)
        for j, image in enumerate(as_list(m.get("images"))):
            data, valid = decode(image)
            media.append(Media("image", None, data, ["messages", i, "images", j], valid))
        for j, c in enumerate(as_list(m.get("tool_calls"))):
            f = as_dict(as_dict(c).get("function") or as_dict(c).get("custom"))
            t.calls.append(Call(c.get("id"), f.get("name"), f.get("arguments", f.get("input")), ["messages", i, "tool_calls", j]))
        for member in ("reasoning_content", "reasoning", "thinking"):
            if isinstance(m.get(member), str):
                t.thoughts.append(Thought(m[member], None, ["messages", i, member]))
        if role == "tool":
            t.results.append(Result(m.get("tool_call_id"), m.get("name") or m.get("tool_name"), ["messages", i], texts, media,
                                    empty=not media and not "".join(x.text for x in texts)))
        else:
            t.texts, t.media = texts, media
        t.empty = not media and not t.calls and not "".join(x.text for x in texts)
        v.turns.append(t)
    for i, tool in enumerate(as_list(body.get("tools"))):
        f = as_dict(tool).get("function")
        native = not isinstance(f, dict) or tool.get("type", "function") != "function"
        f = as_dict(f)
        v.tools.append(Tool(f.get("name"), f.get("parameters"), f.get("strict") is True, ["tools", i, "function"], ["tools", i, "function", "parameters"], native))
    return v


# --- OpenAI Responses ---

def responses(body, path=""):
    v = View(model=body.get("model") or "", body=body, stream=body.get("stream", False) is True, path=path)
    if isinstance(body.get("instructions"), str):
        v.system.append(Text(body["instructions"], ["instructions"]))
    items = body.get("input")
    if isinstance(items, str):
        v.turns.append(Turn("user", "user", ["input"], items, texts=[Text(items, ["input"])]))
    for i, item in enumerate(as_list(items)):
        item, at = as_dict(item), ["input", i]
        kind = item.get("type", "message" if "role" in item else None)
        if kind == "message":
            t = Turn({"developer": "system"}.get(item.get("role"), item.get("role")), item.get("role"), at, item)
            if isinstance(item.get("content"), str):
                t.texts.append(Text(item["content"], at + ["content"]))
            for j, p in enumerate(as_list(item.get("content"))):
                p, where = as_dict(p), at + ["content", j]
                t.items.append(p.get("type"))
                if p.get("type") in ("input_text", "output_text", "refusal"):
                    t.texts.append(Text(p.get("text", p.get("refusal")) or "", where + ["text"]))
                elif p.get("type") == "input_image" and p.get("image_url"):
                    t.media.append(_media("image", p["image_url"], where + ["image_url"]))
                elif p.get("type") == "input_file" and p.get("file_data"):
                    t.media.append(_media("file", p["file_data"], where + ["file_data"], p.get("filename")))
            t.empty = not t.media and not "".join(x.text for x in t.texts)
        elif kind in ("function_call", "custom_tool_call"):
            t = Turn("assistant", kind, at, item)
            t.calls.append(Call(item.get("call_id"), item.get("name"), item.get("arguments", item.get("input")), at))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            t = Turn("tool", kind, at, item)
            r = Result(item.get("call_id"), None, at)
            if isinstance(item.get("output"), str):
                r.texts.append(Text(item["output"], at + ["output"]))
            for j, p in enumerate(as_list(item.get("output"))):
                p = as_dict(p)
                if p.get("type") == "input_text":
                    r.texts.append(Text(p.get("text") or "", at + ["output", j, "text"]))
                elif p.get("type") == "input_image" and p.get("image_url"):
                    r.media.append(_media("image", p["image_url"], at + ["output", j, "image_url"]))
                elif p.get("type") == "input_file" and p.get("file_data"):
                    r.media.append(_media("file", p["file_data"], at + ["output", j, "file_data"], p.get("filename")))
            r.empty = not r.media and not "".join(x.text for x in r.texts)
            t.results.append(r)
        elif kind == "reasoning":
            t = Turn("assistant", kind, at, item)
            t.thoughts.append(Thought("".join(as_dict(s).get("text", "") for s in as_list(item.get("summary"))), item.get("encrypted_content"), at, "encrypted"))
        else:
            t = Turn("other", kind, at, item)
        v.turns.append(t)
    for i, tool in enumerate(as_list(body.get("tools"))):
        tool = as_dict(tool)
        v.tools.append(Tool(tool.get("name"), tool.get("parameters"), tool.get("strict") is True, ["tools", i], ["tools", i, "parameters"],
                            tool.get("type") != "function"))
    return v


# --- Anthropic Messages ---

def anthropic(body, path=""):
    m = re.search(r"(?:models|model)/([^/:]+(?:%3A[^/:]+)?)[:/]", path)
    v = View(model=body.get("model") or (m[1] if m else ""), body=body, stream=body.get("stream", False) is True, path=path)
    system = body.get("system")
    if isinstance(system, str):
        v.system.append(Text(system, ["system"]))
    for i, p in enumerate(as_list(system)):
        v.system.append(Text(as_dict(p).get("text") or "", ["system", i]))
    for i, m in enumerate(as_list(body.get("messages"))):
        m = as_dict(m)
        t = Turn(m.get("role"), m.get("role"), ["messages", i], m)
        content = m.get("content")
        if isinstance(content, str):
            t.texts.append(Text(content, ["messages", i, "content"]))
            t.items.append("string")
            t.empty = content == ""
        else:
            t.empty = not as_list(content)
        for j, p in enumerate(as_list(content)):
            p, at = as_dict(p), ["messages", i, "content", j]
            kind = p.get("type")
            t.items.append(kind)
            if kind == "text":
                t.texts.append(Text(p.get("text") or "", at))
            elif kind in ("image", "document"):
                t.media.append(_anthropic_media(p, at))
            elif kind == "tool_use":
                t.calls.append(Call(p.get("id"), p.get("name"), p.get("input"), at))
            elif kind == "tool_result":
                r = Result(p.get("tool_use_id"), None, at)
                c = p.get("content")
                if isinstance(c, str):
                    r.texts.append(Text(c, at + ["content"]))
                for k, q in enumerate(as_list(c)):
                    q = as_dict(q)
                    if q.get("type") == "text":
                        r.texts.append(Text(q.get("text") or "", at + ["content", k]))
                    elif q.get("type") in ("image", "document"):
                        r.media.append(_anthropic_media(q, at + ["content", k]))
                r.empty = not c
                t.results.append(r)
            elif kind == "thinking":
                t.thoughts.append(Thought(p.get("thinking"), p.get("signature"), at))
            elif kind == "redacted_thinking":
                t.thoughts.append(Thought(None, p.get("data"), at, "redacted"))
        v.turns.append(t)
    for i, tool in enumerate(as_list(body.get("tools"))):
        tool = as_dict(tool)
        v.tools.append(Tool(tool.get("name"), tool.get("input_schema"), tool.get("strict") is True, ["tools", i, "custom"], ["tools", i, "custom", "input_schema"],
                            tool.get("type") not in (None, "custom")))
    return v


def _anthropic_media(p, at):
    s = as_dict(p.get("source"))
    kind = "image" if p.get("type") == "image" else "file"
    at = at + [p.get("type"), "source", s.get("type")]
    if s.get("type") == "base64":
        data, valid = decode(s.get("data"))
        return Media(kind, s.get("media_type"), data, at, valid)
    if s.get("type") == "text":
        return Media(kind, s.get("media_type"), None, at)
    return Media(kind, None, None, at, url=s.get("url") or s.get("file_id"))


# --- Gemini ---

def gemini(body, path=""):
    m = re.search(r"/([^/:]+):(?:stream)?[gG]enerateContent", path)
    v = View(model=m[1] if m else "", body=body, stream="streamGenerateContent" in path, path=path)
    for i, p in enumerate(as_list(as_dict(body.get("systemInstruction")).get("parts"))):
        v.system.append(Text(as_dict(p).get("text") or "", ["system_instruction", "parts", i]))
    for i, c in enumerate(as_list(body.get("contents"))):
        c = as_dict(c)
        role = {"model": "assistant", "function": "user", None: "user"}.get(c.get("role"), c.get("role"))
        t = Turn(role, c.get("role"), ["contents", i], c, empty=not as_list(c.get("parts")))
        for j, p in enumerate(as_list(c.get("parts"))):
            p, at = as_dict(p), ["contents", i, "parts", j]
            kind = next((k for k in ("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult",
                                     "toolCall", "toolResponse") if k in p), None)
            t.items.append(kind)
            if kind == "text" and p.get("thought") is True:
                t.thoughts.append(Thought(p["text"], p.get("thoughtSignature"), at))
            elif kind == "text":
                t.texts.append(Text(p["text"] or "", at))
                if "thoughtSignature" in p:
                    t.thoughts.append(Thought(None, p["thoughtSignature"], at, "encrypted"))
            elif kind == "inlineData":
                t.media.append(_gemini_blob(p["inlineData"], at + ["inline_data"]))
            elif kind == "functionCall":
                f = as_dict(p["functionCall"])
                t.calls.append(Call(f.get("id"), f.get("name"), f.get("args"), at + ["function_call"], p.get("thoughtSignature")))
            elif kind == "functionResponse":
                f = as_dict(p["functionResponse"])
                r = Result(f.get("id"), f.get("name"), at + ["function_response"])
                for k, q in enumerate(as_list(f.get("parts"))):
                    if "inlineData" in as_dict(q):
                        r.media.append(_gemini_blob(q["inlineData"], at + ["function_response", "parts", k, "inline_data"]))
                t.results.append(r)
        v.turns.append(t)
    n = 0
    for i, tool in enumerate(as_list(body.get("tools"))):
        declarations = as_list(as_dict(tool).get("functionDeclarations"))
        for j, f in enumerate(declarations):
            f, at = as_dict(f), ["tools", i, "function_declarations", j]
            member = "parametersJsonSchema" if "parametersJsonSchema" in f else "parameters"
            v.tools.append(Tool(f.get("name"), f.get(member), False, at, at + [member], False))
            n += 1
    return v


def _gemini_blob(b, at):
    b = as_dict(b)
    data, valid = decode(b.get("data"))
    mime = b.get("mimeType") or ""
    kind = mime.split("/")[0] if mime.split("/")[0] in ("image", "audio", "video") else "file"
    return Media(kind, mime, data, at, valid)


# --- Bedrock Converse ---

FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "pdf": "application/pdf"}


def converse(body, path=""):
    m = re.search(r"/model/([^/]+)/converse", path)
    v = View(model=(m[1] if m else "").replace("%3A", ":"), body=body, stream="converse-stream" in path, path=path)
    for i, p in enumerate(as_list(body.get("system"))):
        if "text" in as_dict(p):
            v.system.append(Text(p["text"], ["system", i]))
    for i, m in enumerate(as_list(body.get("messages"))):
        m = as_dict(m)
        t = Turn(m.get("role"), m.get("role"), ["messages", i], m, empty=not as_list(m.get("content")))
        for j, p in enumerate(as_list(m.get("content"))):
            p, at = as_dict(p), ["messages", i, "content", j]
            kind = next(iter(p), None)
            t.items.append(kind)
            if "text" in p:
                t.texts.append(Text(p["text"] if isinstance(p["text"], str) else "", at))
            elif kind in ("image", "document", "audio", "video"):
                t.media.append(_converse_media(kind, p[kind], at + [kind]))
            elif "toolUse" in p:
                u = as_dict(p["toolUse"])
                t.calls.append(Call(u.get("toolUseId"), u.get("name"), u.get("input"), at + ["toolUse"]))
            elif "toolResult" in p:
                u = as_dict(p["toolResult"])
                r = Result(u.get("toolUseId"), None, at + ["toolResult"], empty=not as_list(u.get("content")))
                for k, q in enumerate(as_list(u.get("content"))):
                    q = as_dict(q)
                    if "text" in q:
                        r.texts.append(Text(q["text"], at + ["toolResult", "content", k]))
                    for kind2 in ("image", "document", "video"):
                        if kind2 in q:
                            r.media.append(_converse_media(kind2, q[kind2], at + ["toolResult", "content", k, kind2]))
                t.results.append(r)
            elif "reasoningContent" in p:
                q = as_dict(p["reasoningContent"])
                if "redactedContent" in q:
                    t.thoughts.append(Thought(None, q["redactedContent"], at, "redacted"))
                else:
                    q = as_dict(q.get("reasoningText"))
                    t.thoughts.append(Thought(q.get("text"), q.get("signature"), at))
        v.turns.append(t)
    for i, tool in enumerate(as_list(as_dict(body.get("toolConfig")).get("tools"))):
        s = as_dict(tool).get("toolSpec")
        if "cachePoint" in as_dict(tool):
            continue
        f = as_dict(s)
        at = ["toolConfig", "tools", i, "toolSpec"]
        v.tools.append(Tool(f.get("name"), as_dict(f.get("inputSchema")).get("json"), f.get("strict") is True, at, at + ["inputSchema", "json"], s is None))
    return v


def _converse_media(kind, p, at):
    p = as_dict(p)
    data, valid = decode(as_dict(p.get("source")).get("bytes"))
    if "bytes" not in as_dict(p.get("source")):
        data, valid = None, True
    kind = {"document": "file"}.get(kind, kind)
    return Media(kind, FORMATS.get(p.get("format"), p.get("format")), data, at, valid, name=p.get("name"))


READERS = {"chat": chat, "responses": responses, "anthropic": anthropic, "gemini": gemini, "converse": converse, "cohere": chat, "ollama": chat}
