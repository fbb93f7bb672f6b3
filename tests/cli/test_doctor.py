"""`roomcheck doctor` on sound rooms, and on a room, an adapter or a machine that fails each of its checks."""

import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from roomcheck.report.exitcode import ADAPTER, HARNESS, NOTHING, VIOLATION
from support.chosen import asked
from support.processes import PATIENCE
from support.runs import SERVER, Done, Running, run, sure, write_target

TESTS = Path(__file__).parents[1]
AILING, HOSTILE = TESTS / "cli" / "ailing_adapter.py", TESTS / "adapters" / "hostile.py"
AT_ONCE = 3

AILMENTS = {  # the adapter's ailment -> its check, what is said of it, and the exit code
    "misnaming": ("adapter: callbacks", "the contract has no callback didRoomStateChanged", ADAPTER),
    "fieldless": ("adapter: callbacks", "has no errorCode", ADAPTER),
    "elsewhere": ("adapter: callbacks", "tells the room 'lobby'", ADAPTER),
    "silent": ("adapter: callbacks", "expects 2 callbacks, and told were 0 (none)", VIOLATION),
    "tardy": ("adapter: barrier", "after its answer", ADAPTER),
    "blocking": ("adapter: pings while busy", "loop was stuck for", ADAPTER),
    "lacking": ("adapter: operations", "the contract has switchRoom, and the adapter has not", ADAPTER),
    "staying": (
        "adapter: end",
        " after bye",
        ADAPTER,
    ),  # killed, or ended with status 1 by its own kit, which waits longer
    "failing": ("adapter: end", "it ended with status 3 after bye", ADAPTER),
    "early": ("adapter: callbacks", "before it was opened", ADAPTER),
    "shapeless": ("adapter: callbacks", "is not a message of the protocol", ADAPTER),
    "unclosing": ("adapter: close", "one connection of a member is open", ADAPTER),
    "swallowing": ("adapter: exceptions", "'nickname'", ADAPTER),  # threads may write at once, piece by piece
    "texting": ("adapter: callbacks", "errorCode is '0', and the contract's codes are int", ADAPTER),
    "misrefusing": ("adapter: refusals", "a refused call returns no errorCode; it returns code", ADAPTER),
}
BREAKS = {  # of tests/adapters/hostile.py, which has no kit
    "exits": ("adapter: hello", "no licence file", ADAPTER),
    "banner": ("adapter: hello", "is not a message of the protocol", ADAPTER),
    "lazy-admin": ("adapter: made-up operations", "instead of 'unsupported'", ADAPTER),
    "plain": ("adapter: callbacks", "its calls were answered with unsupported", VIOLATION),
}
HABITS = {  # of roomcheck.reference.hostile
    "lazy": ("adapter: made-up operations", "instead of 'unsupported'", ADAPTER),
    "lying": ("adapter: callbacks", "claimed it at hello, and says now that it is unsupported", ADAPTER),
    "noisy": ("adapter: callbacks", "is not a message of the protocol", ADAPTER),
    "gappy": ("adapter: callbacks", "some are lost", ADAPTER),
    "hanging": ("adapter: callbacks", "it still answers pings, so this one call hangs", ADAPTER),
    "crashing": ("adapter: callbacks", "segmentation fault in the SDK", ADAPTER),
}
WRONG = AILMENTS | BREAKS | HABITS
OTHERS = {  # what is wrong elsewhere
    "no-server": NOTHING, "disowned-by-target": NOTHING, "past-the-proxy": ADAPTER, "declared-otherwise": VIOLATION,
}  # fmt: skip
NIGHT = {  # another one that stays shows the same check; tests/adapters shows what the host makes of each
    "fieldless", "elsewhere", "early", "shapeless", "failing", "banner", "lazy", "noisy", "gappy", "crashing",
    "texting", "lying", "plain", "hanging", "exits", "misrefusing",
}  # fmt: skip
DECLARED = "constants: {heartbeat_timeout: 90s, login_time: 120ms, retry_timeout: 100min}"


