"""Reads the request types of the official Python SDKs and writes them as shapes (see shape.py), one file for each API.

    python3 -m venv v && v/bin/pip install openai anthropic groq cerebras-cloud-sdk together mistralai cohere google-genai ollama
    v/bin/python rules/import_sdks.py

The output is committed; the checker itself needs no package.
"""
import collections.abc
import dataclasses
import importlib
import importlib.metadata
import json
import os
import re
import types
import typing

import typing_extensions as te

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "shapes")


def is_typed_dict(t):
    return isinstance(t, type) and hasattr(t, "__required_keys__")


def is_pydantic(t):
    return isinstance(t, type) and hasattr(t, "model_fields")


class Importer:
    """Turns types into shapes; names every object once."""

    def __init__(self, rename):
        self.defs, self.names, self.rename = {}, {}, rename

    def name(self, t):
        if t not in self.names:
            base, n = re.sub(r"(TypedDict|Param|Params)$", "", t.__name__), 0
            name = base
            while name in self.names.values():
                n += 1
                name = f"{base}{n}"
            self.names[t] = name
        return self.names[t]

    def shape(self, t):
        if isinstance(t, (str, typing.ForwardRef)):
            raise TypeError(f"unresolved {t}")
        if hasattr(te, "TypeAliasType") and isinstance(t, te.TypeAliasType):
            return self.shape(t.__value__)
        origin, args = te.get_origin(t), te.get_args(t)
        if isinstance(origin, getattr(te, "TypeAliasType", ())):
            return self.shape(origin.__value__[args])
        if origin in (te.Required, te.NotRequired, typing.Required, typing.NotRequired, te.ReadOnly):
            return self.shape(args[0])
        if origin is typing.Annotated:
            return self.shape(args[0])
        if origin is typing.Literal or origin is te.Literal:
            return {"enum": list(args)}
        if origin is typing.Union or origin is types.UnionType:
            return self.union([self.shape(a) for a in args])
        if t is None or t is type(None):
            return {"is": "null"}
        if t in (str, bytes):
            return {"is": "string"}
        if t is bool:
            return {"is": "boolean"}
        if t is int:
            return {"is": "integer"}
        if t is float:
            return {"is": "number"}
        if t in (object, typing.Any) or isinstance(t, typing.TypeVar):
            return {"is": "any"}
        if is_typed_dict(t) or is_pydantic(t):
            return self.obj(t)
        if origin in (dict, collections.abc.Mapping, collections.abc.MutableMapping):
            return {"map": self.shape(args[1]) if len(args) > 1 else {"is": "any"}}
        if t in (dict, collections.abc.Mapping):
            return {"map": {"is": "any"}}
        if origin in (list, tuple, set, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection):
            return {"list": self.shape(args[0]) if args else {"is": "any"}}
        if getattr(t, "__name__", "") == "SequenceNotStr" or getattr(origin, "__name__", "") == "SequenceNotStr":
            return {"list": self.shape(args[0]) if args else {"is": "any"}}
        if isinstance(t, type) and issubclass(t, str) and hasattr(t, "__members__"):
            return {"enum": [m.value for m in t]}
        return {"is": "any"}

    @staticmethod
    def union(options):
        flat = []
        for o in options:
            for x in o["union"] if "union" in o else [o]:
                if x not in flat:
                    flat.append(x)
        if {"is": "any"} in flat:
            return {"is": "any"}
        return flat[0] if len(flat) == 1 else {"union": flat}

    def obj(self, t):
        name = self.name(t)
        if name in self.defs:
            return {"ref": name}
        self.defs[name] = None
        members, required = {}, []
        if is_typed_dict(t):
            for k, hint in te.get_type_hints(t, include_extras=True).items():
                alias, h = k, hint
                need = t.__total__
                while te.get_origin(h) in (te.Required, te.NotRequired, typing.Annotated):
                    if te.get_origin(h) is te.Required:
                        need = True
                    if te.get_origin(h) is te.NotRequired:
                        need = False
                    for a in te.get_args(h)[1:]:
                        alias = getattr(a, "alias", None) or alias
                    h = te.get_args(h)[0]
                if alias.lower().startswith(("cf-", "x-", "anthropic-")):
                    continue  # a header
                alias = self.rename.get(alias, alias)
                members[alias] = self.shape(hint)
                if need:
                    required.append(alias)
        else:
            for k, f in t.model_fields.items():
                alias = f.alias or k
                members[alias] = self.shape(f.annotation)
                if f.is_required():
                    required.append(alias)
        self.defs[name] = {"object": members, "required": sorted(set(required))}
        return {"ref": name}


