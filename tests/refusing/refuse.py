"""Answers a request as its provider would: None if it keeps the documented rules, else (status, error body).

    check(target, path, headers, body) -> None | (status, error_body)
    violations(target, path, headers, body) -> [Violation], all of them
"""
import copy
import functools
import json
import os
import re
from dataclasses import dataclass

import checks
import shape
import view

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = os.path.join(HERE, "rules")


@dataclass
class Violation:
    rule: str
    message: str
    status: int
    path: str
    certainty: str
    source: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    value: object = None


# --- the rules ---

def names():
    return sorted(f[:-5] for f in os.listdir(RULES) if f.endswith(".json"))


@functools.lru_cache(maxsize=None)
def target(name):
    """A target's rules, those of the target that it is `like` included; a rule of the same id replaces the other's."""
    with open(os.path.join(RULES, name + ".json")) as f:
        t = json.load(f)
    if "like" in t:
        base = copy.deepcopy(target(t["like"]))
        own = {r["id"]: r for r in t.get("rules", [])}
        rules = [own.pop(r["id"], r) for r in base["rules"]] + list(own.values())
        t = {**base, **t, "rules": rules}
    return t


@functools.lru_cache(maxsize=None)
def _shape_file(file):
    with open(os.path.join(RULES, "shapes", file)) as f:
        return json.load(f)


def _gemini_document(mode):
    """Content, tools and generation config of google-genai in one document, less what the SDK does not send in this mode."""
    defs = {}
    for file in ("gemini-content.json", "gemini-tool.json", "gemini-config.json"):
        defs.update(copy.deepcopy(_shape_file(file)["defs"]))
    for name, members in _shape_file("gemini-modes.json")[mode].items():
        for m in members if name in defs else []:
            defs[name]["object"].pop(m, None)
    # Names of the SDK that are others on the wire.
    defs["Schema"]["object"].update({"$ref": {"is": "string"}, "$defs": {"map": {"ref": "Schema"}}})
    defs["Schema"]["object"]["type"] = {"is": "string"}
    for name in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"):
        defs["Schema"]["object"][name] = {"union": [{"is": "integer"}, {"is": "string"}]}  # int64: text is taken, too
    root = {"contents": {"list": {"ref": "Content"}}, "systemInstruction": {"ref": "Content"}, "tools": {"list": {"ref": "Tool"}}, "toolConfig": {"is": "any"},
            "generationConfig": {"ref": "GenerationConfig"}, "safetySettings": {"is": "any"}, "cachedContent": {"is": "string"}, "serviceTier": {"is": "any"}}
    root.update({"labels": {"is": "any"}, "modelArmorConfig": {"is": "any"}} if mode == "vertex" else {"store": {"is": "any"}})
    defs["Request"] = {"object": root, "required": []}
    return {"root": {"ref": "Request"}, "defs": defs}


@functools.lru_cache(maxsize=None)
def _shapes(name):
    t = target(name)
    s = t.get("shape")
    if not s:
        return None
    if s["file"] == "gemini":
        document = _gemini_document(t["mode"])
    elif s["file"] == "cohere":
        document = copy.deepcopy(_shape_file("cohere-message.json"))
        document["defs"]["Request"] = {"object": {"messages": {"list": document["root"]}, "model": {"is": "string"}}, "required": ["messages", "model"]}
        document["root"] = {"ref": "Request"}
    else:
        document = copy.deepcopy(_shape_file(s["file"]))
    root = document["root"].get("ref")
    if root:
        d = document["defs"][root]
        d["object"].update(t.get("extra_root", {}))
        d["required"] = [r for r in d["required"] if r not in t.get("without_required", [])]
        for m in t.get("without_root", []):
            d["object"].pop(m, None)
        for m in ("stream",) if t["reader"] in ("chat", "responses") else ():
            d["object"].setdefault(m, {"is": "boolean"})
        for m in s.get("ignore", []):
            d["object"].setdefault(m, {"is": "any"})
    for d in document["defs"].values():
        d["required"] = [r for r in d["required"] if r not in s.get("not_required", [])]
    return shape.Shapes(document, s.get("extra"), s.get("any_case", False))


# --- words ---

def _join(path, style):
    if style == "dots":
        return ".".join(str(p) for p in path)
    out = ""
    for p in path:
        out += f"[{p}]" if isinstance(p, int) else ("." if out else "") + str(p)
    return out


def _fill(text, values):
    return re.sub(r"\{([a-z_]\w*)\}", lambda m: str(values[m[1]]) if m[1] in values else m[0], text).replace("{{", "{").replace("}}", "}")


