"""What the doctor makes of numbers and contracts; the whole of it, on real rooms, is in tests/cli/test_doctor.py."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from roomcheck.adapters import StampedCallback
from roomcheck.cli.files import find_spec, find_target, read_spec, read_target
from roomcheck.errors import HarnessError
from roomcheck.faults import ToxiproxyServer, provision
from roomcheck.judge import judge
from roomcheck.judge.lateness import narrowest
from roomcheck.model.verdict import Blame
from roomcheck.reference import defects
from roomcheck.run.doctor import Observation, Seen, machine
from roomcheck.run.doctor.adapter import _barriers, _pings, expected, simplest
from roomcheck.run.doctor.habits import exception_in
from roomcheck.run.doctor.room import _constant, declared
from roomcheck.run.queue import duration
from roomcheck.simulate import simulate
from roomcheck.spec.case import AnyOf, Entry, Unordered
from roomcheck.spec.contract import Contract
from support.lobby import case, line, lobby

MS = 1000
LOBBY = lobby()  # its shortest window is 50 ms


@pytest.fixture(scope="module")
def contract() -> Contract:
    """A real one."""
    return read_spec(find_spec("zego-express/room-status")).bind(scale=100)


def entry(*, optional: bool = False) -> Entry:
    return Entry("own", "in", {}, None, optional=optional)


@pytest.mark.parametrize(("usual", "seen"), [(25 * MS, Seen.OK), (26 * MS, Seen.FINDING)])
def test_a_machine_is_too_late_for_short_windows(usual: int, seen: Seen) -> None:
    """Lateness of more than half the shortest window is the machine's finding."""
    said = machine.late(usual, 2 * usual, LOBBY)

    assert said.seen is seen
    assert "the shortest window of the contract is 50 ms" in said.text
    assert said.blame is (Blame.MACHINE if seen is Seen.FINDING else None)


def test_a_late_machine_is_told_a_scale_that_would_do() -> None:
    """Where time is scaled, a smaller scale; where it is not, only what is left."""
    assert "--scale 50" in machine.late(25_001, 50 * MS, replace(LOBBY, scale=100)).advice
    assert "--scale" not in machine.late(25_001, 50 * MS, LOBBY).advice


@pytest.mark.parametrize(
    ("outgoing", "seen"),
    [("32768\t60999\n", Seen.OK), ("1024 65535", Seen.FINDING), ("no numbers", Seen.OK), (None, Seen.OK)],
)
def test_outgoing_connections_that_take_the_proxies_ports(tmp_path: Path, outgoing: str | None, seen: Seen) -> None:
    """A range that reaches into ours is a finding; where the system has no such file, it is no matter."""
    path = tmp_path / "range"
    if outgoing is not None:
        path.write_text(outgoing)

    assert machine.ports_line(path).seen is seen


def test_no_port_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the machine's."""

    def none() -> int:
        raise HarnessError("all are taken")

    monkeypatch.setattr(machine, "free_port", none)
    said = machine.ports_line()

    assert (said.seen, said.blame, said.text) == (Seen.FINDING, Blame.MACHINE, "all are taken")


def test_faults_that_cannot_be_proven(contract: Contract) -> None:
    """A Toxiproxy that has died is the harness's."""

    async def look() -> Observation:
        server = await ToxiproxyServer.start(provision())
        await server.stop()
        return await machine.faults_line(server, contract)

    said = asyncio.run(look())

    assert (said.seen, said.blame) == (Seen.FINDING, Blame.HARNESS)
    assert "is dead" in said.text


def test_the_simplest_case_is_calls_alone(contract: Contract) -> None:
    """One member, one call with lawful arguments, and something to be told; None where there is no such case."""
    chosen = simplest(contract)

    assert chosen is not None
    assert chosen.id == "login-alone"
    assert simplest(replace(contract, cases=tuple(c for c in contract.cases if c.fault))) is None


@pytest.mark.parametrize("spec", ["mqtt/presence", "xmpp-muc/occupants", "socketio/connection"])
def test_a_story_without_lines_expects_what_its_rules_lead_to(spec: str) -> None:
    """Of the stories that every contract has, the one of a member alone is the simplest; it is told of itself."""
    contract = read_spec(find_spec(spec)).bind()
    chosen = simplest(contract)

    assert chosen is not None
    assert (chosen.id, chosen.lines, expected(contract, chosen)) == ("story-alone", (), 2)


def test_what_a_case_expects_at_least() -> None:
    """Optional callbacks need not come, and of several branches the shortest may."""
    branches = AnyOf(((entry(), entry()), (entry(),)))
    items = (entry(), entry(optional=True), Unordered((entry(), entry())), branches)

    assert expected(LOBBY, case(line("A", *items), line("B"))) == 4


def test_a_declared_constant_is_looked_at_in_the_shortest_case_that_depends_on_it(contract: Contract) -> None:
    """A case whose windows move with it; for a constant that no window knows there is none."""
    target = replace(
        read_target(find_target("reference")), constants={"heartbeat_timeout": "90s", "login_time": "1ms"}
    )  # fmt: skip
    spec = read_spec(find_spec("zego-express/room-status"))
    heartbeat, login = declared(spec, target, spec.bind(constants=target.constants, scale=100))

    assert (heartbeat.name, heartbeat.value) == ("heartbeat_timeout", 900 * MS)
    assert heartbeat.case is not None
    assert "heartbeat" in heartbeat.case.id or "gone" in heartbeat.case.title
    assert duration(heartbeat.case) < 3_000 * MS
    assert (login.name, login.case) == ("login_time", None)


