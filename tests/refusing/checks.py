"""The kinds of rules. Each takes a conversation (view.View) and a rule's parameters and yields (path, values for the message) per violation.

Which API has which rule, with which limits, words and source, is data: rules/*.json.
"""
import json
import re

from view import sniff

CHECKS = {}


def check(f):
    CHECKS[f.__name__] = f
    return f


def model_matches(view, rule):
    if "models" in rule and not re.search(rule["models"], view.model):
        return False
    return not ("not_models" in rule and re.search(rule["not_models"], view.model))


def calls(view):
    return [c for t in view.turns for c in t.calls]


def results(view):
    return [r for t in view.turns for r in t.results]


# --- ids ---

@check
def id_format(view, p):
    """pattern, min, max of the ids of calls and results (of: calls, results or both)."""
    for what, items in (("call", calls(view)), ("result", results(view))):
        if p.get("of", "both") not in (what + "s", "both"):
            continue
        for x in items:
            member = p.get("member", {}).get(what)
            path = x.path + ([member] if member else [])
            if not isinstance(x.id, str):
                if p.get("required"):
                    yield path, {"id": x.id, "len": 0, "what": what}
                continue
            if not p.get("min", 0) <= len(x.id) <= p.get("max", 1 << 30) or ("pattern" in p and not re.fullmatch(p["pattern"], x.id)):
                yield path, {"id": x.id, "len": len(x.id), "what": what}


@check
def ids_unique(view, p):
    """No two calls have the same id, in the conversation or in one run of calls (scope: turn)."""
    seen = set()
    for t in view.turns:
        if p.get("scope") == "turn" and not (t.calls and t.word in ("function_call", "custom_tool_call")):
            seen = set()
        for c in t.calls:
            if c.id is not None and c.id in seen:
                yield c.path, {"id": c.id}
            seen.add(c.id)


def _groups(view, joined):
    """(calls, results that follow directly, path of what comes after, the calls' path) for each run of assistant turns with calls."""
    i, turns = 0, view.turns
    while i < len(turns):
        if not turns[i].calls:
            i += 1
            continue
        group, start = [], i
        while i < len(turns) and turns[i].role == "assistant" and (joined or i == start):
            group += turns[i].calls
            i += 1
        answers, end = [], i
        while end < len(turns) and turns[end].results and (turns[end].role == "tool" or not answers):
            answers += turns[end].results
            end += 1
        yield group, answers, turns[i].path if i < len(turns) else turns[-1].path, turns[start].path


@check
def call_has_result(view, p):
    """Every call is answered, by id, by the turn or turns directly behind it."""
    for group, answers, _after, path in _groups(view, p.get("joined", False)):
        ids = {r.id for r in answers}
        missing = [c for c in group if c.id not in ids]
        if missing:
            yield path, {"ids": ", ".join(str(c.id) for c in missing), "id": missing[0].id}


@check
def call_is_answered_somewhere(view, p):
    """Every call is answered by a result anywhere behind it."""
    for i, t in enumerate(view.turns):
        for c in t.calls:
            if not any(r.id == c.id for u in view.turns[i:] for r in u.results):
                yield c.path, {"id": c.id}


@check
def result_has_call(view, p):
    """Every result stands directly behind the turn with its call (where: adjacent), or anywhere behind it (where: before)."""
    if p.get("where") == "before":
        known = set()
        for t in view.turns:
            known |= {c.id for c in t.calls}
            for r in t.results:
                if r.id not in known:
                    yield r.path, {"id": r.id}
        return
    known = set()
    for t in view.turns:
        if t.calls:
            known = {c.id for c in t.calls}
        elif t.role != "tool" and not t.results:
            known = set()
        for r in t.results:
            if r.id not in known:
                yield r.path, {"id": r.id}
        if t.role == "user" and t.results:
            known = set()


@check
def one_result_per_call(view, p):
    for group, answers, _after, path in _groups(view, p.get("joined", False)):
        seen = set()
        for r in answers:
            if r.id in seen:
                yield r.path, {"id": r.id}
            seen.add(r.id)


