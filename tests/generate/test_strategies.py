"""Schedules by chance."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate, islice, permutations
from pathlib import Path
from statistics import median

import pytest
from hypothesis import HealthCheck, find, given, settings

from generate.checker import problems_of
from generate.contracts import CONTRACTS, MANY, drawn
from roomcheck.errors import UsageError
from roomcheck.generate import schedules, under_other_faults, with_one_more
from roomcheck.generate.collect import collect
from roomcheck.generate.links import Act
from roomcheck.generate.strategies import entries
from roomcheck.generate.times import times
from roomcheck.judge.coverage import Triple, met
from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, When
from roomcheck.run.choosing import foreseen
from roomcheck.spec.contract import SECOND_SESSION, Cause, CauseKind
from roomcheck.spec.schedule_file import read_schedule, write_schedule
from support.lobby import lobby
from support.processes import PATIENCE

ZEGO = CONTRACTS["zego-100"]
PATIENT = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SECOND = 1_000_000 // 100  # at a hundredth


def steps() -> list[Step]:
    return [step for schedule in drawn("zego-100", MANY) for step in schedule.steps]


def pairs() -> Iterator[tuple[Step, Step]]:
    """Steps that follow each other."""
    for schedule in drawn("zego-100", MANY):
        yield from zip(schedule.steps, schedule.steps[1:], strict=False)


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_schedule_is_sound(name: str) -> None:
    """By a checker that shares nothing with the generator."""
    for schedule in drawn(name):
        assert problems_of(CONTRACTS[name], schedule) == []


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_schedule_is_the_same_after_it_was_written_and_read(name: str) -> None:
    """To the microsecond, at any scale."""
    contract = CONTRACTS[name]
    for schedule in drawn(name):
        assert read_schedule(write_schedule(contract, schedule), "f", contract) == schedule


@pytest.mark.parametrize(("members", "count"), [(1, 1), (2, 3), (7, 12)])
def test_there_are_never_more_members_or_steps_than_asked_for(members: int, count: int) -> None:
    """From the least that makes a schedule."""

    @PATIENT
    @given(schedules(ZEGO, members=members, steps=count))
    def check(schedule: Schedule) -> None:
        assert problems_of(ZEGO, schedule) == []
        assert len(schedule.members) <= members
        assert len(schedule.steps) <= count

    check()


def test_every_operation_and_every_value_of_its_arguments_occurs() -> None:
    """Rooms and users too."""
    seen = {
        (act.operation, name, value)
        for step in steps()
        if isinstance(act := step.act, Call | Admin)
        for name, value in act.args.items()
    }

    for operation in ZEGO.operations.values():
        for name, lawful in operation.args.items():
            assert {value for o, n, value in seen if (o, n) == (operation.name, name)} == set(lawful)
        for name in operation.rooms:
            assert {value for o, n, value in seen if (o, n) == (operation.name, name)} == {"R", "R2", "R3"}
        for name in operation.users:
            assert {value for o, n, value in seen if (o, n) == (operation.name, name)} >= {"A", "B", "C"}


def test_every_fault_occurs_and_is_healed() -> None:
    """The server's seldom, since it needs a server of its own."""
    kinds = [step.act.kind for step in steps() if isinstance(step.act, Fault)]

    assert set(kinds) == set(FaultKind)
    assert MANY // 100 <= kinds.count(FaultKind.SERVER_RESTART) <= MANY // 20
    assert sum(isinstance(step.act, Heal) for step in steps()) > len(kinds) / 3


def test_there_are_gaps_at_each_constant() -> None:
    """Within 1 % of it, however long it is."""
    gaps = {step.when.offset for step in steps()}

    assert [k for k, value in ZEGO.constants.items() if not any(abs(g - value) * 100 <= value for g in gaps)] == []


