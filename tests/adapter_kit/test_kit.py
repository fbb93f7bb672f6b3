"""Each kit alone, spoken to by hand over its real pipes."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roomcheck.adapter_kit import Adapter
from roomcheck.resources import go_kit, node_kit
from support.gokit import good_go
from support.processes import PATIENCE

ADAPTERS = Path(__file__).parents[1] / "adapters"
HELLO = {"type": "hello", "protocol": [1, 1], "harness": "0", "constants": {"beat": 7}}
OPEN = {"type": "open", "member": "1.A", "user": "a", "endpoints": {"room": "h:1"}, "credentials": {"token": "t"}}


class Talk:
    """One adapter's process: say a request, hear lines until its result."""

    def __init__(self, process: "subprocess.Popen[bytes]", kit: str) -> None:
        self.process = process
        self.kit = kit
        self.number = 0

    def say(self, message: dict[str, Any]) -> int:
        self.number += 1
        self.write(json.dumps({"id": self.number, **message}).encode() + b"\n")
        return self.number

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message = json.loads(self.process.stdout.readline())
        assert isinstance(message, dict)
        return message

    def ask(self, message: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The result, and what was heard before it."""
        number = self.say(message)
        before = []
        while (heard := self.hear()).get("id") != number:
            before.append(heard)
        return heard, before


def command(kit: str) -> list[str]:
    """The sound adapter of that kit; skips where there is nothing to run it with."""
    if kit == "python":
        return [sys.executable, str(ADAPTERS / "good.py")]
    if kit == "go":
        return [good_go()]
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no `node` on this machine: the Node kit is not tested")
    return [node, str(ADAPTERS / "good.mjs")]


@contextlib.contextmanager
def talking(kit: str) -> Iterator[Talk]:
    env = {**os.environ, "ROOMCHECK_CONSTANTS": '{"pause": 3}', "ROOMCHECK_NODE_KIT": str(node_kit())}
    pipe = subprocess.PIPE
    with subprocess.Popen(command(kit), stdin=pipe, stdout=pipe, stderr=pipe, env=env) as process:
        try:
            yield Talk(process, kit)
        finally:
            process.kill()


@pytest.fixture(params=["python", "node", "go"])
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    """An adapter of each kit."""
    with talking(request.param) as talk:
        yield talk


@pytest.fixture(params=["python", "node"])
def looping(request: pytest.FixtureRequest) -> Iterator[Talk]:
    """An adapter of each kit that runs the SDK in one loop, which a call can block."""
    with talking(request.param) as talk:
        yield talk


@pytest.fixture
def node() -> Iterator[Talk]:
    """The adapter of the Node kit."""
    with talking("node") as talk:
        yield talk


@pytest.fixture
def go() -> Iterator[Talk]:
    """The adapter of the Go kit."""
    with talking("go") as talk:
        yield talk


def test_hello(talk: Talk) -> None:
    """Hello's answer names the version, the implementation, what was registered and the clock."""
    result, _ = talk.ask(HELLO)

    fields = result["fields"]
    assert (result["status"], fields["protocol"], fields["clock"]) == ("ok", 1, "monotonic")
    assert fields["implementation"]["language"].startswith(
        {"python": "python 3", "node": "node v", "go": "go 1."}[talk.kit]
    )
    assert "tell" in fields["capabilities"]["operations"]
    assert fields["capabilities"]["state"] is True


def test_another_version(talk: Talk) -> None:
    """A harness that speaks no version of ours is told so."""
    result, _ = talk.ask({**HELLO, "protocol": [2, 3]})

    assert result["status"] == "adapter-error"
    assert "speaks version 1 of the protocol, the harness 2 to 3" in result["fields"]["error"]


def test_constants(talk: Talk) -> None:
    """Constants come from the environment and from hello."""
    talk.ask(HELLO)
    talk.ask(OPEN)
    result, _ = talk.ask({"type": "call", "member": "1.A", "operation": "constants"})

    assert result["fields"] == {"pause": 3, "beat": 7}


def test_callbacks_during_open(talk: Talk) -> None:
    """A callback that fires before open has returned is told, with what open was given."""
    result, before = talk.ask({**OPEN, "options": {"tell at open": True}})

    assert result["status"] == "ok"
    assert [(e["n"], e["fields"]) for e in before] == [
        (1, {"endpoints": {"room": "h:1"}, "credentials": {"token": "t"}})
    ]


def test_raw_is_cut(talk: Talk) -> None:
    """A long raw payload is cut with a mark; a short one is kept as it is."""
    talk.ask(OPEN)
    _, short = talk.ask({"type": "call", "member": "1.A", "operation": "tell", "arguments": {"count": 1, "raw": [1]}})
    _, long = talk.ask(
        {"type": "call", "member": "1.A", "operation": "tell", "arguments": {"count": 1, "raw": "x" * 99_998}}
    )

    assert short[0]["raw"] == [1]
    assert len(long[0]["raw"]) < 17_000
    assert long[0]["raw"].endswith("(100000 characters, cut)")


def test_prints_do_not_reach_the_protocol(talk: Talk) -> None:
    """What an SDK prints goes to stderr, and what it reads is empty."""
    talk.ask(OPEN)
    result, before = talk.ask({"type": "call", "member": "1.A", "operation": "chat", "arguments": {"read": True}})
    talk.ask({"type": "bye"})

    assert (result["status"], result["fields"], before) == ("ok", {"read": ""}, [])
    assert talk.process.stderr is not None
    assert b"an SDK that prints" in talk.process.stderr.read()


def test_ping_while_the_loop_is_stuck(looping: Talk) -> None:
    """A ping is answered while a call blocks the loop, and says for how long the loop has shown no life."""
    looping.ask(OPEN)
    call = looping.say({"type": "call", "member": "1.A", "operation": "block", "arguments": {"seconds": 0.5}})
    lags = []
    while (heard := looping.ask({"type": "ping", "nonce": 5}))[1] == []:
        lags.append(heard[0]["fields"]["loop_lag"])

    assert heard[1][0]["id"] == call
    assert max(lags) > 200_000


def test_a_call_that_blocks_holds_up_its_member_only(go: Talk) -> None:
    """In Go, where a call has a goroutine of its own, other members are served while it blocks."""
    go.ask(OPEN)
    go.ask({**OPEN, "member": "1.B"})
    go.say({"type": "call", "member": "1.A", "operation": "block", "arguments": {"seconds": 600}})
    result, before = go.ask({"type": "call", "member": "1.B", "operation": "tell", "arguments": {"count": 1}})

    assert (result["status"], [e["member"] for e in before]) == ("ok", ["1.B"])
    assert go.ask({"type": "ping", "nonce": 5})[0]["fields"]["nonce"] == 5


@pytest.mark.parametrize(
    ("message", "status", "text"),
    [
        ({"type": "call", "member": "1.A", "operation": "dance"}, "unsupported", "dance"),
        ({"type": "call", "member": "9.Z", "operation": "dance"}, "unsupported", "dance"),
        ({"type": "admin", "operation": "dance"}, "unsupported", "dance"),
        ({"type": "dance"}, "unsupported", "dance"),
        ({"type": "call", "member": "9.Z", "operation": "tell"}, "adapter-error", "'9.Z', which is not open"),
        ({"type": "call", "member": "1.A"}, "adapter-error", "'operation'"),
        (
            {"type": "call", "member": "1.A", "operation": "tellUnknown"},
            "adapter-error",
            "'nobody', which was never opened",
        ),
        (OPEN, "adapter-error", "was opened before"),
    ],
)
def test_mistakes(talk: Talk, message: dict[str, Any], status: str, text: str) -> None:
    """What is not known is `unsupported`; what cannot be is an adapter-error in words. The next call works."""
    talk.ask(OPEN)
    result, _ = talk.ask(message)

    assert result["status"] == status
    assert text in str(result["fields"])
    assert talk.ask({"type": "state", "member": "1.A"})[0]["fields"] == {"me": "1.A"}


def test_lines_that_are_no_messages(talk: Talk) -> None:
    """A line that is no message is logged, and the next one is served."""
    talk.write(b"hello?\n[1]\n")
    first, second = talk.hear(), talk.hear()

    assert (first["type"], second["type"]) == ("log", "log")
    assert "hello?" in first["text"]
    assert talk.ask(HELLO)[0]["status"] == "ok"


@pytest.mark.parametrize("how", ["bye", "end of input"])
def test_the_end(talk: Talk, how: str) -> None:
    """After bye, or when the harness is gone, open members are closed and the program ends well."""
    talk.ask(OPEN)
    if how == "bye":
        talk.ask({"type": "bye"})
    else:
        assert talk.process.stdin is not None
        talk.process.stdin.close()
    log = talk.hear()

    assert log == {"type": "log", "text": "closed 1.A"}
    assert talk.process.wait(PATIENCE) == 0


def test_a_stuck_sdk_does_not_outlive_the_harness(talk: Talk) -> None:
    """When the harness is gone while a call blocks the loop, the program ends all the same."""
    talk.ask(OPEN)
    talk.say({"type": "call", "member": "1.A", "operation": "block", "arguments": {"seconds": 600}})
    assert talk.process.stdin is not None
    talk.process.stdin.close()

    assert talk.process.wait(PATIENCE) == {"python": 1, "node": -9, "go": 0}[talk.kit]


@pytest.mark.parametrize(
    ("kit", "operation", "text"),
    [
        ("node", "tellObject", "fields.it is Map, which is not JSON"),
        ("node", "tellNan", "fields.it.0.deep is NaN"),
        ("node", "tellFunction", "fields.it is () => {}"),
        ("node", "tellError", "fields.it is Error"),
        ("node", "tellBig", "fields.it is 1,"),
        ("go", "tellObject", "fields.it is main.object, which is not JSON"),
        ("go", "tellNan", "fields.it.0.deep is NaN"),
        ("go", "tellFunction", "fields.it is func()"),
        ("go", "tellError", "fields.it is an error"),
        ("go", "tellBytes", "fields.it is bytes"),
        ("go", "tellText", "fields.it is not UTF-8"),
        ("go", "tellNumbers", "fields.it is map[int]string"),
    ],
)
def test_what_a_language_would_lose(kit: str, operation: str, text: str) -> None:
    """A field that it would refuse, drop or change without a word is named, with its path, at the next barrier."""
    with talking(kit) as talk:
        talk.ask(OPEN)
        _, before = talk.ask({"type": "call", "member": "1.A", "operation": operation})
        result, _ = talk.ask({"type": "barrier", "member": "1.A"})

        assert before == []
        assert result["status"] == "adapter-error"
        assert text in result["fields"]["error"]


def test_what_javascript_may_leave_out(node: Talk) -> None:
    """An undefined field is absent, and what knows its own JSON is written so."""
    node.ask(OPEN)
    _, before = node.ask({"type": "call", "member": "1.A", "operation": "tellAbsent"})

    assert before[0]["fields"] == {"when": "1970-01-01T00:00:00.000Z"}


def test_a_result_that_is_no_object(node: Talk) -> None:
    """An arrow function that returns what the SDK returned is told what a result may be."""
    node.ask(OPEN)
    result, _ = node.ask({"type": "call", "member": "1.A", "operation": "returnValue"})

    assert result["status"] == "adapter-error"
    assert "call returnValue 1.A returned true; return nothing or {field: value}" in result["fields"]["error"]


def test_a_refusal_that_is_not_json(node: Talk) -> None:
    """It is the adapter's error, and the next call works."""
    node.ask(OPEN)
    result, _ = node.ask({"type": "call", "member": "1.A", "operation": "refuseUnfit"})

    assert result["status"] == "adapter-error"
    assert "fields.errorCode is Map" in result["fields"]["error"]
    assert node.ask({"type": "state", "member": "1.A"})[0]["fields"] == {"me": "1.A"}


@pytest.mark.parametrize("kit", ["node", "go"])
def test_last_words(kit: str) -> None:
    """What was told before the program died is on the wire."""
    with talking(kit) as talk:
        talk.ask(OPEN)
        talk.say({"type": "call", "member": "1.A", "operation": "crash"})

        assert talk.hear()["callback"] == "onLastWord"
        assert talk.process.wait(PATIENCE) == -9


def test_what_go_may_tell(go: Talk) -> None:
    """What knows its own JSON, pointers, lists of any number and maps of any value are written."""
    go.ask(OPEN)
    _, before = go.ask({"type": "call", "member": "1.A", "operation": "tellFit"})

    assert before[0]["fields"]["it"] == {"when": "1970-01-01T00:00:00Z", "none": None, "at": [1], "text": ["é"]}


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ("returnUnfit", "fields.it is func()"),
        ("refuseUnfit", "fields.errorCode is func()"),
        ("panic", "panic: by the SDK"),
        ("tell", "panic: interface conversion"),
    ],
)
def test_what_go_cannot_answer(go: Talk, operation: str, text: str) -> None:
    """A result that is not JSON and a panic in a call are the adapter's error, and the next call works."""
    go.ask(OPEN)
    result, _ = go.ask({"type": "call", "member": "1.A", "operation": operation})

    assert result["status"] == "adapter-error"
    assert text in result["fields"]["error"]
    assert go.ask({"type": "state", "member": "1.A"})[0]["fields"] == {"me": "1.A"}