@check
def counts_match(view, p):
    """As many results as calls, in the turn directly behind."""
    for group, answers, after, _path in _groups(view, p.get("joined", False)):
        if len(group) != len(answers):
            yield after, {"calls": len(group), "results": len(answers)}
    if not p.get("position", True):
        return
    for i, t in enumerate(view.turns):
        if t.results and t.role != "tool" and not (i and view.turns[i - 1].calls):
            yield t.path, {"calls": 0, "results": len(t.results)}


@check
def results_follow_calls(view, p):
    """A turn with results comes directly behind a turn with calls."""
    for i, t in enumerate(view.turns):
        if t.results and not (i and view.turns[i - 1].calls):
            yield t.path, {}


@check
def names_match(view, p):
    """A result names the function of its call."""
    for group, answers, _after, _path in _groups(view, False):
        names = [c.name for c in group]
        for r in answers:
            if r.name not in names:
                yield r.path, {"name": r.name}


# --- roles and order ---

@check
def roles(view, p):
    for t in view.turns:
        if t.word not in p["allowed"]:
            yield t.path + ["role"], {"role": t.word, "allowed": ", ".join(str(x) for x in p["allowed"])}


@check
def not_after(view, p):
    """A turn of role `next` may not follow one of role `after`."""
    for a, b in zip(view.turns, view.turns[1:]):
        if a.role in p["after"] and b.role in p["next"]:
            yield b.path, {"role": b.word, "before": a.word}


@check
def alternate(view, p):
    for a, b in zip(view.turns, view.turns[1:]):
        if a.role == b.role:
            yield b.path, {"role": b.word}


@check
def first_role(view, p):
    turns = [t for t in view.turns if t.role != "system"] if p.get("after_system") else view.turns
    if turns and turns[0].role not in p["allowed"]:
        yield turns[0].path, {"role": turns[0].word}


@check
def last_role(view, p):
    if view.turns and view.turns[-1].role not in p["allowed"] and not ("unless" in p and view.turns[-1].raw.get(p["unless"])):
        yield view.turns[-1].path, {"role": view.turns[-1].word}


@check
def system_place(view, p):
    """System turns stand at the start only."""
    seen = False
    for t in view.turns:
        if t.role != "system":
            seen = True
        elif seen:
            yield t.path, {"role": t.word}


@check
def has_turns(view, p):
    if not view.turns:
        yield [p["member"]], {}


@check
def results_first(view, p):
    """In a user turn with results nothing stands before them."""
    for t in view.turns:
        if t.role == "user" and t.results:
            kinds = [k in ("tool_result", "toolResult", "functionResponse") for k in t.items]
            if not kinds[0]:
                yield t.path, {}


@check
def results_alone(view, p):
    """A turn with results has nothing else."""
    for t in view.turns:
        if t.role == "user" and t.results and any(k not in ("tool_result", "toolResult", "functionResponse", "cachePoint") for k in t.items):
            yield t.path + ["content"], {}


@check
def call_follows(view, p):
    """A turn with calls comes directly behind a user turn or a turn with results."""
    previous = None
    for t in view.turns:
        if t.calls and (previous is None or not (previous.role in ("user", "tool"))):
            yield t.path, {}
        previous = t


# --- names and schemas of tools ---

@check
def tool_name(view, p):
    for t in view.tools:
        if not t.native and not (isinstance(t.name, str) and re.fullmatch(p["pattern"], t.name)):
            yield t.path + ["name"], {"name": t.name, "len": len(t.name or "")}


@check
def call_name(view, p):
    for c in calls(view):
        if not (isinstance(c.name, str) and re.fullmatch(p["pattern"], c.name)):
            yield c.path + p.get("member", []), {"name": c.name, "len": len(c.name or "")}


@check
def result_name(view, p):
    for r in results(view):
        if r.name is not None and not re.fullmatch(p["pattern"], r.name):
            yield r.path + ["name"], {"name": r.name, "len": len(r.name)}


@check
def tool_names_unique(view, p):
    seen = set()
    for t in view.tools:
        if t.name is not None and t.name in seen:
            yield t.path + ["name"], {"name": t.name}
        seen.add(t.name)


@check
def tools_max(view, p):
    if len(view.tools) > p["max"]:
        yield ["tools"], {"count": len(view.tools), "max": p["max"]}