def test_there_are_gaps_just_before_at_and_just_after_each_constant() -> None:
    """Within 1 % of it, or of a millisecond of documented time; one that lasts minutes is too dear for all of them."""
    gaps = set(times(ZEGO).gaps)  # what is drawn from; a draw of each is too rare for a test

    for constant, value in ZEGO.constants.items():
        near = max(value // 100, 10)
        if value < 120 * SECOND:
            assert value in gaps, constant
            assert any(value - near <= gap < value for gap in gaps), constant
            assert any(value < gap <= value + near for gap in gaps), constant


def test_there_are_gaps_of_one_constant_less_another() -> None:
    """A server that counts from the last heartbeat is early by an interval."""
    constants = ZEGO.constants

    assert constants["heartbeat_timeout"] - constants["heartbeat_interval"] in {step.when.offset for step in steps()}


def test_a_schedule_lasts_minutes_and_seldom_longer_than_the_longest_constant() -> None:
    """In documented time; a run a hundred times as fast plays one in two seconds."""
    lengths = [sum(step.when.offset for step in s.steps) + s.watch for s in drawn("zego-100", MANY)]
    long = sum(length > ZEGO.constants["retry_timeout"] for length in lengths)

    assert 120 * SECOND < median(lengths) < 250 * SECOND
    assert MANY / 100 < long < MANY / 9


@pytest.mark.parametrize("operation", ZEGO.operations)
def test_faults_fall_into_every_call(operation: str) -> None:
    """A moment before it and a moment after it."""

    def calls(step: Step) -> bool:
        return isinstance(step.act, Call | Admin) and step.act.operation == operation

    close = [(a, b) for a, b in pairs() if b.when.offset < SECOND]

    assert any(calls(a) and isinstance(b.act, Fault) for a, b in close)
    assert any(isinstance(a.act, Fault) and calls(b) for a, b in close)


def test_links_flap() -> None:
    """Down, up, down and up again within a second each."""
    runs = [
        run
        for schedule in drawn("zego-100", MANY)
        for run in zip(*(schedule.steps[i:] for i in range(4)), strict=False)
        if len({getattr(step.act, "member", None) for step in run}) == 1
        and all(step.when.offset < SECOND for step in run[1:])
        and [type(step.act) for step in run] == [Fault, Heal, Fault, Heal]
    ]

    assert len(runs) > MANY / 200


def test_several_members_are_down_at_once_and_faults_pile_up() -> None:
    """Outages that overlap, and a fault upon a fault of the same link."""
    most = piled = 0
    for schedule in drawn("zego-100", MANY):
        down: set[str | None] = set()
        for act in (step.act for step in schedule.steps):
            if isinstance(act, Fault) and EFFECT[act.kind] is Effect.DOWN:
                piled += act.member in down
                down.add(act.member)
            elif isinstance(act, Heal):
                down.discard(act.member)
            most = max(most, len(down))

    assert most >= 2
    assert piled


def test_while_a_member_is_away_its_other_device_enters_and_the_backend_removes_its_user() -> None:
    """Between an outage's begin and its end: what it finds when it is back."""
    enters = removed = 0
    for schedule in drawn("zego-100", MANY):
        user = {member.name: member.user for member in schedule.members}
        for steps in zip(*(schedule.steps[i:] for i in range(3)), strict=False):
            lost, meanwhile, back = (step.act for step in steps)
            if not (isinstance(lost, Fault) and isinstance(back, Heal) and lost.member == back.member in user):
                continue
            away = str(lost.member)
            if isinstance(meanwhile, Call):
                enters += meanwhile.member != away and user[meanwhile.member] == user[away]
            elif isinstance(meanwhile, Admin):
                removed += meanwhile.args["user"] == user[away]

    assert enters > MANY / 25
    assert removed > MANY / 100


def test_a_member_calls_a_moment_after_it_was_removed() -> None:
    """Of a call beside another act the second comes before the first has settled."""
    assert any(
        isinstance(a.act, Admin) and isinstance(b.act, Call) and b.when.offset < SECOND and a.act.args["user"] == b.act.member
        for a, b in pairs()
    )  # fmt: skip


def test_an_outage_outlasts_every_limit_and_a_call_follows_it() -> None:
    """The member has given up, and what it says after that counts too."""
    longest = max(ZEGO.constants.values())
    ended = [
        (b, c)
        for schedule in drawn("zego-100", MANY)
        for a, b, c in zip(schedule.steps, schedule.steps[1:], schedule.steps[2:], strict=False)
        if isinstance(a.act, Fault)
        and isinstance(b.act, Heal)
        and a.act.member == b.act.member
        and b.when.offset > longest
    ]

    assert any(isinstance(c.act, Call) and c.act.member == b.act.member for b, c in ended if isinstance(b.act, Heal))


def test_a_user_logs_in_twice() -> None:
    """By a second member."""
    assert sum(
        {"A", "A2"} <= {step.act.member for step in schedule.steps if isinstance(step.act, Call)}
        for schedule in drawn("zego-100", MANY)
    ) > MANY / 20  # fmt: skip


def test_most_schedules_begin_with_members_that_enter() -> None:
    """By the operation that leads from outside to where the others are heard of, whatever it is called."""
    assert [entries(CONTRACTS[name]) for name in ("zego", "lobby", "two-state", "every-construct")] == [
        {"loginRoom"}, {"join"}, {"enter"}, {"login"},
    ]  # fmt: skip
    first = [schedule.steps[0].act for schedule in drawn("zego-100", MANY)]
    assert sum(isinstance(act, Call) and act.operation == "loginRoom" for act in first) > MANY * 0.8


def test_where_nobody_hears_of_others_every_call_that_leads_away_is_an_entry() -> None:
    """There is nothing else to know it by."""
    whole = lobby()
    own = whole.views[0]
    alone = replace(whole, views=(replace(own, rules=tuple(r for r in own.rules if r.cause.name != "move.to")),))

    assert entries(alone) == {"join"}


def test_an_entry_may_be_reached_in_circles() -> None:
    """States that lead to each other without a call do not hold it up."""
    whole = lobby()
    own = whole.views[0]
    circle = [replace(own.rules[1], from_=frozenset({a}), to=b) for a, b in (("joining", "x"), ("x", "joining"))]
    rules = (*(r for r in own.rules if r.cause != Cause(CauseKind.ENTERED)), *circle)

    assert entries(replace(whole, views=(replace(own, rules=rules), whole.views[1]))) == frozenset()


def test_a_room_without_entry_gets_schedules_too() -> None:
    """They begin with whatever there is."""
    contract = replace(ZEGO, lacks=frozenset({"loginRoom", "logoutRoom", "switchRoom"}))

    @PATIENT
    @given(schedules(contract))
    def check(schedule: Schedule) -> None:
        assert problems_of(contract, schedule) == []

    check()


def test_a_room_without_second_sessions_gets_one_member_of_each_user() -> None:
    """However many members there are; where it has them, some schedules do."""

    @PATIENT
    @given(schedules(replace(ZEGO, lacks=frozenset({SECOND_SESSION}))))
    def check(schedule: Schedule) -> None:
        assert not schedule.second_session

    check()
    assert find(schedules(ZEGO), lambda schedule: schedule.second_session).members


@pytest.mark.parametrize(("named", "rooms"), [(True, {1, 2, 3}), (False, {1})])
def test_one_that_names_no_room_is_played_in_one(*, named: bool, rooms: set[int]) -> None:
    """Nobody could say which of two a callback about oneself is about."""
    contract = lobby()
    move = contract.operations["move"]
    status = contract.callbacks["status"]
    contract = replace(
        contract,
        lacks=frozenset({move.name}),
        callbacks={**contract.callbacks, "status": status if named else replace(status, room=None)},
    )
    drawn_rooms = {len(s.rooms) for s in collect(schedules(contract), number=0, count=60)}

    assert drawn_rooms == rooms


def test_a_room_that_needs_two_rooms_for_everything() -> None:
    """Then no schedule has one."""
    contract = replace(ZEGO, lacks=frozenset({"loginRoom", "logoutRoom", "kick"}), faults=frozenset())

    @PATIENT
    @given(schedules(contract))
    def check(schedule: Schedule) -> None:
        assert problems_of(contract, schedule) == []
        assert len(schedule.rooms) >= 2

    check()


def test_a_fault_that_cannot_come_is_replaced_by_one_that_can_or_left_out() -> None:
    """While the server is down every link is, and only faults that keep it down may come."""
    for kinds in ({FaultKind.LATENCY}, {FaultKind.LATENCY, FaultKind.STALL}):
        contract = replace(ZEGO, faults=frozenset(kinds | {FaultKind.SERVER_RESTART}), lacks=frozenset(ZEGO.operations))

        @PATIENT
        @given(schedules(contract, steps=12))
        def check(schedule: Schedule) -> None:
            assert problems_of(contract, schedule) == []  # noqa: B023 - called at once

        check()


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_story_is_sound_under_every_other_fault_too(name: str) -> None:
    """Each kind that the contract lists is once where the story has its first fault; what else it tells stays."""
    contract = CONTRACTS[name]
    on_links = contract.faults - {FaultKind.SERVER_RESTART}
    for schedule in drawn(name):
        kin = [schedule, *under_other_faults(contract, schedule)]
        firsts = [next((k for k in map(_on_link, s.steps) if k), None) for s in kin]
        assert sorted(firsts, key=str) == (sorted(on_links, key=str) if firsts[0] else [None])
        for other in kin[1:]:
            assert problems_of(contract, other) == []
            assert replace(other, steps=()) == replace(schedule, steps=())
            assert _calls(other) == _calls(schedule)


def _on_link(step: Step) -> FaultKind | None:
    return step.act.kind if isinstance(step.act, Fault) and step.act.member else None


def _calls(schedule: Schedule) -> list[Call | Admin]:
    return [step.act for step in schedule.steps if isinstance(step.act, Call | Admin)]


def test_two_kinds_stay_two_kinds_under_other_faults() -> None:
    """And every step begins when it began."""
    acts: list[Act] = [
        Call("A", "logoutRoom", {"roomID": "R"}),
        Fault("A", FaultKind.CUT),
        Heal("A"),
        Fault("A", FaultKind.GHOST),
    ]
    labels = [None, "S1", "S2", "S3"]
    story = Schedule(
        (Member("A", "A"),),
        ("R",),
        tuple(Step(a, When(b, 7 if b else 0), f"S{i}") for i, (a, b) in enumerate(zip(acts, labels, strict=True), 1)),
        9,
    )
    faults = frozenset({FaultKind.CUT, FaultKind.GHOST, FaultKind.LATENCY, FaultKind.SERVER_RESTART})

    kin = under_other_faults(replace(ZEGO, faults=faults), story)

    assert [[_on_link(step) for step in s.steps] for s in kin] == [
        [None, FaultKind.GHOST, None, FaultKind.LATENCY],
        [None, FaultKind.LATENCY, None, FaultKind.CUT],
    ]
    assert all([step.when for step in s.steps] == [step.when for step in story.steps] for s in kin)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_story_with_one_act_more_is_sound_and_else_the_same(name: str) -> None:
    """A call more leaves all the rest; after a fault or a heal more the links take what they can."""
    contract = CONTRACTS[name]
    met_it: list[bool] = []
    met_at_twins: list[bool] = []
    for schedule in drawn(name, 30)[::3]:
        longer_ones = with_one_more(contract, schedule, foreseen(contract, schedule), lambda _triple: True)
        for longer, (wanted, *_) in islice(longer_ones, 0, None, 29):
            assert problems_of(contract, longer) == []
            assert replace(longer, steps=()) == replace(schedule, steps=())
            at_twins = wanted.cause.startswith("twin ")
            if at_twins or wanted.cause in {*FaultKind, "heal"}:
                calls, before = ([c for c in _calls(s) if isinstance(c, Call)] for s in (longer, schedule))
                rest = iter(calls)
                assert all(call in rest for call in before)  # an act of the backend may find its server down now
                assert len(calls) - len(before) in ((0, 1) if at_twins else (0,))
            else:
                gone, more = (Counter(begins(a)) - Counter(begins(b)) for a, b in permutations((schedule, longer)))
                assert (gone.total(), more.total()) == (0, 1)
            meets = wanted in met(contract, foreseen(contract, longer))
            (met_at_twins if at_twins else met_it).append(meets)
    assert met_it
    assert all(met_it)
    assert 3 * sum(met_at_twins) > len(met_at_twins)  # the rules tell what may be told, not whether it is


def begins(schedule: Schedule) -> list[tuple[int, str]]:
    """When each act comes after the first, and which it is."""
    moments = accumulate(step.when.offset for step in schedule.steps)
    return [(at, repr(step.act)) for at, step in zip(moments, schedule.steps, strict=True)]


def test_what_no_story_meets_one_act_more_may_meet() -> None:
    """A kick of somebody whose link is slow, a moment after it became so, and only that."""
    acts: list[Act] = [Call("A", "loginRoom", {"room": "R", "token": "valid"}), Fault("A", FaultKind.LATENCY)]
    steps = [Step(acts[0], When(), "S1"), Step(acts[1], When("S1", 10 * SECOND), "S2")]
    story = Schedule((Member("A", "A"),), ("R",), tuple(steps), 20 * SECOND)
    triple = Triple("LOGINED", "kick", "latency")

    ((longer, _),) = with_one_more(ZEGO, story, foreseen(ZEGO, story), lambda t: t == triple)

    assert longer.steps[:2] == story.steps
    assert longer.steps[2].act == Admin("kick", {"room": "R", "user": "A"})
    assert triple in met(ZEGO, foreseen(ZEGO, longer))
    assert triple not in met(ZEGO, foreseen(ZEGO, story))


def test_what_another_device_of_the_user_may_meet_is_tried_too() -> None:
    """A login with a wrong token elsewhere, which fails while this one's link is slow."""
    login, slow = Call("A", "loginRoom", {"room": "R", "token": "valid"}), Fault("A", FaultKind.LATENCY)
    steps = (Step(login, When(), "S1"), Step(slow, When("S1", 10 * SECOND), "S2"))
    story = Schedule((Member("A", "A"), Member("A2", "A")), ("R",), steps, 20 * SECOND)
    triple = Triple("LOGINED", "twin LOGIN_FAILED", "latency")

    longer_ones = with_one_more(ZEGO, story, foreseen(ZEGO, story), lambda t: t == triple)
    good = [longer for longer, _ in longer_ones if triple in met(ZEGO, foreseen(ZEGO, longer))]

    wrong = [Call("A2", "loginRoom", {"room": "R", "token": token}) for token in ("wrong", "expired")]
    assert [longer.steps[2].act for longer in good] == wrong
    assert triple not in met(ZEGO, foreseen(ZEGO, story))


def test_where_nothing_can_happen_there_is_no_schedule() -> None:
    """That is for whoever wrote the target to know."""
    with pytest.raises(UsageError, match="nothing can happen"):
        schedules(replace(ZEGO, lacks=frozenset(ZEGO.operations), faults=frozenset()))


def test_without_a_server_there_is_no_schedule() -> None:
    """What a room does by chance cannot be expected of one that is not there."""
    with pytest.raises(UsageError, match="there is no server without KEY"):
        schedules(replace(ZEGO, lacks=frozenset({"server without KEY"})))


def test_hypothesis_finds_the_plainest() -> None:
    """One member, one room, the first fault, and hardly anything else; one walk may stop at a second member."""
    patient = settings(PATIENT, derandomize=False, max_examples=2000)  # draws that differ
    found = [
        find(
            schedules(ZEGO),
            lambda s: any(isinstance(step.act, Fault) for step in s.steps),
            settings=patient,
            database_key=None,
        )
        for _ in range(5)
    ]

    plainest = min(found, key=lambda s: (len(s.members), len(s.steps)))
    assert (plainest.members, plainest.rooms) == ((Member("A", "A"),), ("R",))
    assert plainest.steps[-1].act == Fault("A", FaultKind.CUT)
    assert len(plainest.steps) <= 2  # Hypothesis stops where it sees no simpler draw, and may keep the login


NUMBERS = "NUMBERS = [" + ", ".join(map(str, range(100, 1000))) + "]\n"  # of more than 1,024 it takes none
DRAW = """
import hashlib, sys
from roomcheck.generate.collect import collect
from roomcheck.generate.strategies import schedules
from roomcheck.resources import root
from roomcheck.spec.load import load_spec
if len(sys.argv) > 1:
    sys.path.insert(0, sys.argv[1])
    import numbers_of_a_user
folder = root() / "specs" / "zego-express"
contract = load_spec((folder / "room-status.yaml").read_text(encoding="utf-8"), "room-status.yaml").bind()
print(hashlib.sha256(repr(collect(schedules(contract), number=7, count=200)).encode()).hexdigest())
"""


def test_a_seed_gives_the_same_schedules_whatever_modules_are_loaded(tmp_path: Path) -> None:
    """Hypothesis draws numbers that it finds in the modules of a process; no schedule hangs on them."""
    (tmp_path / "numbers_of_a_user.py").write_text(NUMBERS, encoding="utf-8")
    plain, full = (
        subprocess.run(
            [sys.executable, "-c", DRAW, *args], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        for args in ([], [str(tmp_path)])
    )
    assert plain.stdout == full.stdout != ""