def command(*words: str | Path) -> str:
    return str(["{python}", *map(str, words)])


@pytest.fixture(scope="module")
def examined(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Mapping[str, Future[Done]]]:
    """The examinations that the chosen tests need, a few at once."""
    chosen = asked(request, __file__)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    sound = {"adapter": command("-m", "roomcheck.reference.adapter")}
    leaving_early = f"{SERVER[:-1]}, --defect, leave-told-early]"
    targets: dict[str, dict[str, Any]] = {
        "sound": {**sound, "more": DECLARED},
        "declared-otherwise": {
            **sound,
            "server": leaving_early,
            "more": DECLARED,
            "scale": 20,
        },  # 4.5 s, no busy machine is as late
        "no-server": {**sound, "server": command("-c", "raise SystemExit('no database')")},
        "disowned-by-target": {**sound, "more": "lacks: [kick]"},
        "past-the-proxy": {
            "adapter": command(AILING, "past-the-proxy", str(port)),
            "server": command("-m", "roomcheck.reference.server", "--port", str(port)),
        },
        **{name: {"adapter": command(AILING, name)} for name in AILMENTS},
        **{name: {"adapter": command(HOSTILE, name)} for name in BREAKS},
        **{name: {"adapter": command("-m", "roomcheck.reference.hostile", name)} for name in HABITS},
    }

    folders = {name: tmp_path_factory.mktemp(name) for name in targets}

    def start(name: str) -> Done:
        folder = folders[name]
        target = write_target(folder, **targets[name])
        if name == "past-the-proxy":
            target.write_text(target.read_text().replace("{room}", str(port)))
        return sure(lambda: run(["doctor", "--target", str(target)], folder), lambda done: shows(name, done))

    needed = [n for n in targets if n not in WRONG or n in chosen or n == "lacking"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(start, name) for name in needed}


def shows(name: str, done: Done) -> bool:
    """Whether what is wrong was found, whatever the machine was late for."""
    if name not in WRONG:
        return done.code == OTHERS.get(name)
    check, says, code = WRONG[name]
    return done.code == code and line(done, check).startswith("finding ") and says in line(done, check)


def line(done: Done, check: str) -> str:
    """What is said of a check, on one line."""
    parts, found = done.out.split("\n"), ""
    for number, text in enumerate(parts):
        if f" {check}: " in f" {text[10:]}":
            found = text
            for more in parts[number + 1 :]:
                if not more.startswith("          "):
                    break
                found += " " + more.strip()
    return found


def test_a_sound_room_has_no_finding(examined: Mapping[str, Future[Done]]) -> None:
    """Exit 0: every check is ok, but for what cannot be tried, which says why and what to do."""
    done = examined["sound"].result()

    assert done.code == 0, done.out + done.err
    assert "finding " not in done.out.rsplit("\n\n", 1)[0]
    for check in ("machine: time", "machine: open files", "machine: ports", "Toxiproxy: program", "Toxiproxy: faults",
                  "room: server", "adapter: hello", "adapter: operations", "adapter: made-up operations",
                  "adapter: callbacks", "adapter: pings while busy", "adapter: barrier", "adapter: close", "proxy: bypass",
                  "adapter: refusals", "adapter: exceptions",
                  "room: heartbeat_timeout", "adapter: end"):  # fmt: skip
        assert line(done, check).startswith("ok "), check
    assert "the nearest edge of a window" in line(done, "room: heartbeat_timeout")
    assert line(done, "room: login_time").endswith("no case that can be played here has a window that depends on it")
    assert "takes 6" in line(done, "room: retry_timeout")
    assert "-> roomcheck run --target" in line(done, "room: retry_timeout")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.night if name in NIGHT else ()) for name in WRONG]
)
def test_an_adapter_that_does_not_keep_the_protocol(name: str, examined: Mapping[str, Future[Done]]) -> None:
    """Its check is a finding with what to do, and the exit code says whose it is."""
    done = examined[name].result()
    check, says, code = WRONG[name]

    assert done.code == code, done.out + done.err
    assert line(done, check).startswith("finding "), done.out
    assert says in line(done, check)
    assert " -> " in line(done, check)