def test_the_go_kit_needs_the_standard_library_only() -> None:
    """Its module requires nothing, and no import names a host."""
    listed = re.compile(r'^\s+"(.*?)"$', re.MULTILINE)
    imports = {name for file in go_kit().glob("*.go") for name in listed.findall(file.read_text())}

    assert "require" not in (go_kit() / "go.mod").read_text()
    assert imports
    assert [name for name in imports if "." in name] == []


def test_stdout_that_cannot_be_kept() -> None:
    """Where Node cannot move stdout away from the SDK, the kit says so instead of mixing the two."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        env = {**os.environ, "ROOMCHECK_NODE_KIT": str(node_kit())}
        fd, words = theirs.fileno(), command("node")
        done = subprocess.run(
            words, stdin=fd, stdout=fd, stderr=subprocess.PIPE, env=env, timeout=PATIENCE, check=False
        )

    assert done.returncode == 1
    assert b"stdout cannot be kept for the protocol (ENXIO)" in done.stderr
    assert b"--dial HOST:PORT" in done.stderr


def test_the_types_name_what_the_node_kit_exports() -> None:
    """kit.d.mts declares what kit.mjs has, class by class and method by method; the kit imports Node's modules only."""
    code = node_kit().read_text()
    types = node_kit().with_name("kit.d.mts").read_text()
    exported = re.compile(r"^export class (\w+)", re.MULTILINE)
    method = re.compile(r"^  (?:async )?([a-z]\w*)(?:<.*?>)?\(.*?\)(?=[ :].*[{;]$)", re.MULTILINE)
    public, declared = (text.partition("class Adapter")[2].partition("\n}")[0] for text in (code, types))

    assert exported.findall(code) == exported.findall(types)
    assert set(method.findall(declared)) >= {"emit", "main", "open"}
    assert set(method.findall(declared)) == set(method.findall(public)) - {"constructor"}
    assert set(re.findall(r'from "(.*?)"', code)) <= {
        f"node:{m}" for m in ("fs", "net", "stream", "timers/promises", "util", "worker_threads")
    }


def test_functions_must_be_asynchronous() -> None:
    """A plain function is refused when it is registered."""
    kit = Adapter("x", "1")

    with pytest.raises(TypeError, match="login must be written with `async def`"):

        @kit.operation("login")  # type: ignore[type-var]  # the mistake under test
        def login(me: Any, arguments: Any) -> None: ...


def test_the_kit_needs_nothing_else() -> None:
    """Importing the kit loads the standard library and nothing else of roomcheck."""
    program = "import sys; import roomcheck.adapter_kit; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True).split()

    ours = {m for m in loaded if m.startswith("roomcheck")}
    assert ours == {"roomcheck", *(m for m in ours if m.startswith("roomcheck.adapter_kit"))}
    assert not {"pydantic", "yaml", "hypothesis", "click"} & set(loaded)


def test_registered_functions_stay_functions() -> None:
    """A decorated function is still itself, so that adapters can be tested without the kit."""
    kit = Adapter("x", "1")

    @kit.state
    async def state(me: str) -> dict[str, Any]:
        return {"me": me}

    assert asyncio.run(state("A")) == {"me": "A"}
