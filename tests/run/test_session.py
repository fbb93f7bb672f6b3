"""What a session decides: how long a case is, and when it begins nothing more."""

import asyncio
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from roomcheck.adapters import AdapterHost
from roomcheck.cli.files import find_spec, find_target, read_spec, read_target
from roomcheck.errors import AdapterError
from roomcheck.faults import Provisioned, ToxiproxyServer, provision
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.model.trace import Trace, read_trace
from roomcheck.model.verdict import Blame, CaseResult, Outcome, Verdict
from roomcheck.report.traces import TraceFolder
from roomcheck.run import session as session_module
from roomcheck.run.clock import Lateness, now
from roomcheck.run.install import provide
from roomcheck.run.queue import duration
from roomcheck.run.session import LAG, TURN, Plan, Session, unhurried
from roomcheck.simulate import Virtual
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from support.processes import PATIENCE

SECOND = 1_000_000
LOGIN, CUT, HEAL = Call("A", "join"), Fault("A", FaultKind.CUT), Heal("A")


def case(*steps: Step, watch: int = 0) -> Case:
    return Case("c", "c", "C", None, Schedule((), (), steps, watch), (), ())


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        ((), 0),
        ((Step(LOGIN),), 0),
        ((Step(LOGIN), Step(Wait(), When(None, 2 * SECOND))), 2),
        ((Step(Wait(), When(None, SECOND)), Step(Wait(), When(None, 2 * SECOND))), 3),
        ((Step(CUT, label="T"), Step(HEAL, When("T", 5 * SECOND))), 5),
        ((Step(Wait(), When(None, SECOND), "T"), Step(HEAL, When("T", 5 * SECOND))), 6),
        # the later of two, whichever is written last
        ((Step(CUT, label="T"), Step(HEAL, When("T", 5 * SECOND)), Step(LOGIN, When("T", SECOND))), 5),
        ((Step(CUT, label="T"), Step(HEAL, When("T", 5 * SECOND), "U"), Step(LOGIN, When("U", SECOND))), 6),
    ],
)
def test_a_case_lasts_as_its_offsets_say_along_the_labels(steps: tuple[Step, ...], seconds: int) -> None:
    """And as long as it watches after the last one."""
    assert duration(case(*steps)) == seconds * SECOND
    assert duration(case(*steps, watch=3 * SECOND)) == (seconds + 3) * SECOND


def test_a_step_that_names_no_moment_comes_a_pace_later() -> None:
    """Also the first one, and one without a call."""
    steps = (Step(LOGIN), Step(CUT, label="T"), Step(HEAL, When("T", 5 * SECOND)), Step(Wait(), When(None, SECOND)))

    assert duration(case(*steps, watch=3 * SECOND), pace=10 * SECOND) == (10 + 10 + 5 + 10 + 1 + 3) * SECOND


def contract() -> Contract:
    return read_spec(find_spec("zego-express/room-status")).bind(scale=100.0)


def virtual(bound: Contract, cases: list[Case], over: Callable[[Case], bool], _folder: Path) -> list[CaseResult]:
    """In virtual time."""
    return asyncio.run(Virtual(bound).play(cases, 1, over))


def on_sockets(bound: Contract, cases: list[Case], over: Callable[[Case], bool], folder: Path) -> list[CaseResult]:
    """On the reference room, one after the other."""

    async def play() -> list[CaseResult]:
        target = provide(read_target(find_target("reference")))
        session = Session(Plan(bound, cases, target, provision(), TraceFolder(folder), jobs=1))
        async with session.open():
            return await session.play(cases, 1, over)

    return asyncio.run(play())


@pytest.mark.parametrize("play", [virtual, on_sockets])
def test_what_a_search_has_no_time_for_is_not_begun(
    play: Callable[[Contract, list[Case], Callable[[Case], bool], Path], list[CaseResult]], tmp_path: Path
) -> None:
    """Each case is asked for: what is too long now leaves shorter ones. The first are those that it holds most of."""
    bound = contract()
    short = sorted(bound.cases, key=duration)[:4]
    late = {short[1].id, short[3].id}

    results = play(bound, short, lambda case: case.id in late, tmp_path)

    assert [r.case.removeprefix(f"{bound.spec}/") for r in results] == [short[0].id, short[2].id]