def test_an_endpoint_that_nobody_has(examined: Mapping[str, Future[Done]]) -> None:
    """An adapter that asks for one is told where to write it."""
    said = line(examined["lacking"].result(), "adapter: endpoints")

    assert said.startswith("finding ")
    assert "it asks for media" in said


def test_traffic_past_the_proxy(examined: Mapping[str, Future[Done]]) -> None:
    """A login that succeeds while every proxy is off is the adapter's."""
    done = examined["past-the-proxy"].result()

    assert done.code == ADAPTER, done.out + done.err
    assert line(done, "adapter: callbacks").startswith("ok ")
    assert line(done, "proxy: bypass").startswith("finding ")
    assert "no fault can bite" in line(done, "proxy: bypass")


def test_a_heartbeat_that_is_not_as_declared(examined: Mapping[str, Future[Done]]) -> None:
    """A room that drops members sooner than its target says: exit 1, with what was seen and what was expected."""
    done = examined["declared-otherwise"].result()

    assert done.code == VIOLATION, done.out + done.err
    said = line(done, "room: heartbeat_timeout")
    assert said.startswith("finding ")
    assert "4.500 s declared" in said
    assert "it would agree" in said
    assert "declare what the room does, or mend the room" in said


def test_a_server_that_does_not_start(examined: Mapping[str, Future[Done]]) -> None:
    """Its last words, exit 4, and what was looked at before stands."""
    done = examined["no-server"].result()

    assert done.code == NOTHING
    assert "no database" in line(done, "room: server")
    assert line(done, "Toxiproxy: faults").startswith("ok ")


def test_an_operation_that_the_target_disowns(examined: Mapping[str, Future[Done]]) -> None:
    """What the adapter has and `lacks` names is never played: exit 4."""
    done = examined["disowned-by-target"].result()

    assert done.code == NOTHING
    assert "the room lacks kick, and the adapter has it" in line(done, "adapter: operations")


def test_a_machine_with_few_descriptors(tmp_path: Path) -> None:
    """Exit 5, with the limit, what is needed, and how to get it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    words = [sys.executable, "-m", "roomcheck", "doctor", "--target", str(write_target(tmp_path))]
    done = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard)),
    )  # fmt: skip

    assert done.returncode == HARNESS, done.stdout + done.stderr
    assert "finding   machine: open files: 400 allowed to a process" in done.stdout
    assert "`ulimit -n 868` first, or run with --jobs 100" in done.stdout


def test_a_toxiproxy_that_does_not_work(tmp_path: Path) -> None:
    """One that was named and is none is the configuration's matter: exit 4, and nothing else is tried."""
    false = shutil.which("false")
    done = run(["doctor", "--target", "reference"], tmp_path, {"ROOMCHECK_TOXIPROXY": str(false)})

    assert done.code == NOTHING, done.out + done.err
    assert "finding   Toxiproxy: program: ROOMCHECK_TOXIPROXY=" in done.out
    assert "room: server" not in done.out


def test_a_target_that_is_none(tmp_path: Path) -> None:
    """Exit 4 and one message."""
    done = run(["doctor", "--target", "nowhere"], tmp_path)

    assert (done.code, done.out) == (NOTHING, "")
    assert "there is no target 'nowhere'" in done.err


def test_an_examination_that_is_interrupted(tmp_path: Path) -> None:
    """Exit 130 and one word; no server, adapter or Toxiproxy is left."""
    with Running.start(["doctor", "--target", str(write_target(tmp_path))], tmp_path) as running:
        running.the("reference.adapter")
        running.signal(signal.SIGINT)
        done = running.end()

        assert (done.code, done.err.strip()) == (130, "roomcheck: interrupted")
        assert running.left() == []
