"""Adapters without a kit, each with the one fault that its name says; `plain` has none.

Run as `python hostile.py NAME`. All serve one operation, `login`, which tells one callback.
"""

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

NAME = sys.argv[1]
HELLO = {"protocol": 1, "implementation": {"name": NAME}, "endpoints": ["room"]}
forever = threading.Event()
numbers: dict[str, int] = {}


def now() -> int:
    return time.monotonic_ns() // 1_000


def write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def say(message: dict[str, Any]) -> None:
    write(json.dumps(message) + "\n")


def answer(request: dict[str, Any], status: str = "ok", fields: Any = None) -> None:
    say({"type": "result", "id": request["id"], "status": status, "fields": fields or {}, "time": now()})


def tell(member: str, **changed: Any) -> None:
    numbers[member] = numbers.get(member, 0) + 1
    event = {"type": "event", "member": member, "n": numbers[member], "time": now(), "callback": "on", "fields": {}}
    say({**event, **changed})


def login(member: str) -> None:
    """What goes wrong while the call runs, before it is answered."""
    match NAME:
        case "lying":
            tell(member, time=now() + 60_000_000)
        case "early":
            tell(member, time=1)
        case "gappy":
            tell(member)
            numbers[member] += 1
            tell(member)
        case "repeating":
            tell(member)
            numbers[member] -= 1
            tell(member)
        case "noisy":
            write("[sdk] connecting to the room...\n")
        case "half-line":
            write('{"type":"event","member":[sdk] connected\n')
        case "not-utf8":
            sys.stdout.buffer.write(b'{"type":"log","text":"\xff"}\n')
            sys.stdout.buffer.flush()
        case "empty-line":
            write("\n")
        case "wrong-schema":
            tell(member, callback=7)
        case "far-future":
            tell(member, time=1 << 63)
        case "no-time":
            tell(member, time=float("nan"))
        case "nested":
            deep = "[" * 90_000 + "]" * 90_000
            write(f'{{"type":"event","member":"{member}","n":1,"time":1,"callback":"on","fields":{{"x":{deep}}}}}\n')
        case "wrong-status":
            say({"type": "result", "id": 1, "status": "fine"})
        case "unknown-member":
            tell("99.Z")
        case "unknown-id":
            say({"type": "result", "id": 4_000, "status": "ok", "fields": {}})
        case "oversize":
            write("x" * (3 << 20))
            forever.wait()
        case "oversize-line":
            tell(member, fields={"x": "x" * (1 << 20)})
        case "flooding":
            while True:
                tell(member)
        case "hanging":
            hang_but_pong()
        case "dead":
            forever.wait()
        case "crashing":
            sys.stderr.write("segmentation fault in the SDK\n")
            os._exit(11)
        case "closing":
            os.close(1)
            forever.wait()
        case _:
            tell(member)


def hang_but_pong() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        if request["type"] == "ping":
            answer(request, fields={"nonce": request["nonce"]})


def hello(request: dict[str, Any]) -> None:
    match NAME:
        case "late":
            forever.wait()
        case "exits":
            sys.stderr.write("no licence file\n")
            sys.exit(3)
        case "other-version":
            answer(request, fields={**HELLO, "protocol": 2})
        case "nameless":
            answer(request, fields={**HELLO, "implementation": {}})
        case "unwilling":
            answer(request, "adapter-error", {"error": "no camera"})
        case "parent":
            subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
            answer(request, fields=HELLO)
        case _:
            answer(request, fields=HELLO)


def main() -> None:
    if NAME == "banner":
        write("welcome to the SDK\n")
    for line in sys.stdin:
        request = json.loads(line)
        kind = request["type"]
        if kind == "hello":
            hello(request)
        elif kind == "ping":
            if NAME == "deaf":
                continue
            nonce = "?" if NAME == "wrong-nonce" else request["nonce"]
            answer(request, fields={"nonce": nonce})
        elif kind == "bye" and NAME in ("lingering", "parent"):
            continue
        elif kind == "bye":
            answer(request)
            return
        elif kind in ("call", "admin") and request["operation"] != "login":
            answer(request, "ok" if NAME in ("lazy", f"lazy-{kind}") else "unsupported")
        elif kind == "call":
            login(request["member"])
            if NAME == "wrong-answer":
                answer(request, "fine")
                continue
            answer({"id": str(request["id"])} if NAME == "text-id" else request)
        else:
            answer(request)


if NAME in ("lingering", "parent"):
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
main()
if NAME in ("lingering", "parent"):
    forever.wait()