class Watched(Lateness):
    """Notes when a case waited for the machine to be on time."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    async def calm(self, least: float, most: float) -> None:
        assert 0 < least < most
        await asyncio.sleep(0)  # whatever has begun goes on meanwhile
        self.seen.append("calm")


def test_a_case_begins_only_when_the_machine_is_seen_to_be_on_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this process computed a moment before, as in making a finding simpler, is no lateness of the case."""
    seen: list[str] = []

    async def played(_session: Session, case: Case, _attempt: int, *, alone: bool) -> CaseResult:
        assert not alone
        seen.append(case.id)
        return CaseResult(case.id, case.scenario, "", None, Outcome.CONFORMS, None, "", None, seconds=0, attempts=1)

    monkeypatch.setattr(Session, "_case", played)
    bound = contract()
    nowhere = Provisioned(None, None, "", "")
    plan = Plan(bound, (), provide(read_target(find_target("reference"))), nowhere, TraceFolder(tmp_path, every=False))
    session = Session(plan, lateness=Watched(seen))

    asyncio.run(session.play(bound.cases[:1]))

    assert seen == ["calm", bound.cases[0].id]


class Slow(Watched):
    """A machine that cannot keep up."""

    @property
    def usual(self) -> int:
        return LAG


@pytest.mark.parametrize(("machine", "most"), [(Watched, 4), (Slow, 2)])
def test_no_more_are_begun_while_the_machine_cannot_keep_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: type[Watched], most: int
) -> None:
    """A few are played all the same, and all are in the end."""
    playing: list[int] = []
    now_playing = 0

    async def played(_session: Session, case: Case, _attempt: int, *, alone: bool) -> CaseResult:
        nonlocal now_playing
        assert not alone
        now_playing += 1
        playing.append(now_playing)
        await asyncio.sleep(0.05)
        now_playing -= 1
        return CaseResult(case.id, case.scenario, "", None, Outcome.CONFORMS, None, "", None, seconds=0, attempts=1)

    monkeypatch.setattr(Session, "_case", played)
    monkeypatch.setattr(session_module, "FEW", 2)
    bound = contract()
    nowhere = Provisioned(None, None, "", "")
    plan = Plan(
        bound, (), provide(read_target(find_target("reference"))), nowhere, TraceFolder(tmp_path, every=False), jobs=8
    )
    session = Session(plan, lateness=machine([]))

    asyncio.run(session.play(bound.cases[:4]))

    assert max(playing) == most
    assert len(playing) == 4


def test_others_are_looked_after_while_a_verdict_takes_long() -> None:
    """Several times, not only when it is there."""
    seen: list[str] = []

    def judging() -> Generator[None, None, Verdict]:
        for _ in range(3):
            end = now() + 2 * TURN
            while now() < end:
                pass
            seen.append("judged on")
            yield
        return Verdict(Outcome.CONFORMS)

    async def room() -> None:
        while True:
            seen.append("looked after")
            await asyncio.sleep(0)

    async def both() -> Verdict:
        other = asyncio.create_task(room())
        verdict = await unhurried(judging())
        other.cancel()
        return verdict

    assert asyncio.run(both()).outcome is Outcome.CONFORMS
    assert seen == ["judged on", "looked after"] * 3


def test_lateness_counts_while_a_case_is_played(tmp_path: Path) -> None:
    """Not before, and not after: what a search computes then harms nobody."""
    bound = contract()
    shortest = min(bound.cases, key=duration)

    async def play() -> tuple[list[int], list[int]]:
        target = provide(read_target(find_target("reference")))
        session = Session(Plan(bound, (), target, provision(), TraceFolder(tmp_path), jobs=1))
        async with session.open():
            before = list(session.lateness._meanwhile)
            await session.play([shortest], 1)
            assert session.lateness.playing == 0
            return before, session.lateness._meanwhile

    before, after = asyncio.run(play())

    assert before == []
    assert after


def test_a_worn_toxiproxy_is_replaced_and_ends_with_its_last_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's case is disturbed; one that is not ours is kept."""
    monkeypatch.setattr("roomcheck.run.session.WORN", 3)
    started: list[ToxiproxyServer] = []
    start = ToxiproxyServer.start

    async def seen(provisioned: Provisioned) -> ToxiproxyServer:
        started.append(await start(provisioned))
        return started[-1]

    monkeypatch.setattr(ToxiproxyServer, "start", seen)
    schedule = Schedule(
        (Member("A", "A"),),
        ("R",),
        (Step(Call("A", "loginRoom", {"room": "R", "token": "valid"})), Step(Fault("A", FaultKind.CUT))),
        watch=SECOND // 10,
    )
    cases = [Case(f"c/{i}", "c", "C", None, schedule, (), ()) for i in range(8)]

    async def play(toxiproxy: Provisioned) -> tuple[list[CaseResult], list[bool]]:
        target = provide(read_target(find_target("reference")))
        session = Session(Plan(contract(), cases, target, toxiproxy, TraceFolder(tmp_path), jobs=4))
        async with session.open():
            return await session.play(cases, 1), [server.alive for server in started]

    results, alive = asyncio.run(play(provision()))

    assert {r.outcome for r in results} <= {Outcome.CONFORMS, Outcome.INCONCLUSIVE}  # no case lost its Toxiproxy
    assert alive == [False, False, True]
    assert [server.alive for server in started] == [False] * 3

    async def play_on_ours() -> list[bool]:
        server = await start(provision())
        try:
            started.clear()
            await play(Provisioned(None, server.url, "", server.version))
        finally:
            await server.stop()
        return [server.alive for server in started]

    assert asyncio.run(play_on_ours()) == [False]


