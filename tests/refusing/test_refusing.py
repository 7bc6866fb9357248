"""Tests of the checker: for every enforced rule of every target one request that keeps it and one that breaks it.

    python3 -m unittest discover -s tests/refusing
"""
import copy
import json
import os
import sys
import unittest
import urllib.request
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import checks  # noqa: E402
import histories  # noqa: E402
import refuse  # noqa: E402
import server  # noqa: E402
import shape  # noqa: E402
import view  # noqa: E402

PNG, PDF = histories.b64(histories.FILES["png"]), histories.b64(histories.FILES["pdf"])
GOOD_SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"], "additionalProperties": False}
ID, OTHER = "a1B2c3D4e", "f5G6h7I8j"


class Chat:
    """A good request of an API, and ways to make it bad. `turns` is the list of its turns."""
    member = "messages"
    headers = {}

    def __init__(self, name, model):
        self.name, self.model = name, model
        self.path = "/v1/chat/completions"
        self.body = {"model": model, "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}, self.assistant("Let me see.", ID), self.result(ID), {"role": "assistant", "content": "Done."},
            {"role": "user", "content": "Thanks."}]}
        if name in ("deepseek", "moonshot"):
            self.body["messages"][2]["reasoning_content"] = "So."
        self.tools([("search", GOOD_SCHEMA)])

    @property
    def turns(self):
        return self.body[self.member]

    call_at, result_at = 2, 3

    def arguments(self, value):
        return value if self.name == "ollama" else json.dumps(value)

    def assistant(self, text, *ids, name="search"):
        m = {"role": "assistant", "content": text}
        if ids:
            m["tool_calls"] = [{"id": i, "type": "function", "function": {"name": name, "arguments": self.arguments({"q": "x"})}} for i in ids]
        return m

    def result(self, id, text="found"):
        return {"role": "tool", "tool_call_id": id, "content": text}

    def user(self, text="Hi."):
        return {"role": "user", "content": text}

    def image(self, data=PNG, mime="image/png", url=None):
        if self.name == "ollama":
            return {"role": "user", "content": "See.", "images": [data]}
        return {"role": "user", "content": [{"type": "text", "text": "See."}, {"type": "image_url", "image_url": {"url": url or f"data:{mime};base64,{data}"}}]}

    def file(self, data=PDF, mime="application/pdf", name="a.pdf"):
        return {"role": "user", "content": [{"type": "file", "file": {"filename": name, "file_data": f"data:{mime};base64,{data}"}}]}

    def tools(self, list_, strict=False):
        self.body["tools"] = [{"type": "function", "function": {"name": n, "description": "Does it.", **({"parameters": s} if s is not None else {}), **({"strict": True} if strict else {})}}
                              for n, s in list_]

    def set_ids(self, id):
        self.turns[self.call_at]["tool_calls"][0]["id"] = id
        self.turns[self.result_at]["tool_call_id"] = id

    def calls(self):
        return self.turns[self.call_at]["tool_calls"]

    def set_call_name(self, name):
        self.calls()[0]["function"]["name"] = name

    def set_arguments(self, value):
        self.calls()[0]["function"]["arguments"] = value

    def add_call(self, id):
        self.calls().append(copy.deepcopy(self.calls()[0]))
        self.calls()[-1]["id"] = id

    def drop_result(self):
        del self.turns[self.result_at]

    def add_result(self, id):
        self.turns.insert(self.result_at + 1, self.result(id))

    def stray_result(self):
        self.turns[self.result_at]["tool_call_id"] = OTHER
        self.add_result(ID)

    def media_in_result(self):
        self.turns[self.result_at]["content"] = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]

    def set_text(self, turn, text):
        turn["content"] = text

    def blank_text(self, text=""):
        self.turns.append({"role": "user", "content": [{"type": "text", "text": text}]})

    def role(self, role):
        return {"role": role, "content": "x"}

    def empty_turn(self, role):
        return {"role": role, "content": ""}

    def put(self, dotted, value):
        at = self.body
        for part in dotted.split(".")[:-1]:
            at = at.setdefault(part, {})
        at[dotted.split(".")[-1]] = value


class Cohere(Chat):
    pass


