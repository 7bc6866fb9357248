"""Reads the request of Bedrock's Converse from botocore's service model and writes it as shapes, with its limits.

    python3 -m venv v && v/bin/pip install botocore && v/bin/python rules/import_botocore.py
"""
import gzip
import importlib.metadata
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    import botocore
    path = os.path.join(os.path.dirname(botocore.__file__), "data/bedrock-runtime/2023-09-30/service-2.json.gz")
    shapes = json.load(gzip.open(path))["shapes"]
    defs = {}

    def shape(name):
        s = shapes[name]
        kind = s["type"]
        if kind == "structure" and not s.get("document"):
            if name not in defs:
                defs[name] = None
                d = {"object": {k: shape(v["shape"]) for k, v in s["members"].items() if v.get("location") != "uri"},
                     "required": [r for r in s.get("required", []) if s["members"][r].get("location") != "uri"]}
                if s.get("union"):
                    d["one_of"] = True
                defs[name] = d
            return {"ref": name}
        limits = {k: s[k] for k in ("min", "max") if k in s}
        if kind == "list":
            return {"list": shape(s["member"]["shape"]), **limits}
        if kind == "map":
            return {"map": shape(s["value"]["shape"]), **limits}
        if "enum" in s:
            return {"enum": s["enum"]}
        if kind == "string":
            return {"is": "string", **limits, **({"pattern": s["pattern"]} if "pattern" in s else {})}
        if kind == "blob":
            return {"is": "base64", **limits}
        if kind in ("integer", "long"):
            return {"is": "integer", **limits}
        if kind in ("float", "double"):
            return {"is": "number", **limits}
        if kind == "boolean":
            return {"is": "boolean"}
        return {"is": "any"}

    root = shape("ConverseStreamRequest")
    version = importlib.metadata.version("botocore")
    text = json.dumps({"source": f"https://pypi.org/project/botocore/{version}/ (data/bedrock-runtime/2023-09-30/service-2.json)",
                       "version": f"botocore {version}", "types": "ConverseStreamRequest", "root": root, "defs": defs}, sort_keys=True)
    with open(os.path.join(HERE, "shapes", "bedrock-converse.json"), "w") as f:
        f.write(re.sub(r'("[A-Za-z0-9_]+": \{"object")', r"\n\1", text) + "\n")


if __name__ == "__main__":
    main()