@check
def tools_declared_with_calls(view, p):
    """A history with calls or results needs declarations of tools."""
    if (calls(view) or results(view)) and not view.tools:
        yield ["toolConfig"], {}


@check
def choice_needs_tools(view, p):
    if view.get("tool_choice") not in (None, "none") and not view.tools:
        yield ["tool_choice"], {}


@check
def schema_top(view, p):
    """type: object at the top (unless type is false), no keyword of forbid there, properties present (properties: true).

    An object without properties is only looked for where the type is object: another type at the top is another rule's."""
    for t in view.tools:
        s = t.schema
        if t.native or (s is None and not p.get("required")):
            continue
        if not isinstance(s, dict):
            yield t.schema_path, {"name": t.name, "why": "not an object", "got": "None"}
            continue
        if p.get("type", True) and s.get("type") != "object" and not ("type" not in s and p.get("type_may_be_absent")):
            yield t.schema_path, {"name": t.name, "why": "type", "got": s.get("type")}
        for k in p.get("forbid", []):
            if k in s:
                yield t.schema_path, {"name": t.name, "why": k, "got": k}
        if p.get("properties") and s.get("type") == "object" and not isinstance(s.get("properties"), dict):
            yield t.schema_path, {"name": t.name, "why": "properties", "got": "no properties"}


SUBSCHEMAS = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")


def subschemas(schema, where=()):
    """(path, schema) of a schema and all within it."""
    if not isinstance(schema, dict):
        return
    yield where, schema
    for k, v in schema.items():
        if k in ("properties", "$defs", "definitions", "patternProperties") and isinstance(v, dict):
            for name, s in v.items():
                yield from subschemas(s, where + (k, name))
        elif k in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(v, list):
            for i, s in enumerate(v):
                yield from subschemas(s, where + (k, str(i)))
        elif k in SUBSCHEMAS and isinstance(v, dict):
            yield from subschemas(v, where + (k,))


def _all(view, p):
    for t in view.tools:
        if not t.native and isinstance(t.schema, dict) and not (p.get("strict_only") and not t.strict):
            for where, s in subschemas(t.schema):
                yield t, where, s


def _types(s):
    return s["type"] if isinstance(s.get("type"), list) else [s.get("type")]


def _at(where):
    return {"at": "(" + ", ".join(f"'{w}'" for w in where) + ("," if len(where) == 1 else "") + ")", "dots": ".".join(where) or "root"}


@check
def schema_array_items(view, p):
    """An array says what its items are."""
    for t, where, s in _all(view, p):
        if "array" in _types(s) and "items" not in s and not ("prefixItems" in s and p.get("prefix_items")):
            yield t.schema_path, {"name": t.name, **_at(where)}


@check
def schema_items_object(view, p):
    """items is a schema, not a list of them."""
    for t, where, s in _all(view, p):
        if isinstance(s.get("items"), list):
            yield t.schema_path, {"name": t.name, **_at(where)}


@check
def schema_keys(view, p):
    """Names of the properties at the top."""
    for t in view.tools:
        if t.native or not isinstance(t.schema, dict):
            continue
        properties = t.schema.get("properties")
        for k in properties if isinstance(properties, dict) else {}:
            if not re.fullmatch(p["pattern"], k):
                yield t.schema_path + ["properties"], {"name": t.name, "key": k}


@check
def schema_type_with_any_of(view, p):
    """anyOf and type do not stand side by side."""
    for t, where, s in _all(view, p):
        if "anyOf" in s and "type" in s:
            yield t.schema_path, {"name": t.name, **_at(where)}


@check
def schema_required_defined(view, p):
    """required names only properties that exist."""
    for t, where, s in _all(view, p):
        if isinstance(s.get("required"), list) and isinstance(s.get("properties"), dict):
            for r in s["required"]:
                if r not in s["properties"]:
                    yield t.schema_path, {"name": t.name, "key": r, **_at(where)}


@check
def schema_has_type(view, p):
    """Every property has a type, or something in its place."""
    for t, where, s in _all(view, p):
        if where and where[-2:-1] == ("properties",) and not any(k in s for k in ("type", "anyOf", "oneOf", "allOf", "$ref", "enum", "const")):
            yield t.schema_path, {"name": t.name, **_at(where)}