class Responses(Chat):
    member, call_at, result_at = "input", 2, 3

    def __init__(self, name, model):
        self.name, self.model, self.path = name, model, "/v1/responses"
        self.body = {"model": model, "store": False, "input": [
            {"role": "system", "content": [{"type": "input_text", "text": "Be brief."}]}, self.user(), self.call(ID), self.result(ID),
            {"role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}, self.user()]}
        if name and not model.startswith("gpt-4"):
            self.turns.insert(2, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAA" + refuse.target(name)["family"] + "x"})
            self.call_at, self.result_at = 3, 4
        self.tools([("search", GOOD_SCHEMA)])

    def call(self, id):
        return {"type": "function_call", "call_id": id, "name": "search", "arguments": "{}"}

    def result(self, id, text="found"):
        return {"type": "function_call_output", "call_id": id, "output": text}

    def user(self, text="Hi."):
        return {"role": "user", "content": [{"type": "input_text", "text": text}]}

    def image(self, data=PNG, mime="image/png", url=None):
        return {"role": "user", "content": [{"type": "input_image", "image_url": url or f"data:{mime};base64,{data}"}]}

    def tools(self, list_, strict=False):
        self.body["tools"] = [{"type": "function", "name": n, "parameters": s, "strict": strict} for n, s in list_]

    def set_ids(self, id):
        self.turns[self.call_at]["call_id"] = self.turns[self.result_at]["call_id"] = id

    def set_call_name(self, name):
        self.turns[self.call_at]["name"] = name

    def stray_result(self):
        self.turns.append(self.result(OTHER))


class Anthropic(Chat):
    call_at, result_at = 1, 2

    def __init__(self, name, model):
        self.name, self.model = name, model
        self.path = {"vertex-anthropic": f"/v1/projects/p/locations/l/publishers/anthropic/models/{model}:streamRawPredict", "bedrock-invoke": f"/model/{model}/invoke"}.get(name, "/v1/messages")
        self.body = {"model": model, "max_tokens": 4000, "system": "Be brief.", "messages": [
            self.user(), {"role": "assistant", "content": [{"type": "text", "text": "Let me see."}, {"type": "tool_use", "id": ID, "name": "search", "input": {"q": "x"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": ID, "content": "found"}]}, {"role": "assistant", "content": "Done."}, self.user()]}
        if name != "anthropic":
            del self.body["model"]
            self.body["anthropic_version"] = "vertex-2023-10-16" if name == "vertex-anthropic" else "bedrock-2023-05-31"
        self.tools([("search", GOOD_SCHEMA)])

    def image(self, data=PNG, mime="image/png", url=None):
        return {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url} if url else {"type": "base64", "media_type": mime, "data": data}}]}

    def file(self, data=PDF, mime="application/pdf", name="a"):
        return {"role": "user", "content": [{"type": "document", "source": {"type": "base64", "media_type": mime, "data": data}}]}

    def tools(self, list_, strict=False):
        self.body["tools"] = [{"name": n, "description": "Does it.", "input_schema": s, **({"strict": True} if strict else {})} for n, s in list_]

    def set_ids(self, id):
        self.turns[1]["content"][1]["id"] = self.turns[2]["content"][0]["tool_use_id"] = id

    def set_call_name(self, name):
        self.turns[1]["content"][1]["name"] = name

    def set_arguments(self, value):
        self.turns[1]["content"][1]["input"] = value

    def add_call(self, id):
        self.turns[1]["content"].append({**self.turns[1]["content"][1], "id": id})

    def drop_result(self):
        self.turns[2] = self.user()

    def add_result(self, id):
        self.turns[2]["content"].append({**self.turns[2]["content"][0], "tool_use_id": id})

    def stray_result(self):
        self.add_result(OTHER)

    def text_before_result(self):
        self.turns[2]["content"].insert(0, {"type": "text", "text": "Here:"})

    def blank_text(self, text=""):
        self.turns[-1] = {"role": "user", "content": [{"type": "text", "text": text}]}

    def empty_turn(self, role):
        return {"role": role, "content": []}

    def thought(self, **members):
        self.turns[1]["content"].insert(0, {"type": "thinking", "thinking": "So.", **members})


class Gemini(Chat):
    member, call_at, result_at = "contents", 1, 2

    def __init__(self, name, model):
        self.name, self.model = name, model
        self.path = f"/v1beta/models/{model}:streamGenerateContent"
        self.body = {"systemInstruction": {"parts": [{"text": "Be brief."}]}, "contents": [
            self.user(), {"role": "model", "parts": [{"functionCall": {"name": "search", "args": {"q": "x"}}, "thoughtSignature": "Z2VtaW5pAAAA"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "search", "response": {"output": "found"}}}]}, {"role": "model", "parts": [{"text": "Done."}]}, self.user()]}
        self.tools([("search", GOOD_SCHEMA)])

    def user(self, text="Hi."):
        return {"role": "user", "parts": [{"text": text}]}

    def image(self, data=PNG, mime="image/png", url=None):
        return {"role": "user", "parts": [{"inlineData": {"mimeType": mime, "data": data}}]}

    file = image

    def tools(self, list_, strict=False, member="parametersJsonSchema"):
        self.body["tools"] = [{"functionDeclarations": [{"name": n, "description": "Does it.", member: s} for n, s in list_]}]

    def set_call_name(self, name):
        self.turns[1]["parts"][0]["functionCall"]["name"] = name
        self.turns[2]["parts"][0]["functionResponse"]["name"] = name

    def set_arguments(self, value):
        self.turns[1]["parts"][0]["functionCall"]["args"] = value

    def add_call(self, id):
        self.turns[1]["parts"].append(copy.deepcopy(self.turns[1]["parts"][0]))

    def blank_text(self, text=""):
        self.turns[-1] = self.user(text)

    def role(self, role):
        return {"role": role, "parts": [{"text": "x"}]}

    def empty_turn(self, role):
        return {"role": {"assistant": "model"}.get(role, role), "parts": []}


class Converse(Chat):
    call_at, result_at = 1, 2

    def __init__(self, name, model):
        self.name, self.model, self.path = name, model, f"/model/{model}/converse-stream"
        self.body = {"system": [{"text": "Be brief."}], "inferenceConfig": {"maxTokens": 100}, "messages": [
            self.user(), {"role": "assistant", "content": [{"toolUse": {"toolUseId": ID, "name": "search", "input": {"q": "x"}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": ID, "content": [{"text": "found"}]}}]}, {"role": "assistant", "content": [{"text": "Done."}]}, self.user()]}
        self.tools([("search", GOOD_SCHEMA)])

    def user(self, text="Hi."):
        return {"role": "user", "content": [{"text": text}]}

    def image(self, data=PNG, mime="image/png", url=None):
        return {"role": "user", "content": [{"image": {"format": mime.split("/")[1], "source": {"bytes": data}}}]}

    def file(self, data=PDF, mime="application/pdf", name="a"):
        return {"role": "user", "content": [{"text": "See."}, {"document": {"format": "pdf", "name": name, "source": {"bytes": data}}}]}

    def tools(self, list_, strict=False):
        self.body["toolConfig"] = {"tools": [{"toolSpec": {"name": n, "inputSchema": {"json": s}}} for n, s in list_]}

    def add_call(self, id):
        self.turns[1]["content"].append({"toolUse": {"toolUseId": id, "name": "search", "input": {}}})

    def drop_result(self):
        self.turns[2] = self.user()

    def add_result(self, id):
        self.turns[2]["content"].append({"toolResult": {"toolUseId": id, "content": [{"text": "found"}]}})

    def stray_result(self):
        self.add_result(OTHER)

    def blank_text(self, text=""):
        self.turns[-1] = self.user(text)

    def role(self, role):
        return {"role": role, "content": [{"text": "x"}]}

    def empty_turn(self, role):
        return {"role": role, "content": []}

    def thought(self, **members):
        self.turns[1]["content"].insert(0, {"reasoningContent": {"reasoningText": {"text": "So.", **members}}})


EDITORS = {"chat": Chat, "cohere": Cohere, "ollama": Chat, "responses": Responses, "anthropic": Anthropic, "gemini": Gemini, "converse": Converse}


def _text_of(e, role):
    return e.role({"assistant": "model"}.get(role, role) if isinstance(e, Gemini) else role)


# How to break a rule of each kind: e is the editor, p the rule's parameters.
BREAK = {
    "id_format": lambda e, p: e.set_ids("bad id!" if "pattern" in p else "x" * (p["max"] + 1) if "max" in p else None),
    "ids_unique": lambda e, p: (e.add_call(ID),),
    "call_has_result": lambda e, p: e.drop_result(),
    "call_is_answered_somewhere": lambda e, p: e.drop_result(),
    "result_has_call": lambda e, p: e.stray_result(),
    "one_result_per_call": lambda e, p: e.add_result(ID),
    "results_follow_calls": lambda e, p: e.turns.insert(e.result_at, e.user()),
    "counts_match": lambda e, p: e.add_call(OTHER),
    "roles": lambda e, p: e.turns.insert(1 if not isinstance(e, Anthropic) else len(e.turns), e.role("narrator" if e.name != "deepseek" else "developer")),
    "not_after": lambda e, p: e.turns.__setitem__(slice(None), {
        ("tool", "user"): lambda: e.turns[:e.result_at + 1] + [e.user()],
        ("user", "tool"): lambda: e.turns[:2] + [e.result(ID)] + e.turns[2:],
        ("assistant", "system"): lambda: e.turns[:-1] + [_text_of(e, "assistant"), e.role("system"), e.user()],
    }[(p["after"][0], p["next"][0])]()),
    "alternate": lambda e, p: e.turns.append(e.user()),
    "first_role": lambda e, p: e.turns.insert(0, e.role("assistant")),
    "last_role": lambda e, p: e.turns.append(e.role("assistant")),
    "has_turns": lambda e, p: e.turns.clear(),
    "results_first": lambda e, p: e.text_before_result(),
    "call_follows": lambda e, p: e.turns.insert(1, e.role("model")),
    "tool_name": lambda e, p: e.tools([("21 bad names!", GOOD_SCHEMA)]),
    "call_name": lambda e, p: e.set_call_name("bad name! " * 30),
    "result_name": lambda e, p: e.turns[e.result_at].update({"name": "bad name!"}),
    "tool_names_unique": lambda e, p: e.tools([("search", GOOD_SCHEMA)] * 2),
    "tools_max": lambda e, p: e.tools([(f"t{i}", GOOD_SCHEMA) for i in range(p["max"] + 1)]),
    "tools_declared_with_calls": lambda e, p: e.body.pop("toolConfig"),
    "choice_needs_tools": lambda e, p: (e.body.pop("tools"), e.put("tool_choice", "auto" if not isinstance(e, Anthropic) else {"type": "auto"})),
    "schema_top": lambda e, p: e.tools([("search", {"type": "string"} if p.get("type", True) else {"type": "object", p["forbid"][0]: []} if p.get("forbid")
                                         else {"type": "object"} if p.get("properties") else "no schema")]),
    "schema_array_items": lambda e, p: e.tools([("search", {"type": "object", "properties": {"a": {"type": "array"}}})]),
    "schema_items_object": lambda e, p: e.tools([("search", {"type": "object", "properties": {"a": {"type": "array", "items": [{"type": "string"}]}}})]),
    "schema_keys": lambda e, p: e.tools([("search", {"type": "object", "properties": {"two words": {"type": "string"}}})]),
    "schema_type_with_any_of": lambda e, p: e.tools([("search", {"type": "object", "properties": {"a": {"type": "string", "anyOf": [{"type": "string"}]}}})]),
    "schema_required_defined": lambda e, p: e.tools([("search", {"type": "object", "properties": {}, "required": ["a"]})]),
    "schema_has_type": lambda e, p: e.tools([("search", {"type": "object", "properties": {"a": {"description": "x"}}})]),
    "schema_local_refs": lambda e, p: e.tools([("search", {"type": "object", "properties": {"a": {"$ref": "#/definitions/a"}}})]),
    "schema_valid": lambda e, p: e.tools([("search", {"type": "object", "properties": []})]),
    "schema_strict": lambda e, p: e.tools([("search", {"type": "object", "properties": {"a": {"type": "string"}}})], strict=True),
    "schema_gemini": lambda e, p: e.tools([("search", {"type": "OBJECT", "properties": {}})], member="parameters"),
    "arguments": lambda e, p: e.set_arguments({"value": "{}", "text": {}, "object": "[1]", "json": "{"}[p["as"]]),
    "text_not_empty": lambda e, p: e.blank_text() if p.get("roles") != [] else e.put("system", [{"text": ""}]),
    "turn_not_empty": lambda e, p: e.turns.insert(len(e.turns) - 1, e.empty_turn(p["roles"][0])),
    "assistant_has_content": lambda e, p: e.turns.append({"role": "assistant", "content": None} if e.name != "mistral" else {"role": "assistant", "content": ""}),
    "content_not_null": lambda e, p: e.turns.append({"role": "user", "content": None}),
    "content_member": lambda e, p: e.turns.append({"role": "user"}),
    "content_is_text": lambda e, p: e.turns.append({"role": "user", "content": [{"type": "text", "text": "x"}]}),
    "part_types": lambda e, p: e.turns.append({"role": p["roles"][0], "content": [{"type": "odd"}]}),
    "no_trailing_space": lambda e, p: e.turns.append({"role": "assistant", "content": [{"type": "text", "text": "So "}]}),
    "arrays_not_empty": lambda e, p: e.put(p["members"][0], []),
    "member_present": lambda e, p: e.turns[e.call_at].pop(p["member"]),
    "member_absent": lambda e, p: e.turns[e.call_at].update({p["members"][0]: []}),
    "thought_signed": lambda e, p: e.thought(),
    "thought_from_here": lambda e, p: (e.thought(signature="elsewhere") if hasattr(e, "thought") else
                                       e.turns[1]["parts"][0].update(thoughtSignature="ZWxzZXdoZXJl") if isinstance(e, Gemini) else
                                       e.turns.insert(2, {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "elsewhere"})),
    "calls_signed": lambda e, p: (e.turns.__delitem__(slice(3, None)), e.turns[1]["parts"][0].pop("thoughtSignature")),
    "thinking_first": lambda e, p: (e.turns.__delitem__(slice(3, None)), e.put("thinking", {"type": "enabled", "budget_tokens": 1024})),
    "encrypted_or_stored": lambda e, p: e.turns.insert(2, {"type": "reasoning", "id": "rs_2", "summary": []}),
    "item_id_prefix": lambda e, p: e.turns[e.call_at].update(id="call_1"),
    "media_types": lambda e, p: e.turns.__setitem__(-1, e.image(mime="image/bmp") if "image" in p["kinds"] else e.file(mime="application/zip")),
    "media_bytes": lambda e, p: e.turns.__setitem__(-1, e.image(data=histories.b64(b"no image at all")) if "image" in p["of"] else e.file(data=histories.b64(b"no PDF"))),
    "media_base64": lambda e, p: e.turns.__setitem__(-1, e.image(data="%%%")),
    "no_media_in_results": lambda e, p: e.media_in_result(),
    "no_media": lambda e, p: e.turns.insert(len(e.turns) - 1, {**e.image(), "role": p.get("roles", ["user"])[0]}),
    "media_by_data": lambda e, p: e.turns.__setitem__(-1, e.image(url="https://example.com/a.png")),
    "document_names": lambda e, p: e.turns.__setitem__(-1, e.file(name="a.b")),
    "document_names_unique": lambda e, p: e.turns[-1]["content"].extend(e.file()["content"] + e.file()["content"]),
    "document_needs_text": lambda e, p: e.turns.__setitem__(-1, {"role": "user", "content": e.file()["content"][1:]}),
    "header_required": lambda e, p: setattr(e, "headers", {"Content-Type": "application/json"}),
    "param_refused": lambda e, p: e.put(p["params"][0], "odd" if p["params"][0] == "tool_choice" else 0.123),
    "param_limit": lambda e, p: e.put(p["param"], ["x"] * (p["max"] + 1) if "stop" in p["param"].lower() else p["max"] + 1 if "max" in p else p["min"] - 1),
    "param_one_of": lambda e, p: e.put(p["param"], "odd"),
    "params_exclusive": lambda e, p: [e.put(x, {"type": "enabled"} if x in ("thinking", "response_format") else [{"type": "function", "function": {"name": "f", "parameters": GOOD_SCHEMA}}]
                                              if x == "tools" else 1) for x in p["params"]],
    "param_required": lambda e, p: e.body.pop(p["params"][0]),
    "param_below": lambda e, p: e.put("thinking", {"type": "enabled", "budget_tokens": 4000}),
    "temperature_with_thinking": lambda e, p: (e.put("thinking", {"type": "enabled", "budget_tokens": 1024}), e.put("temperature", 0.5)),
    "choice_with_thinking": lambda e, p: (e.put("thinking", {"type": "enabled", "budget_tokens": 1024}), e.put("tool_choice", {"type": "any"})),
    "strings_not_blank": lambda e, p: e.put(p["param"], ["\n"]),
}


def model_for(t, rule):
    import re
    known = t["models"] + ["gpt-4.1", "gpt-5-mini", "claude-opus-4-8", "claude-opus-5", "claude-sonnet-4-5", "us.anthropic.claude-opus-4-7", "gemini-2.5-flash", "gemini-3-pro", "grok-4", "kimi-k2.6"]
    for m in known:
        if ("models" not in rule or re.search(rule["models"], m)) and not ("not_models" in rule and re.search(rule["not_models"], m)):
            return m
    raise AssertionError(f"no model for {rule['id']}")


class EveryRule(unittest.TestCase):
    def editor(self, name, model):
        return EDITORS[refuse.target(name)["reader"]](name, model)

    def test_a_good_request_is_taken_by_every_target_and_model(self):
        for name in refuse.names():
            for model in refuse.target(name)["models"]:
                with self.subTest(name, model=model):
                    e = self.editor(name, model)
                    self.assertEqual([(v.rule, v.message) for v in refuse.violations(name, e.path, {}, e.body)], [])
                    self.assertIsNone(refuse.check(name, e.path, {}, e.body))

    def test_each_enforced_rule_is_kept_by_the_good_request_and_broken_by_a_bad_one(self):
        count = 0
        for name in refuse.names():
            t = refuse.target(name)
            for rule in t["rules"]:
                if rule.get("enforce") is False:
                    continue
                with self.subTest(name, rule=rule["id"]):
                    e = self.editor(name, model_for(t, rule))
                    for k, v in rule.get("when", {}).items():
                        e.put(k, v)
                    self.assertNotIn(rule["id"], [v.rule for v in refuse.violations(name, e.path, e.headers, e.body)])
                    BREAK[rule["check"]](e, rule.get("with", {}))
                    found = refuse.violations(name, e.path, e.headers, e.body)
                    self.assertIn(rule["id"], [v.rule for v in found], e.body)
                    v = next(v for v in found if v.rule == rule["id"])
                    self.assertNotRegex(v.message, r"\{[a-z_]+\}", "a place of the message was not filled")
                    count += 1
        self.assertGreater(count, 250)

    def test_every_rule_has_a_source_a_certainty_and_a_date(self):
        for name in refuse.names():
            for rule in refuse.target(name)["rules"]:
                with self.subTest(name, rule=rule["id"]):
                    self.assertIn(rule["certainty"], ("documented", "reported", "inferred"))
                    self.assertTrue(rule["source"])
                    self.assertRegex(rule["date"], r"^20\d\d")
                    self.assertIn(rule["check"], checks.CHECKS)

    def test_ids_of_rules_are_unique(self):
        for name in refuse.names():
            ids = [r["id"] for r in refuse.target(name)["rules"]]
            self.assertEqual(len(ids), len(set(ids)), name)

    def test_unknown_members_are_refused_where_the_provider_refuses_them(self):
        for name in refuse.names():
            s = refuse.target(name).get("shape")
            if s and s["unknown"] == "refuse":
                with self.subTest(name):
                    e = self.editor(name, refuse.target(name)["models"][0])
                    e.turns[1]["surprise"] = 1
                    self.assertIn("shape:unknown_member:surprise", [v.rule for v in refuse.violations(name, e.path, {}, e.body)])
                    e = self.editor(name, refuse.target(name)["models"][0])
                    e.body["surprise"] = 1
                    self.assertIn("shape:unknown_member:surprise", [v.rule for v in refuse.violations(name, e.path, {}, e.body)])


class Words(unittest.TestCase):
    """Answers are shaped and worded like the provider's."""

    def refusal(self, name, change, model=None):
        e = EDITORS[refuse.target(name)["reader"]](name, model or refuse.target(name)["models"][0])
        change(e)
        return refuse.check(name, e.path, {}, e.body)

    def test_openai(self):
        status, body = self.refusal("openai", lambda e: e.turns[2].update(reasoning_content="x"))
        self.assertEqual((status, body["error"]["message"], body["error"]["code"]), (400, "Unknown parameter: 'messages[2].reasoning_content'.", "unknown_parameter"))

    def test_mistral_answers_422_for_unknown_members(self):
        status, body = self.refusal("mistral", lambda e: e.turns[2].update(reasoning_content="x"))
        self.assertEqual(status, 422)
        self.assertEqual(body["detail"][0]["loc"], ["body", "messages", "2", "reasoning_content"])

    def test_mistral_names_the_id(self):
        _status, body = self.refusal("mistral", lambda e: e.set_ids("call_1"))
        self.assertEqual(body["message"], "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.")

    def test_groq(self):
        _status, body = self.refusal("groq", lambda e: e.turns[2].update(reasoning_content="x"))
        self.assertEqual(body["error"]["message"], "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]")

    def test_cerebras(self):
        _status, body = self.refusal("cerebras", lambda e: e.turns[2].update(reasoning_content="x"))
        self.assertEqual(body["message"], "messages.2.assistant.reasoning_content: property 'messages.2.assistant.reasoning_content' is unsupported")

    def test_anthropic(self):
        _status, body = self.refusal("anthropic", lambda e: e.set_ids("a.b"))
        self.assertEqual(body["error"]["message"], "messages.1.content.1.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")

    def test_gemini(self):
        _status, body = self.refusal("gemini", lambda e: e.body.update(surprise=1))
        self.assertEqual(body["error"]["message"], 'Invalid JSON payload received. Unknown name "surprise": Cannot find field.')

    def test_bedrock_has_the_limits_of_the_service_model(self):
        e = Converse("bedrock", refuse.target("bedrock")["models"][0])
        e.turns[1]["content"][0]["toolUse"]["toolUseId"] = "x" * 65
        self.assertIn("shape:too_long:toolUseId", [v.rule for v in refuse.violations("bedrock", e.path, {}, e.body)])
        self.assertEqual(refuse.error_headers("bedrock"), {"x-amzn-errortype": "ValidationException"})


class Parts(unittest.TestCase):
    def test_shapes_choose_the_variant_by_its_tag(self):
        s = shape.Shapes({"root": {"union": [{"ref": "A"}, {"ref": "B"}]}, "defs": {
            "A": {"object": {"type": {"enum": ["a"]}, "x": {"is": "string"}}, "required": ["type", "x"]}, "B": {"object": {"type": {"enum": ["b"]}}, "required": ["type"]}}})
        self.assertEqual(s.problems({"type": "a", "x": "1"}), [])
        self.assertEqual([p.kind for p in s.problems({"type": "a"})], ["missing_member"])
        self.assertEqual([p.kind for p in s.problems({"type": "c"})], ["wrong_value"])

    def test_sniff_knows_the_formats_that_providers_take(self):
        for key in ("png", "jpeg", "gif", "webp", "bmp", "pdf", "wav"):
            self.assertEqual(view.sniff(histories.FILES[key]), histories.TYPES[key])

    def test_histories_are_the_same_for_the_same_seed(self):
        self.assertEqual(histories.make("7"), histories.make("7"))
        self.assertNotEqual(histories.make("7"), histories.make("8"))

    def test_frames_of_an_event_stream_have_right_checksums(self):
        f = server.frame({":event-type": "x"}, b"{}")
        self.assertEqual(int.from_bytes(f[-4:], "big"), zlib.crc32(f[:-4]))
        self.assertEqual(int.from_bytes(f[:4], "big"), len(f))


class Serves(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server()
        cls.base = cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def post(self, path, body):
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json", "anthropic-version": "2023-06-01"})
        try:
            with urllib.request.urlopen(request, timeout=10) as r:
                return r.status, r.read()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read()

    def test_every_target_answers_a_good_request_and_refuses_a_bad_one(self):
        for name in refuse.names():
            with self.subTest(name):
                t = refuse.target(name)
                e = EDITORS[t["reader"]](name, t["models"][0])
                path = f"/c1/{name}" + e.path
                status, answer = self.post(path, e.body)
                self.assertEqual(status, 200, answer)
                self.assertTrue(answer)
                rule = next(r for r in t["rules"] if r.get("enforce") is not False and "models" not in r and "not_models" not in r)
                BREAK[rule["check"]](e, rule.get("with", {}))
                status, answer = self.post(path, e.body)
                self.assertGreaterEqual(status, 400)
                json.loads(answer)


if __name__ == "__main__":
    unittest.main()