def test_a_case_with_a_server_of_its_own_is_left_to_a_whole_run(contract: Contract) -> None:
    """It would end the server under the cases beside it."""
    target = replace(read_target(find_target("reference")), constants={"heartbeat_timeout": "90s"})
    spec = read_spec(find_spec("zego-express/room-status"))
    alone = replace(contract, cases=tuple(replace(case, own_server=True) for case in contract.cases))
    (heartbeat,) = declared(spec, target, alone)

    assert heartbeat.case is None


@pytest.mark.parametrize(
    ("defect", "check", "said"),
    [
        ("leave-told-early", "room: heartbeat_timeout", "it would agree"),
        ("leave-told-late", "room: heartbeat_timeout", "it would agree"),
        ("reconnecting-wrong-code", "room: just-after", "so it is not this constant"),
    ],
)
def test_a_constant_is_blamed_only_where_another_value_would_make_it_lawful(
    defect: str, check: str, said: str, contract: Contract
) -> None:
    """Else it is the case that breaks the contract."""
    spec = read_spec(find_spec("zego-express/room-status"))
    target = replace(read_target(find_target("reference")), constants={"heartbeat_timeout": "90s"})
    (heartbeat,) = declared(spec, target, contract)
    assert heartbeat.case is not None
    trace = simulate(contract, heartbeat.case, clients=defects.client(defect), server=defects.server(defect))

    line = _constant(heartbeat, {heartbeat.case.id: (trace, judge(contract, trace, heartbeat.case))}, "roomcheck run")

    assert line.seen is Seen.FINDING
    assert line.check.startswith(check)
    assert said in line.text


def test_a_shorter_constant_that_only_this_machine_is_too_late_for_is_not_blamed(contract: Contract) -> None:
    """With a tenth of it the shortest window is one that a machine so late says nothing of: that makes nothing lawful."""
    spec = read_spec(find_spec("zego-express/room-status"))
    target = replace(read_target(find_target("reference")), constants={"retry_limit": "12s"})
    (retry,) = declared(spec, target, contract)
    assert retry.case is not None
    client = defects.client("reconnecting-wrong-code")
    trace = replace(simulate(contract, retry.case, clients=client), lateness=narrowest(contract) - MS)

    line = _constant(retry, {retry.case.id: (trace, judge(contract, trace, retry.case))}, "roomcheck run")

    assert "so it is not this constant" in line.text


PYTHON = """\
Exception in thread Thread-1:
Traceback (most recent call last):
  File "a.py", line 1, in run
    fields["nickname"]
KeyError: 'nickname'
ready""".splitlines()
MIXED = """\
Exception in thread Thread-1:
Traceback (most recent call last):
  File "threading.py", line 5, in _bootstrap_inner

Exception in thread Thread-2:
Traceback (most recent call last):
    fields["nickname"]
KeyError: 'nickname'
KeyError: 'nickname'""".splitlines()
NODE = ["TypeError: no", "    at f (/a.mjs:1:2)", "    at g (/a.mjs:3:4)", "Node.js v20"]


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        (PYTHON, PYTHON[4]),
        (MIXED, "KeyError: 'nickname'"),  # two threads, whose lines lie between each other
        (PYTHON[:4], PYTHON[3]),  # not all of it is there yet
        (NODE, "Node.js v20"),
        (["ready", "listening"], None),
    ],
)
def test_an_exception_is_shown_to_its_end(lines: list[str], last: str | None) -> None:
    """What was raised is the last line of what is shown, or what is there of it."""
    assert exception_in(lines)[-1:] == ([] if last is None else [last])


@pytest.mark.parametrize(
    ("stuck", "late", "seen"),
    [
        (900 * MS, 0, Seen.OK), (2_000 * MS, 0, Seen.FINDING), (2_000 * MS, 400 * MS, Seen.FINDING),
        (2_000 * MS, 600 * MS, Seen.NOT_TRIED),
    ],
)  # fmt: skip
def test_a_loop_that_is_stuck_on_a_machine_that_is_late_itself(stuck: int, late: int, seen: Seen) -> None:
    """It is the adapter's finding, unless it waited for a processor, or this process did, for a quarter of it too."""
    said = _pings([(50 * MS, 0), (0, stuck)], "6 members called enter at once", late)

    assert said.seen is seen
    assert "1 while 6 members called enter at once: answered within 50 ms" in said.text


def test_answers_that_come_late_from_an_adapter_that_knows_of_no_loop() -> None:
    """They are measured alike, however little this machine was late."""
    said = [_pings([(2_000 * MS, 0), (0, 0)], "6 members called enter at once", late) for late in (1, 600 * MS)]

    assert [each.seen for each in said] == [Seen.FINDING, Seen.NOT_TRIED]


@pytest.mark.parametrize(
    ("stamped", "kept", "seen"),
    [(15, 0, Seen.OK), (30, 0, Seen.FINDING), (30, 29, Seen.FINDING), (30, 30, Seen.NOT_TRIED), (15, 30, Seen.OK)],
)
def test_a_callback_that_a_barrier_did_not_wait_for(stamped: int, kept: int, seen: Seen) -> None:
    """It is the adapter's finding, unless this machine may have kept the thread that wrote it waiting for as long."""
    heard = [StampedCallback("A", 1, time * MS, 200 * MS, "in", {}) for time in (100, 100 - stamped)]
    said = _barriers([(100 * MS, 110 * MS), (90 * MS, 205 * MS)], heard, 6, kept * MS)

    assert said.seen is seen