@check
def schema_local_refs(view, p):
    for t, where, s in _all(view, p):
        if isinstance(s.get("$ref"), str) and not s["$ref"].startswith(p["prefix"]):
            yield t.schema_path, {"name": t.name, "ref": s["$ref"], **_at(where)}


@check
def schema_valid(view, p):
    """Values of keywords have the types that JSON Schema demands."""
    wants = {"properties": dict, "required": list, "enum": list, "anyOf": list, "oneOf": list, "allOf": list, "$defs": dict, "description": str, "pattern": str}
    known = {"object", "array", "string", "number", "integer", "boolean", "null"}
    for t, where, s in _all(view, p):
        for k, kind in wants.items():
            if k in s and not isinstance(s[k], kind):
                yield t.schema_path, {"name": t.name, "key": k, **_at(where)}
        for x in _types(s):
            if x is not None and x not in known:
                yield t.schema_path, {"name": t.name, "key": f"type {x!r}", **_at(where)}


@check
def schema_strict(view, p):
    """OpenAI's subset where strict is set: objects are closed, all properties required, no keyword of forbid."""
    for t, where, s in _all(view, {"strict_only": True}):
        if "object" in _types(s) or "properties" in s:
            if s.get("additionalProperties") is not False:
                yield t.schema_path, {"name": t.name, "why": "'additionalProperties' is required to be supplied and to be false.", **_at(where)}
            elif p.get("all_required", True) and set(s.get("properties", {})) != set(s.get("required", [])):
                yield t.schema_path, {"name": t.name, "why": "'required' is required to be supplied and to be an array including every key in properties.",
                                      **_at(where)}
        for k in p.get("forbid", []):
            if k in s:
                yield t.schema_path, {"name": t.name, "why": f"'{k}' is not permitted.", **_at(where)}


@check
def schema_words(view, p):
    """Only the keywords of `allowed` (where: the member that holds the schema)."""
    for t, where, s in _all(view, p):
        if p.get("member") and t.schema_path[-1] != p["member"]:
            continue
        for k in s:
            if k not in p["allowed"]:
                yield t.schema_path + list(where), {"name": t.name, "key": k, **_at(where)}


@check
def schema_gemini(view, p):
    """What Google's own schema checks: properties and required at objects, items at arrays, enum at strings, formats, non-empty objects."""
    for t, where, s in _all(view, p):
        if t.schema_path[-1] != "parameters":
            continue
        kinds = [str(x).upper() for x in _types(s)]
        path = t.schema_path + list(where)
        if s.get("enum") is not None and "STRING" not in kinds:
            yield path + ["enum"], {"why": "only allowed for STRING type"}
        if any(x == "" for x in s.get("enum") or []):
            yield path + ["enum", 0], {"why": "cannot be empty"}
        if "properties" in s and "OBJECT" not in kinds:
            yield path + ["properties"], {"why": "only allowed for OBJECT type"}
        if "OBJECT" in kinds and not s.get("properties"):
            yield path + ["properties"], {"why": "should be non-empty for OBJECT type"}
        if "ARRAY" in kinds and "items" not in s:
            yield path + ["items"], {"why": "missing field."}
        if "STRING" in kinds and s.get("format") not in (None, "enum", "date-time"):
            yield path + ["format"], {"why": "only 'enum' and 'date-time' are supported for STRING type"}
        for r in s.get("required") or []:
            if r not in (s.get("properties") or {}):
                yield path + ["required", 0], {"why": "property is not defined"}


# --- arguments ---

def _object(value):
    if isinstance(value, dict):
        return True
    try:
        return isinstance(json.loads(value), dict)
    except (ValueError, TypeError):
        return False


