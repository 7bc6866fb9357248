"""The built-in tools against LeanSpec's own server (npm @leanspec/http-linux-x64): a scripted model calls each of them
through the worker, and the files of a temporary project change."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from parent import PATIENCE, Parent, check_frames, user
from upstream import Model, answer, call, provider

NPM = os.environ.get("AIW_NPM") or os.path.join(os.path.dirname(__file__), "..", "..", "build", "npm")
BINARY = pathlib.Path(NPM, "node_modules/@leanspec/http-linux-x64/leanspec-http")

SPEC = """---
status: planned
created: '2026-01-02'
tags:
- alpha
priority: high
---

# First

## Overview

About needles.

## Plan

- [ ] One thing
- [x] Other thing

```
## Notes
```
"""


def setUpModule():
    if BINARY.exists():
        return
    if os.environ.get("CI"):
        raise RuntimeError(f"{BINARY} is missing: run tools/npm")
    raise unittest.SkipTest(f"LeanSpec's server is not installed (tools/npm): {BINARY}")


def tearDownModule():
    check_frames()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Project:
    """A project of three specs, and the server that has it."""

    def __init__(self, *flags):
        self.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(self.folder.name)
        self.specs = root / "proj" / "specs"
        for name in ("001-first", "002-second", "003-third"):
            (self.specs / name).mkdir(parents=True)
            (self.specs / name / "README.md").write_text(SPEC.replace("First", name[4:].title()))
        (self.specs / "001-first" / "DESIGN.md").write_text("# Design\n\nOld.\n")
        (root / "home").mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [BINARY, "--port", str(port), "--project", root / "proj", "--no-open", "--no-config", *flags]
        self.process = subprocess.Popen(command, env=dict(os.environ, HOME=str(root / "home")),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(self.url + "/api/projects") as response:
                    self.id = json.load(response)["projects"][0]["id"]
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise RuntimeError("LeanSpec's server does not answer")

    def text(self, name, file="README.md"):
        return (self.specs / name / file).read_text()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


class ServerTest(unittest.TestCase):
    FLAGS = ()

    def setUp(self):
        self.project = Project(*self.FLAGS)
        self.addCleanup(self.project.close)
        self.parent = Parent()
        self.addCleanup(self.end)

    def end(self):
        self.assertEqual(self.parent.end(), 0)
        self.assertEqual(self.parent.parse_errors, [])

    def run_tools(self, *calls, project=True):
        """One chat in which the model makes these calls, a step each; their results as the browser sees them. A call's
        arguments may be a function of the results before it."""
        results = []

        def step(name, arguments, number):
            def reply(request):
                seen = [json.loads(text) if text[:1] in "{[" else text for text in request.tool_results()]
                return call(name, arguments(seen) if callable(arguments) else arguments, f"call_{number}")

            return reply

        model = Model(*[step(name, arguments, i) for i, (name, arguments) in enumerate(calls)], answer("Done."))
        self.addCleanup(model.close)
        frames = self.parent.chat(provider(model.url), [user("Go")], baseUrl=self.project.url, maxSteps=40,
                                  projectId=self.project.id if project else None).read_all()
        self.assertEqual(frames[-1]["type"], "done", frames[-1])
        results = [frame["data"] for frame in frames if frame["type"] == "tool_result"]
        self.assertEqual([result["toolName"] for result in results], [name for name, _ in calls])
        return [result["result"] for result in results]

    def assert_refused(self, result, status):
        self.assertEqual(list(result), ["error"])
        self.assertTrue(result["error"].startswith(f"LeanSpec API error ({status}): "), result["error"])


class ToolsTest(ServerTest):
    def test_the_tools_that_read(self):
        everything, alpha, none, found, filtered, one, raw, sub, valid, validated = self.run_tools(
            ("list_specs", {}), ("list_specs", {"status": "planned", "priority": "high", "tags": ["alpha", "beta"]}),
            ("list_specs", {"status": "archived"}), ("search_specs", {"query": "needles"}),
            ("search_specs", {"query": "needles", "status": "complete", "tags": ["alpha"]}),
            ("get_spec", {"specId": "001-first"}), ("read_spec", {"specId": "001-first"}),
            ("read_subspec", {"specId": "001-first", "file": "DESIGN.md"}), ("validate_specs", {}),
            ("validate_specs", {"specId": "001-first"}))
        self.assertEqual(sorted(spec["id"] for spec in everything["specs"]), ["001-first", "002-second", "003-third"])
        self.assertEqual(none["total"], 0)
        self.assertEqual(found["total"], 3)
        self.assertEqual(filtered["total"], 0)
        self.assertLessEqual(alpha["total"], 3)
        self.assertEqual(one["title"], "First")
        self.assertEqual(raw["content"], SPEC)
        self.assertEqual(sub["content"], "# Design\n\nOld.\n")
        self.assertTrue(valid["validation"]["isValid"])
        self.assertTrue(validated["validation"]["isValid"])

    def test_the_tools_that_write_change_the_files(self):
        first, second = "001-first", "002-second"
        results = self.run_tools(
            ("update_spec_section", {"specId": first, "section": "overview", "content": "New words: é."}),
            ("update_spec_section", {"specId": first, "section": "Plan", "content": "- [ ] Third", "mode": "append"}),
            ("toggle_checklist_item", {"specId": first, "itemText": "one", "checked": True}),
            ("toggle_checklist_item", {"specId": first, "itemText": "other", "checked": False}),
            ("link_specs", {"specId": first, "dependsOn": second}),
            ("link_specs", {"specId": first, "dependsOn": "003-third"}),
            ("get_spec", {"specId": first}))
        for result in results:
            self.assertNotIn("error", result)
        self.assertEqual(results[-1]["dependsOn"], [second, "003-third"])
        expected = SPEC.replace("priority: high\n", "priority: high\ndepends_on:\n  - 002-second\n  - 003-third\n")
        expected = expected.replace("About needles.", "New words: é.").replace("- [ ] One", "- [x] One")
        expected = expected.replace("- [x] Other", "- [ ] Other") + "\n- [ ] Third\n"
        self.assertEqual(self.project.text(first), expected)

        content = "---\nstatus: planned\ncreated: '2026-01-02'\n---\n\n# Second, anew\n"
        results = self.run_tools(
            ("unlink_specs", {"specId": first, "dependsOn": second}),
            ("unlink_specs", {"specId": first, "dependsOn": "003-third"}),
            ("update_spec", {"specId": second, "content": content}),
            ("read_subspec", {"specId": first, "file": "DESIGN.md"}),
            ("update_subspec", lambda seen: {"specId": first, "file": "DESIGN.md", "content": "# New design\n",
                                             "expectedContentHash": seen[-1]["contentHash"]}),
            ("get_spec", {"specId": "003-third"}),
            ("update_spec_status", lambda seen: {"specId": "003-third", "status": "in-progress",
                                                 "expectedContentHash": seen[-1]["contentHash"]}))
        for result in results:
            self.assertNotIn("error", result)
        self.assertNotIn("depends_on", self.project.text(first))
        self.assertEqual(self.project.text(second), content)
        self.assertEqual(self.project.text(first, "DESIGN.md"), "# New design\n")
        self.assertIn("status: in-progress\n", self.project.text("003-third"))

    def test_edits_of_one_spec_by_many_chats_are_all_made(self):
        items = [f"Item {i:02}" for i in range(12)]
        path = self.project.specs / "001-first" / "README.md"
        path.write_text(SPEC + "".join(f"- [ ] {item}\n" for item in items))
        models, streams = [], []
        for i in range(0, len(items), 2):
            calls = [(("toggle_checklist_item"), {"specId": spec, "itemText": item, "checked": True})
                     for item, spec in zip(items[i:i + 2], ("001-first", "001"))]  # two names of one spec
            model = Model(*[call(name, arguments, f"call_{n}") for n, (name, arguments) in enumerate(calls)], answer("Done."))
            self.addCleanup(model.close)
            streams.append(self.parent.chat(provider(model.url), [user("Go")], baseUrl=self.project.url,
                                            projectId=self.project.id))
        for stream in streams:
            frames = stream.read_all()
            for frame in frames:
                if frame["type"] == "tool_result":
                    self.assertNotIn("error", frame["data"]["result"])
        text = path.read_text()
        for item in items:
            self.assertIn(f"- [x] {item}\n", text)

    def test_a_stale_hash_is_refused_and_nothing_is_written(self):
        stale = {"expectedContentHash": "0" * 64}
        spec = {"specId": "001-first", **stale}
        results = self.run_tools(
            ("update_spec", {**spec, "content": "x"}), ("update_spec_status", {**spec, "status": "complete"}),
            ("update_spec_section", {**spec, "section": "Plan", "content": "x"}),
            ("toggle_checklist_item", {**spec, "itemText": "one", "checked": True}),
            ("update_subspec", {**spec, "file": "DESIGN.md", "content": "x"}))
        for result in results:
            self.assert_refused(result, 409)
        self.assertEqual(self.project.text("001-first"), SPEC)
        self.assertEqual(self.project.text("001-first", "DESIGN.md"), "# Design\n\nOld.\n")

    def test_what_is_not_there_is_an_error_for_the_model(self):
        missing = {"specId": "099-none"}
        results = self.run_tools(
            ("get_spec", missing), ("read_spec", missing), ("update_spec_status", {**missing, "status": "complete"}),
            ("link_specs", {**missing, "dependsOn": "001-first"}),
            ("read_subspec", {"specId": "001-first", "file": "NONE.md"}),
            ("list_specs", {"projectId": "no-such-project"}), ("get_spec", {"specId": "../../../etc"}))
        for result in results:
            self.assert_refused(result, 404)
        results = self.run_tools(
            ("unlink_specs", {"specId": "001-first", "dependsOn": "002-second"}),
            ("update_spec_section", {"specId": "001-first", "section": "Notes", "content": "x"}),
            ("toggle_checklist_item", {"specId": "001-first", "itemText": "nothing", "checked": True}),
            ("get_spec", {"specId": ".."}))
        self.assertEqual([result["error"] for result in results], [
            "the spec does not depend on 002-second", "Section not found: Notes", "Checklist item not found: nothing",
            "the argument specId is not a name that may stand in a path"])
        self.assertEqual(self.project.text("001-first"), SPEC)

    def test_the_project_may_be_the_arguments(self):
        result, = self.run_tools(("read_spec", {"specId": "001-first"}), project=False)
        self.assertEqual(result, {"error": "projectId is required for LeanSpec operations"})
        result, = self.run_tools(("read_spec", {"specId": "001-first", "projectId": self.project.id}), project=False)
        self.assertEqual(result["content"], SPEC)

    def test_a_file_beside_a_spec_cannot_be_one_elsewhere(self):
        (self.project.specs.parent / "secret.md").write_text("secret")
        results = self.run_tools(*[("read_subspec", {"specId": "001-first", "file": file})
                                   for file in ("../../../secret.md", "..%2f..%2fsecret.md", "/etc/passwd")])
        for result in results:
            self.assertIn("error", result)


class ReadOnlyTest(ServerTest):
    FLAGS = ("--readonly",)

    def test_writes_are_refused_and_reads_are_not(self):
        first = {"specId": "001-first"}
        results = self.run_tools(
            ("read_spec", first), ("update_spec", {**first, "content": "x"}),
            ("update_spec_status", {**first, "status": "complete"}), ("link_specs", {**first, "dependsOn": "002-second"}),
            ("update_spec_section", {**first, "section": "Plan", "content": "x"}),
            ("toggle_checklist_item", {**first, "itemText": "one", "checked": True}),
            ("update_subspec", {**first, "file": "DESIGN.md", "content": "x"}))
        self.assertEqual(results[0]["content"], SPEC)
        for result in results[1:]:
            self.assert_refused(result, 403)
        self.assertEqual(self.project.text("001-first"), SPEC)


if __name__ == "__main__":
    unittest.main()
