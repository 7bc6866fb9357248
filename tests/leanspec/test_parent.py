"""The worker under LeanSpec's parent: what it must survive, and what that parent's browser must see."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from parent import PATIENCE, Parent, check_frames, text_of, user
from upstream import END, Model, Reply, Server, answer, call, event, json_reply, provider, raw_text_event


def tearDownModule():
    check_frames()


class ParentTest(unittest.TestCase):
    def setUp(self):
        self.parent = Parent({"MY_KEY": "sk-from-environment"})
        self.addCleanup(self.end)
        self.exit_code = 0

    def end(self):
        """Whatever was done to it, the worker left no line that the parent could not read, and went with its stdin."""
        self.assertEqual(self.parent.end(), self.exit_code)
        self.assertFalse(self.parent.reader_died)
        self.assertEqual(self.parent.parse_errors, [])

    def model(self, *replies):
        model = Model(*replies)
        self.addCleanup(model.close)
        return model

    def api(self, route):
        api = Server(route)
        self.addCleanup(api.close)
        return api

    def ask(self, model, **payload):
        return self.parent.chat(provider(model.url), [user("Hi")], **payload).read_all()

    def assert_lives(self):
        self.assertEqual(text_of(self.ask(self.model(answer("still ", "here")))), "still here")

    def test_health_is_answered_in_time_and_the_greeting_is_there(self):
        health = self.parent.health()
        self.assertEqual(health["type"], "health_ok")
        self.assertTrue(health["data"]["ready"])
        self.assertEqual(self.parent.unknown, [{"type": "health_ok", "id": "init", "data": {"ready": True}}])

    def test_a_long_stream_arrives_whole(self):
        words = [f"w{i} " for i in range(20000)]
        frames = self.ask(self.model(answer(*words)))
        self.assertEqual(frames[-1]["type"], "done")
        self.assertEqual(frames[-1]["usage"]["totalTokens"], 5)
        self.assertEqual(text_of(frames), "".join(words))

    def test_a_slow_reader_holds_up_all_streams_and_loses_nothing(self):
        words = [f"{i:06} " for i in range(20000)]
        model = self.model(answer(*words))
        streams = [self.parent.chat(provider(model.url), [user("Hi")]) for _ in range(3)]
        with ThreadPoolExecutor() as browsers:
            read = [browsers.submit(stream.read_all, delay) for stream, delay in zip(streams, (0.003, 0, 0))]
        for frames in (future.result() for future in read):
            self.assertEqual(text_of(frames), "".join(words))
            self.assertEqual(frames[-1]["type"], "done")

    def test_a_browser_that_never_reads_again_blocks_only_until_it_does(self):
        words = ["x" * 100] * 5000
        stream = self.parent.chat(provider(self.model(answer(*words)).url), [user("Hi")])
        time.sleep(2)
        self.assertTrue(stream.channel.full())
        frames = stream.read_all()
        self.assertEqual(text_of(frames), "".join(words))
        self.assertLess(len(frames), 5000)  # what waited was merged

    def test_tools_are_shown_with_their_arguments_and_their_plain_results(self):
        specs = {"specs": [{"id": "001-a"}], "total": 1}
        api = self.api(lambda request: json_reply(specs))
        model = self.model(call("list_specs", {"status": "planned"}), answer("One."))
        frames = self.ask(model, baseUrl=api.url, projectId="p 1")
        self.assertEqual([frame["type"] for frame in frames], ["tool_call", "tool_result", "chunk", "done"])
        arguments = {"status": "planned"}
        self.assertEqual(frames[0]["data"], {"toolCallId": "call_1", "toolName": "list_specs", "args": arguments,
                                             "input": arguments})
        self.assertEqual(frames[1]["data"], {"toolCallId": "call_1", "toolName": "list_specs", "result": specs,
                                             "output": specs})
        self.assertEqual(api.requests[0].path, "/api/projects/p%201/specs?status=planned")
        offered = [tool["function"]["name"] for tool in model.requests[0].json()["tools"]]
        self.assertEqual(len(offered), 13)
        self.assertEqual(json.loads(model.requests[1].tool_results()[0]), specs)

    def test_tools_without_a_project_fail_with_a_sentence_and_the_chat_goes_on(self):
        model = self.model(call("read_spec", {"specId": "1"}), answer("No project."))
        frames = self.ask(model, baseUrl="http://127.0.0.1:9")
        self.assertEqual(frames[1]["data"]["result"], {"error": "projectId is required for LeanSpec operations"})
        self.assertEqual(frames[-1]["type"], "done")
        self.assertIn("projectId is required", model.requests[1].tool_results()[0])

    def test_arguments_that_are_wrong_never_reach_the_server(self):
        api = self.api(lambda request: json_reply({}))
        for arguments in ('{"specId":1}', "{}", "{cut", '{"specId":"1","status":"done"}'):
            model = self.model(call("update_spec_status", arguments), answer("Sorry."))
            frames = self.ask(model, baseUrl=api.url, projectId="p")
            self.assertEqual([frame["type"] for frame in frames], ["tool_call", "tool_result", "chunk", "done"])
            self.assertIn("error", frames[1]["data"]["result"])
        self.assertEqual(api.requests, [])

    def test_settings_limit_the_steps(self):
        api = self.api(lambda request: json_reply({"specs": []}))
        model = self.model(*[call("list_specs", {}, f"call_{i}") for i in range(3)], answer("Enough."))
        frames = self.ask(model, baseUrl=api.url, projectId="p", maxSteps=3)
        self.assertEqual(frames[-1]["type"], "done")
        self.assertEqual(text_of(frames), "Enough.")
        self.assertEqual(len(api.requests), 3)
        self.assertEqual(len(model.requests), 4)

    def test_a_call_in_the_last_step_is_answered_too(self):
        api = self.api(lambda request: json_reply({"specs": []}))
        model = self.model(*[call("list_specs", {}, f"call_{i}") for i in range(3)])
        frames = self.ask(model, baseUrl=api.url, projectId="p", maxSteps=2)
        self.assertEqual([frame["type"] for frame in frames],
                         ["tool_call", "tool_result", "tool_call", "tool_result", "tool_call", "tool_result", "done"])
        self.assertEqual(frames[-2]["data"]["toolCallId"], "call_2")
        self.assertEqual(frames[-2]["data"]["result"], {"error": "not carried out: the chat ended before"})
        self.assertEqual(frames[-1]["finishReason"], "max_steps")
        self.assertEqual(len(api.requests), 2)
        self.assertEqual(len(model.requests), 3)

    def test_a_call_of_an_answer_that_was_cut_short_is_answered(self):
        api = self.api(lambda request: json_reply({"specs": []}))
        pieces = list(call("list_specs", {}))
        model = self.model([piece.replace(b'"tool_calls"}', b'"length"}') for piece in pieces])
        frames = self.ask(model, baseUrl=api.url, projectId="p")
        self.assertEqual([frame["type"] for frame in frames], ["tool_call", "tool_result", "done"])
        self.assertEqual(api.requests, [])

    def test_provider_errors_are_error_frames(self):
        for status in (401, 429, 500):
            body = json.dumps({"error": {"message": f"wrong {status}"}}).encode()
            model = self.model(Reply(status, body=body, content_type="application/json",
                                     headers=[("retry-after-ms", "10")]))
            frames = self.ask(model)
            self.assertEqual([frame["type"] for frame in frames], ["error"])
            self.assertIn(f"wrong {status}", frames[0]["error"])
            self.assertEqual(len(model.requests), 1 if status == 401 else 3)
        self.assert_lives()

    def test_an_upstream_that_is_cut_is_an_error_after_what_came(self):
        for pieces in ([event({"content": "half"})], [event({"content": "half"}), b"data: {\"choi"]):
            frames = self.ask(self.model(pieces))
            self.assertEqual([frame["type"] for frame in frames], ["chunk", "error"])
            self.assertEqual(text_of(frames), "half")
        self.assert_lives()

    def test_no_content_disturbs_the_reader(self):
        pieces = [raw_text_event(inside) for inside in (b"a\xff\xfe", b"\\ud83d", b"\\u0000", b"\\u2028")]
        frames = self.ask(self.model(pieces + [event({}, "stop"), END]))
        self.assertEqual(frames[-1]["type"], "done")
        self.assertTrue(text_of(frames).startswith("a\ufffd"))
        for arguments in ("[" * 100 + "]" * 100, "[" * 500 + "]" * 500, '{"n":1e400}', '{"a":1,"a":2}',
                          '{"s":"\\ud83d"}', '{ "multi" :\n 1 }'):
            frames = self.ask(self.model(call("no_such_tool", arguments), answer("on")))
            self.assertEqual([frame["type"] for frame in frames], ["tool_call", "tool_result", "chunk", "done"])

    def test_hostile_answers_of_the_api_are_results_like_others(self):
        odd = [b'{"a":1,"a":2}', b"[" * 3000 + b"]" * 3000, b'{"x":"\\ud800"}', b"\xff\xfe", b"1e999", b'{\n"a":\r\n1}', b""]
        for body in odd:
            api = self.api(lambda request, body=body: Reply(body=body, content_type="application/json"))
            frames = self.ask(self.model(call("list_specs", {}), answer("on")), baseUrl=api.url, projectId="p")
            self.assertEqual([frame["type"] for frame in frames], ["tool_call", "tool_result", "chunk", "done"])

    def test_keys_come_from_the_environment_and_an_empty_one_is_none(self):
        model = self.model(answer("x"))
        entry = provider(model.url, key="${MY_KEY}")
        self.parent.chat(entry, [user("Hi")]).read_all()
        self.assertEqual(model.requests[0].headers["authorization"], "Bearer sk-from-environment")
        frames = self.parent.chat(provider(model.url, key=""), [user("Hi")]).read_all()
        self.assertEqual(frames[-1]["type"], "done")
        self.assertIsNone(model.requests[1].headers["authorization"])

    def test_compatible_providers_are_asked_at_their_own_address_in_their_own_words(self):
        for name in ("deepseek", "openrouter", "whatever"):
            model = self.model(answer("x"))
            entry = provider(model.url + "/custom/v1", provider_id=name)
            frames = self.parent.chat(entry, [user("Hi")]).read_all()
            self.assertEqual(frames[-1]["type"], "done")
            self.assertEqual(model.requests[0].path, "/custom/v1/chat/completions")


class SessionTest(ParentTest):
    def play(self, session, status=200):
        """The session API: its GET gives `session`, its PUT answers with `status`."""

        def route(request):
            if request.method == "GET":
                return json_reply({"session": session}) if session is not None else json_reply({}, 404)
            self.put_seen_at.append(time.monotonic())
            return json_reply({}, status)

        self.put_seen_at = []
        return self.api(route)

    def test_the_session_names_the_model_and_keeps_the_text(self):
        api = self.play({"id": "s 1", "providerId": "custom", "modelId": "other"})
        model = self.model(call("list_specs", {}), answer("Good ", "day. "))
        entry = provider(model.url)
        entry["models"].append({"id": "other", "name": "O"})
        history = [user("Hi"), {"id": "2", "role": "assistant", "parts": [
            {"type": "step-start"}, {"type": "text", "text": "Hello."},
            {"type": "tool-x", "toolCallId": "t", "state": "output-available", "input": {}, "output": "o"},
            {"type": "text", "text": "You?"}]}, user("Well")]
        frames = self.parent.chat(entry, history, sessionId="s 1", baseUrl=api.url + "/", projectId="p",
                                  modelId="m").read_all()
        self.assertEqual(frames[-1]["type"], "done")
        self.assertEqual(model.requests[0].json()["model"], "other")
        put = api.requests[-1]
        self.assertEqual((put.method, put.path), ("PUT", "/api/chat/sessions/s%201/messages"))
        saved = put.json()
        self.assertEqual([saved[key] for key in ("projectId", "providerId", "modelId")], ["p", "custom", "other"])
        self.assertEqual(saved["messages"], [
            {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello.\n\nYou?"},
            {"role": "user", "content": "Well"}, {"role": "assistant", "content": "Good day."}])

    def test_a_session_that_is_missing_or_cannot_be_saved_costs_nothing_but_a_line_in_the_log(self):
        for session, status in ((None, 200), ({}, 500)):
            api = self.play(session, status)
            frames = self.ask(self.model(answer("fine")), sessionId="s", baseUrl=api.url)
            self.assertEqual(text_of(frames), "fine")
            self.assertEqual(frames[-1]["type"], "done")
            self.assertEqual(len(self.put_seen_at), 1)
        frames = self.ask(self.model(answer("fine")), sessionId="s", baseUrl="http://127.0.0.1:9")
        self.assertEqual(frames[-1]["type"], "done")

    def test_a_401_in_a_session_is_an_error_and_the_worker_lives(self):
        api = self.play({})
        model = self.model(Reply(401, body=b'{"error":{"message":"wrong"}}', content_type="application/json"))
        frames = self.ask(model, sessionId="s", baseUrl=api.url)
        self.assertEqual([frame["type"] for frame in frames], ["error"])
        self.assertEqual(self.put_seen_at, [])
        self.assert_lives()

    def test_stdin_may_end_while_the_session_is_looked_up(self):
        def route(request):
            if request.method == "GET":
                time.sleep(1)
            return json_reply({})

        api = self.api(route)
        stream = self.parent.chat(provider(self.model(answer("x")).url), [user("Hi")], sessionId="s", baseUrl=api.url)
        self.parent.close_stdin()
        self.assertEqual(stream.read_all()[-1]["type"], "done")
        self.assertEqual([request.method for request in api.requests], ["GET", "PUT"])


class SystemPromptTest(SessionTest):
    def setUp(self):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".md", delete=False) as file:
            file.write("\nYou keep \"specs\".\nBe short: é.\n")
        self.addCleanup(os.unlink, file.name)
        self.parent = Parent({"LEANSPEC_SYSTEM_PROMPT_FILE": file.name})
        self.addCleanup(self.end)
        self.exit_code = 0

    def test_the_prompt_file_is_every_chats_system_message_and_no_part_of_the_session(self):
        api = self.play({})
        for _ in range(2):
            model = self.model(answer("fine"))
            self.assertEqual(text_of(self.ask(model, sessionId="s", baseUrl=api.url)), "fine")
            messages = model.requests[0].json()["messages"]
            self.assertEqual([message["role"] for message in messages], ["system", "user"])
            self.assertEqual(messages[0]["content"], "You keep \"specs\".\nBe short: é.")
            self.assertEqual([message["role"] for message in api.requests[-1].json()["messages"]], ["user", "assistant"])

    def test_a_file_that_cannot_be_used_ends_the_worker_at_once(self):
        for path in ("/no/such/file", "/"):
            for arguments, environment in ((["--system-prompt-file", path], {}), ([], {"LEANSPEC_SYSTEM_PROMPT_FILE": path})):
                done = subprocess.run([os.environ["AIW_WORKER"], *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                                      env=dict(os.environ, LEANSPEC_IPC_MODE="true", **environment))
                self.assertEqual(done.returncode, 64)
                self.assertIn(path, done.stderr.decode())
                self.assertEqual(done.stdout, b"")


class DotEnvTest(unittest.TestCase):
    def test_a_file_named_env_in_the_working_directory_is_not_read(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, ".env"), "w", encoding="utf-8") as file:
                file.write("MY_KEY_OF_DOT_ENV=sk-1\nHTTPS_PROXY=http://127.0.0.1:9\n")
            parent = Parent(cwd=folder)
            entry = dict(provider("http://127.0.0.1:9"), apiKey="${MY_KEY_OF_DOT_ENV}")
            frames = parent.chat(entry, [user("Hi")]).read_all()
            self.assertEqual([frame["type"] for frame in frames], ["error"])
            self.assertIn("MY_KEY_OF_DOT_ENV", frames[0]["error"])
            self.assertEqual(parent.end(), 0)


class EndTest(ParentTest):
    def test_a_chat_that_comes_while_the_worker_drains_is_told_so(self):
        go_on = threading.Event()

        def slow():
            yield event({"content": "a"})
            go_on.wait(PATIENCE)
            yield event({"content": "b"})
            yield event({}, "stop")
            yield END

        model = self.model(lambda request: Reply(pieces=slow()))
        stream = self.parent.chat(provider(model.url), [user("Hi")])
        first = stream.read()
        self.parent.process.send_signal(signal.SIGTERM)
        while self.parent.health()["data"]["ready"]:
            time.sleep(0.01)
        for _ in range(3):
            late = self.parent.chat(provider(model.url), [user("Hi")]).read_all()
            self.assertEqual([frame["type"] for frame in late], ["error"])
            self.assertEqual(late[0]["code"], "shutting_down")
        go_on.set()
        self.assertEqual(text_of([first] + stream.read_all()), "ab")
        self.assertEqual(self.parent.process.wait(PATIENCE), 0)

    def test_stdins_end_ends_an_idle_worker(self):
        self.parent.health()
        began = time.monotonic()
        self.assertEqual(self.parent.end(), 0)
        self.assertLess(time.monotonic() - began, 5)

    def test_stdins_end_lets_running_chats_finish(self):
        def slow(words):
            for word in words:
                time.sleep(0.05)
                yield event({"content": word})
            yield event({}, "stop")
            yield END

        model = self.model(lambda request: Reply(pieces=slow(["a", "b", "c"] * 5)))
        stream = self.parent.chat(provider(model.url), [user("Hi")])
        first = stream.read()
        self.parent.close_stdin()
        frames = [first] + stream.read_all()
        self.assertEqual(text_of(frames), "abc" * 5)
        self.assertEqual(frames[-1]["type"], "done")


def load_tests(loader, _tests, _pattern):
    """Its heirs share setUp, not ParentTest's tests."""
    suite = unittest.TestSuite()
    for case in (ParentTest, SessionTest, SystemPromptTest, DotEnvTest, EndTest):
        for name in loader.getTestCaseNames(case):
            if name in vars(case):
                suite.addTest(case(name))
    return suite


if __name__ == "__main__":
    unittest.main()