@check
def arguments(view, p):
    """as: json (any JSON text), object (JSON text of an object), value (an object, not text), text (text)."""
    want = p["as"]
    for c in calls(view):
        a, ok = c.arguments, True
        if want == "value":
            ok = isinstance(a, dict)
        elif want == "text":
            ok = isinstance(a, str)
        elif isinstance(a, str):
            if a == "" and p.get("empty"):
                continue
            try:
                ok = isinstance(json.loads(a), dict) or want == "json"
            except ValueError:
                ok = False
        else:
            ok = isinstance(a, dict)
        if not ok:
            kind = {str: "string", list: "array", type(None): "null", bool: "boolean"}.get(type(a), "number")
            yield c.path + p.get("member", []), {"arguments": a, "got": kind, "name": c.name}


# --- empty things ---

@check
def text_not_empty(view, p):
    """Text blocks have text (blank: true counts white space as none); strings: whole contents that are strings count too."""
    def bad(s):
        return (s.strip() if p.get("blank") else s) == ""
    for x in view.system if p.get("system", True) else []:
        if bad(x.text):
            yield x.path, {}
    for t in view.turns:
        if "roles" in p and t.role not in p["roles"]:
            continue
        for x in t.texts:
            if bad(x.text) and (x.path[-1] != "content" or p.get("strings")):
                yield x.path, {"i": t.path[-1]}
        if p.get("results"):
            for r in t.results:
                for x in r.texts:
                    if bad(x.text) and (x.path[-1] != "content" or p.get("strings")):
                        yield x.path, {"i": t.path[-1]}


@check
def turn_not_empty(view, p):
    """Turns have content (roles; except_last_assistant)."""
    for i, t in enumerate(view.turns):
        if t.role in p["roles"] and t.empty and not (p.get("except_last_assistant") and i == len(view.turns) - 1 and t.role == "assistant"):
            if p.get("but_thoughts") and t.thoughts:
                continue
            yield t.path + p.get("member", []), {"i": t.path[-1], "role": t.word}


@check
def assistant_has_content(view, p):
    """An assistant turn has content or calls (members: present and not null)."""
    for t in view.turns:
        if t.role == "assistant" and isinstance(t.raw, dict) and "role" in t.raw:
            present = [k for k in p["members"] if t.raw.get(k) not in ((None,) if p.get("empty_counts") else (None, "", []))]
            if not present:
                yield t.path, {"i": t.path[-1]}


@check
def content_not_null(view, p):
    """content may be null only beside calls, or beside a member of `beside`."""
    for t in view.turns:
        if t.role in p["roles"] and isinstance(t.raw, dict) and t.raw.get("content") is None and not t.calls and not any(t.raw.get(k) for k in p.get("beside", [])):
            yield t.path + ["content"], {"i": t.path[-1]}


@check
def content_member(view, p):
    for t in view.turns:
        if isinstance(t.raw, dict) and t.role in p["roles"] and "content" not in t.raw:
            yield t.path, {"i": t.path[-1]}


@check
def content_is_text(view, p):
    """content of these roles is a string, not an array."""
    for t in view.turns:
        if t.role in p["roles"] and isinstance(t.raw, dict) and isinstance(t.raw.get("content"), list):
            yield t.path + ["content"], {"i": t.path[-1], "role": t.word}


@check
def part_types(view, p):
    """Content parts of these roles have these types only."""
    for t in view.turns:
        if t.role in p["roles"]:
            for j, k in enumerate(t.items if t.role != "tool" else [q.get("type") for q in t.raw.get("content", []) if isinstance(q, dict)]
                                  if isinstance(t.raw, dict) and isinstance(t.raw.get("content"), list) else []):
                if k not in p["allowed"] and k != "string":
                    yield t.path + ["content", j, "type"], {"i": t.path[-1], "j": j, "kind": k, "role": t.word}


@check
def no_trailing_space(view, p):
    if view.turns and view.turns[-1].role == "assistant" and view.turns[-1].texts and re.search(r"\s$", view.turns[-1].texts[-1].text):
        yield view.turns[-1].path, {}


@check
def arrays_not_empty(view, p):
    """Members that may be absent but not empty arrays."""
    for name in p["members"]:
        if view.get(name) == []:
            yield name.split("."), {"name": name}
    for t in view.turns:
        if isinstance(t.raw, dict) and "tool_calls" in p.get("turns", []) and t.raw.get("tool_calls") == []:
            yield t.path + ["tool_calls"], {"name": "tool_calls", "i": t.path[-1]}