def _shape_violation(t, p, v):
    """A problem of shape in the words of the target; None where the target does not mind."""
    style, errors = t["paths"], t["errors"]
    path = _join(p.path, style)
    known = t["shape"]
    if p.kind == "unknown_member" and known["unknown"] == "ignore":
        return None
    message, code, status, kind, param = None, None, 400, None, path
    info = p.info
    if errors in ("openai",):
        message, code = {
            "unknown_member": (f"Unknown parameter: '{path}'.", "unknown_parameter"),
            "missing_member": (f"Missing required parameter: '{path}'.", "missing_required_parameter"),
            "wrong_type": (f"Invalid type for '{path}': {p.detail} instead.", "invalid_type"),
            "wrong_value": (f"Invalid value: {p.detail}. Supported values are: {', '.join(repr(x) for x in info.get('allowed', []))}.", "invalid_value"),
        }.get(p.kind, (f"Invalid '{path}': {p.detail}", "invalid_value"))
    elif errors in ("anthropic",) or (errors == "bedrock" and t["reader"] == "anthropic"):
        message = {"unknown_member": f"{path}: Extra inputs are not permitted", "missing_member": f"{path}: Field required",
                   "wrong_type": f"{path}: Input should be a valid {info.get('expected')}",
                   "wrong_value": f"{path}: Input should be {' or '.join(repr(x) for x in info.get('allowed', []))}"}.get(p.kind, f"{path}: {p.detail}")
    elif errors == "mistral":
        message = {"unknown_member": "Extra inputs are not permitted", "missing_member": "Field required"}.get(p.kind, f"Input should be valid: {p.detail}")
        kind, status = {"unknown_member": "extra_forbidden", "missing_member": "missing"}.get(p.kind, "value_error"), 422
        message = f"{message} ({path})"
    elif errors == "groq":
        head = p.path[:2]
        inner = {"unknown_member": f"property '{p.path[-1]}' is unsupported", "missing_member": f"property '{p.path[-1]}' is missing",
                 "wrong_value": f"value {p.detail} is not one of {info.get('allowed')}"}.get(p.kind, f"value must be a {info.get('expected', 'valid one')}")
        if head and head[0] == "messages" and len(p.path) > 2 and isinstance(head[1], int):
            role = (v.body.get("messages") or [{}])[head[1]].get("role")
            message = f"'messages.{head[1]}' : for 'role:{role}' the following must be satisfied[('{_join(p.path[:-1] if p.kind.endswith('member') else p.path, 'dots')}' : {inner})]"
        else:
            message = inner if p.kind == "unknown_member" else f"'{path}' : {inner}"
    elif errors == "cerebras":
        path = list(p.path)
        if path[:1] == ["messages"] and len(path) > 2:
            path.insert(2, (v.body.get("messages") or [{}])[path[1]].get("role"))
        path = _join(path, "dots")
        message = f"{path}: property '{path}' is unsupported" if p.kind == "unknown_member" else f"{path}: {p.detail or p.kind}"
        code, param = "wrong_api_format", "validation_error"
    elif errors == "gemini":
        where = _join(p.path[:-1], "js")
        message = {"unknown_member": f"Invalid JSON payload received. Unknown name \"{p.path[-1] if p.path else ''}\"{f' at {chr(39)}{where}{chr(39)}' if where else ''}: Cannot find field."}.get(
            p.kind, f"Invalid value at '{path}': {p.detail}")
    elif errors == "bedrock":
        where = ".".join(str(x) if not isinstance(x, int) else f"{x + 1}.member" for x in p.path)
        message = {"pattern": f"1 validation error detected: Value '{str(info.get('value'))[:80]}' at '{where}' failed to satisfy constraint: Member must satisfy regular expression pattern: {info.get('pattern')}",
                   "too_long": f"1 validation error detected: Value at '{where}' failed to satisfy constraint: Member must have length less than or equal to {info.get('limit')}",
                   "too_short": f"1 validation error detected: Value at '{where}' failed to satisfy constraint: Member must have length greater than or equal to {info.get('limit')}",
                   "wrong_value": f"1 validation error detected: Value '{info.get('value')}' at '{where}' failed to satisfy constraint: Member must satisfy enum value set: {info.get('allowed')}",
                   "missing_member": f"1 validation error detected: Value null at '{where}' failed to satisfy constraint: Member must not be null",
                   "one_of": f"The {p.path[-1] if p.path else 'request'} union at {_join(p.path, 'dots')} must have exactly one member set"}.get(p.kind, f"Unexpected type at '{where}': {p.detail}")
    else:
        message = f"invalid request: {path}: {p.kind.replace('_', ' ')} {p.detail}"
    member = next((x for x in reversed(p.path) if isinstance(x, str)), "")
    return Violation(f"shape:{p.kind}:{member}", message, status, _join(p.path, style), known.get("certainty", "documented"), known["source"], code, kind, param,
                     info.get("value"))


