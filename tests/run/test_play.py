"""One case played on real parts: a server, an adapter, a Toxiproxy; and the trace that comes of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from roomcheck.adapters import AdapterHost, Answer
from roomcheck.cli.files import find_spec, find_target, read_spec, read_target
from roomcheck.errors import AdapterError, HarnessError
from roomcheck.faults import Provisioned, ToxiproxyServer, provision
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Marked, Told, Trace
from roomcheck.model.verdict import Outcome
from roomcheck.run.clock import Lateness, now
from roomcheck.run.install import provide
from roomcheck.run.play import OPEN_LIMIT, OPENINGS, Ground, Play, in_order
from roomcheck.run.server import Server
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract

SCALE = 100.0
MS = 1000
HOUR = 3_600_000 * MS
A, B = Member("A", "A"), Member("B", "B")


@pytest.fixture(scope="module")
def toxiproxy() -> Provisioned:
    """Whatever Toxiproxy a run on this machine would use."""
    return provision()


@pytest.fixture(scope="module")
def contract() -> Contract:
    """A real contract, fast."""
    return read_spec(find_spec("zego-express/room-status")).bind(scale=SCALE)


def case(contract: Contract, *steps: Step, members: tuple[Member, ...] = (A,), watch: int = 300 * MS) -> Case:
    """A case with this schedule, judged by the rules alone."""
    schedule = Schedule(members, ("R",), steps, watch)
    return replace(contract.cases[0], id="small", scenario="small", schedule=schedule, lines=())


def login(member: str, **more: str) -> Call:
    return Call(member, "loginRoom", {"room": "R", "token": "valid", **more})


@contextlib.asynccontextmanager
async def ground(contract: Contract, toxiproxy: Provisioned) -> AsyncIterator[Ground]:
    """What the cases of a run share."""
    target = provide(read_target(find_target("reference")))
    async with contextlib.AsyncExitStack() as stack:
        lateness = await stack.enter_async_context(Lateness())
        server = await stack.enter_async_context(Server(target, contract.constants))
        proxies = await ToxiproxyServer.start(toxiproxy)
        stack.push_async_callback(proxies.stop)
        host = await AdapterHost.start(target.adapter_command, constants=contract.constants)
        stack.push_async_callback(host.stop)
        yield Ground(contract, host, proxies, lateness, server, "t")


Played = Callable[..., list[Trace]]


@pytest.fixture
def play(contract: Contract, toxiproxy: Provisioned) -> Played:
    """Plays cases side by side on one ground, and looks at it before it ends."""

    def played(*cases: Case, look: Callable[[Ground], Awaitable[None]] | None = None) -> list[Trace]:
        async def run() -> list[Trace]:
            async with ground(contract, toxiproxy) as shared:
                plays = [Play(shared, c, number, shared.server) for number, c in enumerate(cases, 1)]
                try:
                    return list(await asyncio.gather(*(p.run() for p in plays)))
                finally:
                    if look is not None:
                        await look(shared)

        return asyncio.run(run())

    return played


def test_a_trace_has_what_was_done_and_what_was_told(contract: Contract, play: Played) -> None:
    """Call, answer and callbacks, in the words of the schedule, with the names that the room knew."""
    began = now()
    (trace,) = play(case(contract, Step(login("A"), label="T0")))
    ended = now()

    called, *rest = [r for r in trace.records if isinstance(r, Called)]
    answered = [r for r in trace.records if isinstance(r, Answered)]
    told = [r for r in trace.records if isinstance(r, Told)]
    assert not rest
    assert (called.member, called.operation, called.args, called.label) == ("A", "loginRoom", login("A").args, "T0")
    assert [(a.call, a.status) for a in answered] == [(called.id, "ok")]
    assert [t.fields["reason"] for t in told] == ["LOGINING", "LOGINED"]
    assert [t.n for t in told] == [1, 2]
    assert {t.fields["roomID"] for t in told} == {trace.rooms["R"]} != {"R"}
    assert trace.users["A"] != "A"
    assert began < called.at.lo <= called.at.hi <= trace.end < ended
    assert trace.constants == dict(contract.constants)
    assert (trace.scale, trace.clock) == (SCALE, "scaled x100")


def test_a_fault_and_its_end_are_bracketed_and_proven(contract: Contract, play: Played) -> None:
    """In this order, at the moments that the schedule says or later, and the contract is kept."""
    outage = 20 * MS
    (trace,) = play(
        case(
            contract,
            Step(login("A")),
            Step(Fault("A", FaultKind.CUT), label="T3"),
            Step(Heal("A"), When("T3", outage), "T5"),
            watch=1_000 * MS,
        )
    )

    (fault,) = [r for r in trace.records if isinstance(r, Faulted)]
    (heal,) = [r for r in trace.records if isinstance(r, Healed)]
    told = [r.fields["reason"] for r in trace.records if isinstance(r, Told)]
    assert (fault.member, fault.kind, fault.label, heal.label) == ("A", FaultKind.CUT, "T3", "T5")
    assert "a new connection was refused" in fault.evidence
    assert fault.at.lo <= fault.at.hi  # which may be later than the heal's: it is widened by how late the machine was
    assert heal.at.lo - fault.at.lo >= outage
    assert told == ["LOGINING", "LOGINED", "RECONNECTING", "RECONNECTED"]
    assert judge(contract, trace, None).outcome is not Outcome.VIOLATES


def test_steps_without_a_time_wait_until_the_one_before_has_settled(contract: Contract, play: Played) -> None:
    """The second login begins when the first was told, and the pace later."""
    (trace,) = play(case(contract, Step(login("A")), Step(login("B")), members=(A, B)))

    logins = [r for r in trace.records if isinstance(r, Called)]
    first = next(r for r in trace.records if isinstance(r, Told) and r.member == "A")
    assert [r.member for r in logins] == ["A", "B"]
    assert logins[1].at.lo >= first.at.lo + contract.pace


def test_a_schedule_may_have_a_pace_of_its_own(contract: Contract, play: Played) -> None:
    """Here a long one."""
    patient = case(contract, Step(Wait(), label="W"), Step(Wait(), label="X"))
    (trace,) = play(replace(patient, schedule=replace(patient.schedule, pace=2 * contract.pace)))

    first, second = (r.at.lo for r in trace.records if isinstance(r, Marked))
    assert second >= first + 2 * contract.pace


def test_a_wait_is_a_mark(contract: Contract, play: Played) -> None:
    """With its label, so that windows can be counted from it."""
    (trace,) = play(case(contract, Step(Wait(), When(None, 5 * MS), "W")))

    assert [r.label for r in trace.records if isinstance(r, Marked)] == ["W"]


def test_cases_side_by_side_do_not_meet(contract: Contract, play: Played) -> None:
    """Each has users and rooms of its own, and is told nothing of the other."""
    same = case(contract, Step(login("A")))
    traces = play(same, same, same)

    assert len({t.rooms["R"] for t in traces}) == len({t.users["A"] for t in traces}) == 3
    for trace in traces:
        assert len([r for r in trace.records if isinstance(r, Told)]) == 2


def test_an_act_of_the_backend_is_nobodys_call(contract: Contract, play: Played) -> None:
    """A kick: no member made it, and the member is told."""
    (trace,) = play(case(contract, Step(login("A")), Step(Admin("kick", {"user": "A", "room": "R"}), label="K")))

    kick = next(r for r in trace.records if isinstance(r, Called) and r.operation == "kick")
    assert (kick.member, kick.label) == (None, "K")
    assert [r.fields["reason"] for r in trace.records if isinstance(r, Told)][-1] == "KICK_OUT"


def test_nothing_of_a_case_is_left_on_the_ground(contract: Contract, play: Played) -> None:
    """Its proxies are gone, and its members are closed: their names can no longer be asked."""
    asked: list[str] = []
    proxies: list[str] = []

    async def look(shared: Ground) -> None:
        answer = await shared.host.request("call", member="1.A", operation="logoutRoom", arguments={"room": "R"})
        asked.append(str(answer.fields))
        proxies.extend(await shared.toxiproxy.do(lambda client: client._api.get("/proxies").json()))

    play(case(contract, Step(login("A")), Step(Fault("A", FaultKind.STALL))), look=look)

    assert "'1.A', which is not open" in asked[0]
    assert [name for name in proxies if not name.startswith("roomcheck-")] == []  # what is left is Toxiproxy's own mark


def test_a_fault_on_an_endpoint_that_is_not_there_is_our_trouble(contract: Contract, play: Played) -> None:
    """No trace, and no verdict about the room."""
    with pytest.raises(HarnessError, match="A has no endpoint 'media' to fault"):
        play(case(contract, Step(Fault("A", FaultKind.CUT, endpoint="media"))))


def test_a_call_that_the_adapter_cannot_even_try_is_the_adapters(contract: Contract, play: Played) -> None:
    """No trace, and what the adapter said."""
    with pytest.raises(AdapterError, match="kick: the adapter could not even try: .*KeyError"):
        play(case(contract, Step(Admin("kick", {"room": "R"}))))


def test_callbacks_of_a_member_stay_in_their_order() -> None:
    """Two that are stamped alike, the second one less surely, are not swapped; members know nothing of each other."""
    heard = [
        ("A", Instant(8, 10)),
        ("B", Instant(1, 12)),
        ("A", Instant(3, 10)),
        ("A", Instant(9, 9)),
        ("B", Instant(2, 13)),
    ]

    assert list(in_order(heard)) == [Instant(8, 10), Instant(1, 12), Instant(8, 10), Instant(9, 10), Instant(2, 13)]


class SlowToOpen(AdapterHost):
    """An adapter that opens one member at a time, as a browser does; it notes how many it was asked for at once."""

    def __init__(self) -> None:
        self.asked, self.most, self.opened = 0, 0, list[str]()
        self.one_at_a_time = asyncio.Lock()

    async def request(self, kind: str, timeout: float = 5.0, **fields: Any) -> Answer:  # noqa: ASYNC109
        assert (kind, timeout) == ("open", OPEN_LIMIT)
        self.asked += 1
        self.most = max(self.most, self.asked)
        async with self.one_at_a_time:
            await asyncio.sleep(0)
        self.asked -= 1
        self.opened.append(fields["member"])
        return Answer("ok", {}, 0, 0)


def test_members_are_opened_in_turn(contract: Contract) -> None:
    """However many there are, none waits within its own limit for more than a few others."""

    async def run() -> SlowToOpen:
        host = SlowToOpen()
        nothing: Any = None
        shared = Ground(contract, host, nothing, nothing, nothing, "t")
        await asyncio.gather(*(shared.open(f"{n}.A", "a", {}) for n in range(100)))
        return host

    host = asyncio.run(run())

    assert len(host.opened) == 100
    assert host.most == OPENINGS


def test_a_case_whose_operation_the_room_lacks_ends_there(contract: Contract, toxiproxy: Provisioned) -> None:
    """Nothing more of it is played, nor watched: it does not apply, whatever would come."""
    dance = replace(contract.operations["logoutRoom"], name="dance")
    wider = replace(contract, operations={**contract.operations, "dance": dance})
    steps = (Step(login("A")), Step(Call("A", "dance", {"room": "R"})), Step(login("A")))

    async def run() -> Trace:
        async with ground(wider, toxiproxy) as shared:
            async with asyncio.timeout(60):
                return await Play(shared, case(wider, *steps, watch=HOUR), 1, shared.server).run()

    trace = asyncio.run(run())

    assert [record.status for record in trace.records if isinstance(record, Answered)] == ["ok", "unsupported"]
    assert judge(wider, trace).outcome is Outcome.NOT_APPLICABLE