# --- members of turns ---

@check
def member_present(view, p):
    """An assistant turn with calls (when: calls) has this member as text, unless `unless` ({dotted name: value}) holds."""
    if any(view.get(k) == v for k, v in p.get("unless", {}).items()):
        return
    for t in view.turns:
        if t.role == "assistant" and (t.calls or p.get("when") != "calls") and isinstance(t.raw, dict) and not isinstance(t.raw.get(p["member"]), str):
            yield t.path, {"i": t.path[-1]}


@check
def member_absent(view, p):
    """No turn has one of these members."""
    for t in view.turns:
        for k in p["members"]:
            if isinstance(t.raw, dict) and k in t.raw and ("roles" not in p or t.role in p["roles"]):
                yield t.path + [k], {"i": t.path[-1], "member": k, "role": t.word}


# --- reasoning ---

@check
def thought_signed(view, p):
    for t in view.turns:
        for x in t.thoughts:
            if x.kind in p.get("kinds", ["text"]) and not x.signature:
                yield x.path, {"i": t.path[-1]}


@check
def thought_from_here(view, p):
    """Signatures are this host's own: those that the server here gives out say whose they are."""
    for t in view.turns:
        for x in t.thoughts + [c for c in t.calls if c.signature]:
            s = x.signature
            if isinstance(s, str) and s not in p.get("also", []) and not s.startswith(p["prefix"]):
                yield x.path, {"i": t.path[-1], "signature": s[:12]}


@check
def calls_signed(view, p):
    """Google's rule: in the current turn (behind the last user turn with text) the first call of each step has a thought signature."""
    start = 0
    for i, t in enumerate(view.turns):
        if t.role == "user" and not t.results:
            start = i
    for t in view.turns[start:]:
        if t.calls and not t.calls[0].signature:
            yield t.calls[0].path, {"name": t.calls[0].name, "position": t.path[-1] + 1}


@check
def thinking_first(view, p):
    """With thinking on by budget, the last assistant turn starts with a thinking block, unless a user turn without results follows it."""
    if view.get("thinking.type") != "enabled":
        return
    for t in reversed(view.turns):
        if t.role == "user" and not t.results:
            return
        if t.role == "assistant":
            if t.items and t.items[0] not in ("thinking", "redacted_thinking"):
                yield t.path + ["content", 0, "type"], {"found": t.items[0]}
            return


@check
def encrypted_or_stored(view, p):
    """A reasoning item goes back with its encrypted content where the request stores nothing."""
    if view.get("store") is False:
        for t in view.turns:
            if t.word == "reasoning" and not t.raw.get("encrypted_content"):
                yield t.path, {"id": t.raw.get("id")}


@check
def item_id_prefix(view, p):
    for t in view.turns:
        want = p["prefixes"].get(t.word if t.word in p["prefixes"] else ("message" if t.word == "assistant" else None))
        if want and isinstance(t.raw, dict) and isinstance(t.raw.get("id"), str) and not t.raw["id"].startswith(want):
            yield t.path + ["id"], {"id": t.raw["id"], "want": want}


# --- media ---

def _media(view):
    for t in view.turns:
        for m in t.media:
            yield t, m, False
        for r in t.results:
            for m in r.media:
                yield t, m, True


def _base_type(declared):
    return (declared or "").split(";")[0].strip().lower()


@check
def media_types(view, p):
    """kinds: {image: [types], file: [types], ...}: what may be declared. A kind that is not named is not looked at."""
    for _t, m, _r in _media(view):
        allowed = p["kinds"].get(m.kind)
        if allowed is not None and m.declared is not None and m.declared not in allowed:
            yield m.path, {"declared": m.declared, "kind": m.kind, "allowed": ", ".join(allowed)}


@check
def media_bytes(view, p):
    """The bytes are of the declared type (of: kinds), or at least of one of `any` types."""
    for _t, m, _r in _media(view):
        if m.kind not in p["of"] or m.data is None:
            continue
        real = sniff(m.data)
        if "any" in p:
            if real not in p["any"]:
                yield m.path, {"declared": m.declared, "real": real}
        elif real != _base_type(m.declared):
            yield m.path, {"declared": m.declared, "real": real or "unknown"}