def test_a_case_that_waited_for_what_was_cancelled_has_a_result_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TaskGroup drops a task that ends as cancelled without a word, and the run would wait for its result for ever."""

    async def cancelled(_session: Session) -> None:
        waited_for = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(waited_for.cancel)
        await waited_for

    monkeypatch.setattr(Session, "_sound_ground", cancelled)
    bound = contract()
    nowhere = Provisioned(None, None, "", "")
    plan = Plan(bound, (), provide(read_target(find_target("reference"))), nowhere, TraceFolder(tmp_path, every=False))

    async def play() -> list[CaseResult]:
        async with asyncio.timeout(PATIENCE):
            return await Session(plan).play(bound.cases[:1], 1)

    [result] = asyncio.run(play())

    assert (result.outcome, result.blame) == (None, Blame.HARNESS)
    assert "cancelled" in result.message


def test_a_case_that_is_cancelled_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends the run must not get a result for it."""
    begun = asyncio.Event()

    async def for_ever(_session: Session) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Session, "_sound_ground", for_ever)
    bound = contract()
    nowhere = Provisioned(None, None, "", "")
    plan = Plan(bound, (), provide(read_target(find_target("reference"))), nowhere, TraceFolder(tmp_path, every=False))
    session = Session(plan)

    async def play() -> None:
        playing = asyncio.create_task(session.play(bound.cases[:1], 1))
        await begun.wait()
        playing.cancel()
        await playing

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(play())
    assert session.results == []


def test_a_case_in_doubt_is_played_again_more_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a server and an adapter of its own, until it is decided; its trace is that of the speed that decided it."""
    spec = read_spec(find_spec("zego-express/room-status"))
    traces: list[float] = []

    def judging(bound: Contract, trace: Trace, case: Case | None) -> Generator[None, None, Verdict]:
        yield
        assert case in bound.cases
        assert trace.scale == bound.scale
        return Verdict(Outcome.INCONCLUSIVE if bound.scale > 10 else Outcome.CONFORMS)

    monkeypatch.setattr(session_module, "judging", judging)
    bound = contract()
    shortest = min(bound.cases, key=duration)

    async def play() -> list[CaseResult]:
        target = provide(read_target(find_target("reference")))
        plan = Plan(bound, (), target, provision(), TraceFolder(tmp_path), slower=lambda scale: spec.bind(scale=scale))
        session = Session(plan)
        session.on_trace = lambda _case, trace, _verdict: traces.append(trace.scale)
        async with session.open():
            session.pace.now = 100
            return await session.play([shortest])

    [result] = asyncio.run(play())

    assert (result.outcome, result.scale, result.attempts) == (Outcome.CONFORMS, 6.25, 3)
    assert traces == [100, 25, 6.25]
    assert read_trace(Path(result.trace_file).read_text().splitlines()).scale == 6.25


def test_a_fixed_speed_stays_and_the_result_says_which_would_have_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judging(*_: object) -> Generator[None, None, Verdict]:
        yield
        return Verdict(Outcome.INCONCLUSIVE)

    monkeypatch.setattr(session_module, "judging", judging)
    bound = contract()
    result = on_sockets(bound, [min(bound.cases, key=duration)], lambda _case: False, tmp_path)[0]

    assert (result.outcome, result.scale) == (Outcome.INCONCLUSIVE, 100)
    assert result.advice.startswith("--scale ")
    assert "the narrowest window is 40 ms" in result.advice


def test_where_no_other_server_starts_a_case_is_played_again_as_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its verdict is worth more than none."""

    def judging(*_: object) -> Generator[None, None, Verdict]:
        yield
        return Verdict(Outcome.INCONCLUSIVE)

    def no_other(scale: float) -> Contract:
        monkeypatch.setattr(session_module.Session, "_start_adapter", broken)
        return read_spec(find_spec("zego-express/room-status")).bind(scale=scale)

    async def broken(_session: Session) -> AdapterHost:
        raise AdapterError("it does not start")

    monkeypatch.setattr(session_module, "judging", judging)
    bound = contract()

    async def play() -> list[CaseResult]:
        target = provide(read_target(find_target("reference")))
        session = Session(Plan(bound, (), target, provision(), TraceFolder(tmp_path), slower=no_other))
        async with session.open():
            session.pace.now = 100
            return await session.play([min(bound.cases, key=duration)])

    [result] = asyncio.run(play())
    assert (result.outcome, result.scale) == (Outcome.INCONCLUSIVE, 100)
