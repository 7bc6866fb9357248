"""LeanSpec's parent (leanspec-http 0.2.20) as its contract has it: how it spawns its AI worker, and how strictly it reads."""

import json
import math
import os
import queue
import pathlib
import subprocess
import tempfile
import threading
import time
import uuid

CHANNEL = 100  # messages that wait for one browser; a full channel stops the reader for all
HEALTH_SECONDS = 5
PATIENCE = 60  # for what must happen, however busy the machine is
MAX_DEPTH = 120
FRAMES = tempfile.NamedTemporaryFile(suffix=".jsonl")  # of all workers of a run, for check_frames

# What each type must have besides its id (serde's tagged enum).
FIELDS = {
    "chunk": lambda frame: isinstance(frame["data"]["text"], str),
    "tool_call": lambda frame: "data" in frame,
    "tool_result": lambda frame: "data" in frame,
    "health_ok": lambda frame: "data" in frame,
    "done": lambda frame: True,
    "error": lambda frame: isinstance(frame["error"], str),
    "config_reloaded": lambda frame: True,
}


def unique_keys(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def finite(text):
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is out of range")
    return number


def refuse(word):
    raise ValueError(f"{word} is no JSON")


def depth_of(value):
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def parse_frame(text):
    """The frame, or ValueError for what this parent's serde would refuse."""
    frame = json.loads(text, object_pairs_hook=unique_keys, parse_float=finite, parse_constant=refuse)
    json.dumps(frame, ensure_ascii=False).encode("utf-8")  # a lone surrogate has no UTF-8
    if depth_of(frame) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if not isinstance(frame, dict) or not isinstance(frame.get("id"), str):
        raise ValueError("no id that is a string")
    check = FIELDS.get(frame.get("type"))
    if check is None:
        raise ValueError(f"unknown type {frame.get('type')!r}")
    try:
        good = check(frame)
    except (KeyError, TypeError):
        good = False
    if not good:
        raise ValueError(f"a {frame['type']} without its fields")
    return frame


def check_frames():
    """Validates what every worker has written by the dialect's schema. For a module's end."""
    FRAMES.flush()
    validate = pathlib.Path(__file__).parent.parent.parent / "tools" / "validate"
    subprocess.run([validate, "frames", FRAMES.name, "--schema", "leanspec-event"], check=True)


class Stream:
    """One chat's frames, as its browser gets them."""

    def __init__(self):
        self.channel = queue.Queue(CHANNEL)

    def read(self, timeout=PATIENCE):
        return self.channel.get(timeout=timeout)

    def read_all(self, delay=0.0):
        frames = []
        while not frames or frames[-1]["type"] not in ("done", "error"):
            time.sleep(delay)
            frames.append(self.read())
        return frames


def text_of(frames):
    return "".join(frame["data"]["text"] for frame in frames if frame["type"] == "chunk")


class Parent:
    def __init__(self, environment=None, cwd=None):
        worker = os.environ["AIW_WORKER"]
        env = dict(os.environ, LEANSPEC_IPC_MODE="true", **(environment or {}))
        # LEANSPEC_NODE_PATH and LEANSPEC_AI_WORKER both name the worker: it is its own script.
        self.process = subprocess.Popen([worker, worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=env, cwd=cwd)
        self.streams = {}
        self.parse_errors = []
        self.reader_died = False
        self.unknown = []
        self.frames = []
        self.log = []
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self._read, self._read_log)]
        for thread in self.threads:
            thread.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError:
                self.reader_died = True  # its lines() ends with the first error
                return
            FRAMES.write(line)
            try:
                frame = parse_frame(text)
            except (ValueError, RecursionError) as error:
                self.parse_errors.append(f"{error}: {text[:300]}")
                continue
            stream = self.streams.get(frame["id"])
            if stream is None:
                self.unknown.append(frame)
            else:
                stream.channel.put(frame)

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line.decode("utf-8", "replace"))

    def send(self, request):
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def open(self, request):
        stream = self.streams[request["id"]] = Stream()
        self.send(request)
        return stream

    def health(self):
        return self.open({"type": "health", "id": str(uuid.uuid4())}).read(timeout=HEALTH_SECONDS)

    def chat(self, provider, messages, **payload):
        """`provider` is an entry of the config; keys in this parent's order, null for what is absent."""
        settings = {"maxSteps": payload.pop("maxSteps", 8), "defaultProviderId": provider["id"],
                    "defaultModelId": provider["models"][0]["id"]}
        everything = {"messages": messages, "projectId": None, "providerId": None, "modelId": None, "sessionId": None,
                      "config": {"version": "1.0", "providers": [provider], "settings": settings}, "baseUrl": None}
        everything.update(payload)
        return self.open({"type": "chat", "id": str(uuid.uuid4()), "payload": everything})

    def close_stdin(self):
        self.process.stdin.close()

    def end(self):
        """Closes stdin; the exit code. The parent never kills its worker: one that stays would be an orphan."""
        if not self.process.stdin.closed:
            self.close_stdin()
        try:
            code = self.process.wait(timeout=PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        for thread in self.threads:
            thread.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def user(text):
    """A message as useChat has it."""
    return {"id": str(uuid.uuid4()), "role": "user", "parts": [{"type": "text", "text": text}]}