@check
def media_base64(view, p):
    for _t, m, _r in _media(view):
        if not m.valid or (m.data == b""):
            yield m.path, {"declared": m.declared}


@check
def no_media_in_results(view, p):
    for t, m, in_result in _media(view):
        if in_result and m.kind in p.get("kinds", ["image", "file", "audio", "video"]):
            yield m.path, {"i": t.path[-1], "kind": m.kind}


@check
def no_media(view, p):
    for t, m, _r in _media(view):
        if m.kind in p["kinds"] and ("roles" not in p or t.role in p["roles"]):
            yield m.path, {"i": t.path[-1], "kind": m.kind, "role": t.word}


@check
def media_by_data(view, p):
    """No links."""
    for t, m, _r in _media(view):
        if m.url is not None and m.kind in p["kinds"]:
            yield m.path, {"i": t.path[-1], "url": m.url}


@check
def document_names(view, p):
    seen = set()
    for _t, m, _r in _media(view):
        if m.kind == "file":
            if not isinstance(m.name, str) or not re.fullmatch(p["pattern"], m.name) or re.search(r"\s\s", m.name):
                yield m.path + ["name"], {"name": m.name, "why": "format"}
            seen.add(m.name)


@check
def document_names_unique(view, p):
    seen = set()
    for _t, m, _r in _media(view):
        if m.kind == "file" and m.name is not None:
            if m.name in seen:
                yield m.path + ["name"], {"name": m.name}
            seen.add(m.name)


@check
def document_needs_text(view, p):
    for t in view.turns:
        if t.role == "user" and any(m.kind in p.get("kinds", ["file"]) for m in t.media) and not t.texts:
            yield t.path + ["content"], {}


# --- parameters ---

@check
def header_required(view, p):
    """Only looked at where the request comes with headers."""
    if view.headers and p["header"] not in view.headers:
        yield [], {"header": p["header"]}


@check
def param_refused(view, p):
    """params: dotted names that the model or API refuses; `allowed` values are taken all the same."""
    for name in p["params"]:
        value = view.get(name)
        if value is not None and value not in p.get("allowed", []):
            yield name.split("."), {"param": name, "value": value}


@check
def param_limit(view, p):
    value = view.get(p["param"])
    if value is None:
        return
    size = len(value) if isinstance(value, (list, str)) else value
    if isinstance(size, (int, float)) and not p.get("min", -1e300) <= size <= p.get("max", 1e300):
        yield p["param"].split("."), {"param": p["param"], "value": value, "size": size, "min": p.get("min"), "max": p.get("max")}


@check
def param_one_of(view, p):
    value = view.get(p["param"])
    if value is not None and value not in p["values"]:
        yield p["param"].split("."), {"param": p["param"], "value": value, "values": ", ".join(map(str, p["values"]))}


@check
def params_exclusive(view, p):
    if all(view.get(x) is not None for x in p["params"]):
        yield p["params"][0].split("."), {}


@check
def param_required(view, p):
    for name in p["params"]:
        if view.get(name) is None:
            yield name.split("."), {"param": name}


@check
def param_below(view, p):
    """One number is less than another."""
    a, b = view.get(p["param"]), view.get(p["limit"])
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and a >= b:
        yield p["param"].split("."), {"value": a, "limit": b}


@check
def temperature_with_thinking(view, p):
    if view.get("thinking.type") in ("enabled", "adaptive"):
        if view.get("temperature") not in (None, 1, 1.0):
            yield ["temperature"], {"param": "temperature", "want": "may only be set to 1 when thinking is enabled"}
        if view.get("top_k") is not None:
            yield ["top_k"], {"param": "top_k", "want": "must be unset when thinking is enabled"}


@check
def choice_with_thinking(view, p):
    if view.get("thinking.type") == "enabled" and view.get("tool_choice.type") in ("any", "tool"):
        yield ["tool_choice"], {}


@check
def strings_not_blank(view, p):
    value = view.get(p["param"])
    for i, s in enumerate(value if isinstance(value, list) else []):
        if not s.strip():
            yield p["param"].split(".") + [i], {}