def write(file, package, root, source, rename=None):
    imp = Importer(rename or {})
    parts = root if isinstance(root, list) else [root]
    shapes = []
    for r in parts:
        module, attr = r.rsplit(":", 1)
        shapes.append(imp.shape(getattr(importlib.import_module(module), attr)))
    shape = imp.union(shapes)
    text = json.dumps({
        "source": f"https://pypi.org/project/{package}/{importlib.metadata.version(package)}/",
        "version": f"{package} {importlib.metadata.version(package)}", "types": source, "root": shape, "defs": imp.defs,
    }, ensure_ascii=False, sort_keys=True)
    with open(os.path.join(OUT, file), "w") as f:
        f.write(re.sub(r'("[A-Za-z0-9_]+": \{"object")', r"\n\1", text) + "\n")
    print(file, len(imp.defs), len(text))


def main():
    os.makedirs(OUT, exist_ok=True)
    for args in [
        ("openai-chat.json", "openai", "openai.types.chat.completion_create_params:CompletionCreateParamsBase", "types/chat/completion_create_params.py"),
        ("openai-responses.json", "openai", "openai.types.responses.response_create_params:ResponseCreateParamsBase", "types/responses/response_create_params.py"),
        ("anthropic.json", "anthropic", "anthropic.types.message_create_params:MessageCreateParamsBase", "types/message_create_params.py"),
        ("anthropic-beta.json", "anthropic", "anthropic.types.beta.message_create_params:MessageCreateParamsBase", "types/beta/message_create_params.py"),
        ("groq.json", "groq", "groq.types.chat.completion_create_params:CompletionCreateParams", "types/chat/completion_create_params.py"),
        ("cerebras.json", "cerebras-cloud-sdk", "cerebras.cloud.sdk.types.chat.completion_create_params:CompletionCreateParams", "types/chat/completion_create_params.py"),
        ("together.json", "together", "together.types.chat.completion_create_params:CompletionCreateParamsBase", "types/chat/completion_create_params.py"),
        ("mistral.json", "mistralai", "mistralai.client.models.chatcompletionrequest:ChatCompletionRequestTypedDict", "models/chatcompletionrequest.py",
         {"schema_definition": "schema"}),
        ("cohere-message.json", "cohere", "cohere.types.chat_message_v2:ChatMessageV2", "types/chat_message_v2.py"),
        ("gemini-content.json", "google-genai", "google.genai.types:Content", "types.py"),
        ("gemini-tool.json", "google-genai", "google.genai.types:Tool", "types.py"),
        ("gemini-config.json", "google-genai", "google.genai.types:GenerationConfig", "types.py"),
    ]:
        try:
            write(*args)
        except Exception as e:
            print(args[0], "failed:", type(e).__name__, e)
    gemini_modes()


def gemini_modes():
    """Members that google-genai refuses to send to one of Google's two APIs."""
    models = importlib.import_module("google.genai.models")
    found, current, field = {"mldev": {}, "vertex": {}}, None, None
    for line in open(models.__file__):
        if m := re.match(r"def _(\w+)_to_(mldev|vertex)\(", line):
            current = m.groups()
        if m := re.search(r"if getv\(from_object, \['(\w+)'\]\) is not None", line):
            field = re.sub(r"_(\w)", lambda x: x[1].upper(), m[1])
        if "raise ValueError" in line and current and field:
            found[current[1]].setdefault(current[0], set()).add(field)
            field = None
    out = {api: {k: sorted(v) for k, v in sorted(d.items())} for api, d in found.items()}
    out["source"] = f"https://pypi.org/project/google-genai/{importlib.metadata.version('google-genai')}/ (models.py)"
    with open(os.path.join(OUT, "gemini-modes.json"), "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
