"""Checks a JSON value against a shape: the request types that rules/import_*.py read from SDKs and service models.

A shape is one of
    {"is": "string" | "integer" | "number" | "boolean" | "null" | "base64" | "any"}   with min, max (length or value), pattern
    {"enum": [...]}    {"list": shape}    {"map": shape}    {"union": [shape, ...]}    {"ref": name}
and a definition is {"object": {member: shape}, "required": [...]}; "one_of": exactly one member must be present.
"""
import re
from dataclasses import dataclass, field

from view import decode


@dataclass
class Problem:
    kind: str  # unknown_member, missing_member, wrong_type, wrong_value, too_short, too_long, pattern, one_of
    path: list
    detail: str = ""
    info: dict = field(default_factory=dict)


def _type_of(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return {str: "string", list: "array", dict: "object"}[type(value)]


class Shapes:
    def __init__(self, document, extra=None, any_case=False):
        self.root, self.defs, self.any_case = document["root"], document["defs"], any_case
        for name, members in (extra or {}).items():
            self.defs[name]["object"].update(members)

    def problems(self, value, shape=None, path=None):
        out = []
        self._check(value, shape or self.root, path or [], out)
        return out

    def _check(self, value, shape, path, out):
        if "ref" in shape:
            self._object(value, self.defs[shape["ref"]], path, out)
        elif "union" in shape:
            self._union(value, shape["union"], path, out)
        elif "enum" in shape:
            if value not in shape["enum"] and not (self.any_case and isinstance(value, str) and value.upper() in shape["enum"]):
                out.append(Problem("wrong_value", path, f"{value!r}", {"allowed": shape["enum"], "value": value}))
        elif "list" in shape:
            if not isinstance(value, list):
                out.append(Problem("wrong_type", path, f"expected an array, got {_type_of(value)}", {"expected": "array", "got": _type_of(value)}))
                return
            self._size(len(value), shape, path, out)
            for i, item in enumerate(value):
                self._check(item, shape["list"], path + [i], out)
        elif "map" in shape:
            if not isinstance(value, dict):
                out.append(Problem("wrong_type", path, f"expected an object, got {_type_of(value)}", {"expected": "object", "got": _type_of(value)}))
                return
            for k, v in value.items():
                self._check(v, shape["map"], path + [k], out)
        else:
            self._scalar(value, shape, path, out)

    def _scalar(self, value, shape, path, out):
        want, got = shape["is"], _type_of(value)
        if want == "any":
            return
        ok = got == want or (want == "number" and got == "integer") or (want == "base64" and got == "string")
        if not ok:
            out.append(Problem("wrong_type", path, f"expected a {want}, got {got}", {"expected": want, "got": got}))
            return
        if want == "base64":
            if not decode(value)[1]:
                out.append(Problem("wrong_type", path, "expected base64", {"expected": "base64", "got": "text"}))
        self._size(len(value) if isinstance(value, str) else value, shape, path, out)
        if "pattern" in shape and not re.fullmatch(shape["pattern"], value):
            out.append(Problem("pattern", path, shape["pattern"], {"pattern": shape["pattern"], "value": value}))

    @staticmethod
    def _size(n, shape, path, out):
        if "min" in shape and n < shape["min"]:
            out.append(Problem("too_short", path, f"{n} < {shape['min']}", {"limit": shape["min"], "size": n}))
        if "max" in shape and n > shape["max"]:
            out.append(Problem("too_long", path, f"{n} > {shape['max']}", {"limit": shape["max"], "size": n}))

    def _object(self, value, definition, path, out):
        if not isinstance(value, dict):
            out.append(Problem("wrong_type", path, f"expected an object, got {_type_of(value)}", {"expected": "object", "got": _type_of(value)}))
            return
        members = definition["object"]
        for k, v in value.items():
            if k not in members:
                out.append(Problem("unknown_member", path + [k], k, {"value": v}))
            else:
                self._check(v, members[k], path + [k], out)
        for k in definition["required"]:
            if k not in value:
                out.append(Problem("missing_member", path + [k], k))
        if definition.get("one_of") and sum(k in members for k in value) != 1:
            out.append(Problem("one_of", path, f"exactly one of {', '.join(sorted(members))}", {"members": sorted(members)}))

    def _tags(self, shape):
        """The member and values that tell an object in a union from the others: {"type": ["text"]}."""
        if "ref" not in shape:
            return {}
        found = {}
        for k in ("role", "type"):
            s = self.defs[shape["ref"]]["object"].get(k, {})
            options = s.get("union", [s])
            values = [x for o in options for x in o.get("enum", [])]
            if values:
                found[k] = values
        return found

    def _union(self, value, options, path, out):
        best = None
        for option in options:
            if isinstance(value, dict) and any(k in value and value[k] not in v for k, v in self._tags(option).items()):
                continue
            tried = []
            self._check(value, option, path, tried)
            if not tried:
                return
            score = (min(len(p.path) for p in tried) <= len(path), len(tried))
            if best is None or score < best[0]:
                best = (score, tried)
        if best is not None:
            out.extend(best[1])
            return
        tag = next((k for k in ("role", "type") if isinstance(value, dict) and k in value), None)
        if tag:
            allowed = sorted({x for o in options for x in self._tags(o).get(tag, [])}, key=str)
            out.append(Problem("wrong_value", path + [tag], f"{value[tag]!r}", {"allowed": allowed, "value": value[tag]}))
        else:
            out.append(Problem("wrong_type", path, "no variant fits", {"expected": "a known variant", "got": _type_of(value)}))