def violations(name, path, headers, body):
    """All rules of a target that a request breaks, in the order of the rules; broken shapes come first."""
    t = target(name)
    if not isinstance(body, dict):
        return [Violation("json", "could not parse the JSON body", 400, "", "documented", "")]
    v = view.READERS[t["reader"]](body, path)
    v.headers = {k.lower(): x for k, x in (headers or {}).items()}
    found = []
    shapes = _shapes(name)
    if shapes:
        for p in shapes.problems(body):
            if p.path and p.path[-1] in t["shape"].get("left_to_rules", []):
                continue
            x = _shape_violation(t, p, v)
            if x:
                found.append(x)
    for rule in t["rules"]:
        if rule.get("enforce") is False or not checks.model_matches(v, rule):
            continue
        if any(v.get(k) != x for k, x in rule.get("when", {}).items()) or any(v.get(k) == x for k, x in rule.get("unless", {}).items()):
            continue
        for where, values in checks.CHECKS[rule["check"]](v, rule.get("with", {})):
            at = _join(where, t["paths"])
            turn = _join([p for p in where[:2]], t["paths"]) if where and where[0] in ("messages", "contents", "input") else at
            values = {"path": at, "turn": turn, "i": where[1] if len(where) > 1 else 0, "after": turn, **values}
            param = rule.get("param") or (_fill(rule["param_turn"], values) if "param_turn" in rule else at + rule.get("param_suffix", ""))
            found.append(Violation(rule["id"], _fill(rule["says"], values), rule.get("status", 400), at, rule["certainty"], rule["source"], rule.get("code"),
                                   rule.get("type"), param))
    return found


# --- the answers ---

def _error(errors, x):
    kind = x.type or "invalid_request_error"
    if errors == "openai":
        return {"error": {"message": x.message, "type": kind, "param": x.param, "code": x.code}}
    if errors == "openai-plain":
        return {"error": {"message": x.message, "type": kind, "param": None, "code": x.code}}
    if errors == "openai-short":
        return {"error": {"message": x.message, "type": kind}}
    if errors == "anthropic":
        return {"type": "error", "error": {"type": kind, "message": x.message}, "request_id": "req_011refusing"}
    if errors == "gemini":
        return {"error": {"code": x.status, "message": x.message, "status": "INVALID_ARGUMENT"}}
    if errors == "bedrock":
        return {"message": x.message}
    if errors == "cohere":
        return {"id": "00000000-0000-0000-0000-000000000000", "message": x.message}
    if errors == "ollama":
        return {"error": x.message}
    if errors == "mistral":
        if x.status == 422:
            return {"detail": [{"type": kind, "loc": ["body"] + re.split(r"[.\[\]]+", x.path.rstrip("]")), "msg": x.message.split(" (")[0], "input": x.value}]}
        return {"object": "error", "message": x.message, "type": kind, "param": None, "code": x.code, "raw_status_code": x.status}
    if errors == "groq":
        return {"error": {"message": x.message, "type": kind}}
    if errors == "cerebras":
        return {"message": x.message, "type": kind, "param": x.param or "validation_error", "code": x.code or "wrong_api_format"}
    if errors == "xai":
        return {"code": "Client specified an invalid argument", "error": x.message}
    if errors == "openrouter":
        return {"error": {"message": x.message, "code": x.status}}
    if errors == "fireworks":
        return {"error": {"object": "error", "type": kind, "code": "invalid_request_error", "message": x.message}}
    if errors == "vllm":
        return {"error": {"message": x.message, "type": "BadRequestError", "param": None, "code": x.status}}
    if errors == "llamacpp":
        return {"error": {"code": x.status, "message": x.message, "type": "invalid_request_error" if x.status == 400 else "server_error"}}
    raise ValueError(errors)


def error_headers(name):
    return {"x-amzn-errortype": "ValidationException"} if target(name)["errors"] == "bedrock" else {}


def answer(name, found):
    return found[0].status, _error(target(name)["errors"], found[0])


def check(name, path, headers, body):
    found = violations(name, path, headers, body)
    return answer(name, found) if found else None


def find_target(path):
    """(target, rest of the path) of a path with the target's name as its first segment."""
    m = re.fullmatch(r"/([a-z-]+)(/.*)", path)
    if not m or m[1] not in names():
        return None, path
    return m[1], m[2]
