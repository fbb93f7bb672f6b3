"""Simpler schedules near a given one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from generate.checker import problems_of
from generate.contracts import CONTRACTS, MANY, drawn
from roomcheck.generate import candidates, size
from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When

ZEGO = CONTRACTS["zego-100"]
SECOND = 1_000_000 // 100
A, B, A2 = Member("A", "A"), Member("B", "B"), Member("A2", "A")
PLAIN = "valid"


def login(member: str, room: str = "R", token: str = PLAIN) -> Call:
    return Call(member, "loginRoom", {"room": room, "token": token})


def switch(member: str, start: str, end: str) -> Call:
    return Call(member, "switchRoom", {"from": start, "to": end, "token": "valid"})


def chain(*moves: tuple[int, Call | Admin | Fault | Heal | Wait]) -> tuple[Step, ...]:
    """Steps, each so many seconds after the one before."""
    return tuple(
        Step(act, When(f"S{n}", gap * SECOND) if n else When(), f"S{n + 1}") for n, (gap, act) in enumerate(moves)
    )


def schedule(*moves: tuple[int, Call | Admin | Fault | Heal | Wait], members: tuple[Member, ...] = (A,), rooms: int = 1,
             watch: int = 60) -> Schedule:  # fmt: skip
    return Schedule(members, ("R", "R2", "R3")[:rooms], chain(*moves), watch * SECOND)


def acts(found: Schedule) -> list[object]:
    return [step.act for step in found.steps]


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_neighbour_is_sound_and_smaller_and_there_once(name: str) -> None:
    """So whichever is taken, shrinking ends, and nothing is played twice."""
    contract = CONTRACTS[name]
    for whole in drawn(name)[::30]:
        found = list(candidates(contract, whole))

        assert found
        assert len({repr(f) for f in found}) == len(found)
        for neighbour in found:
            assert problems_of(contract, neighbour, shrunk=True) == []
            assert size(contract, neighbour) < size(contract, whole)


def test_the_neighbours_of_scenarios_are_sound_too() -> None:
    """Their steps name any earlier moment, or none."""
    for case in ZEGO.cases[::4]:
        for neighbour in candidates(ZEGO, case.schedule):
            assert problems_of(ZEGO, neighbour, shrunk=True) == []


def test_neighbours_are_the_same_each_time() -> None:
    """In the same order."""
    whole = drawn("zego-100", MANY)[200]

    assert list(candidates(ZEGO, whole)) == list(candidates(ZEGO, whole))


def test_the_plainest_schedule_has_no_neighbour() -> None:
    """There shrinking ends."""
    plainest = replace(schedule((0, login("A"))), watch=10)

    assert list(candidates(ZEGO, plainest)) == []


def shortest(whole: Schedule, fails: Callable[[Schedule], bool]) -> tuple[Schedule, int]:
    """What is left if the first neighbour that fails is taken again and again, and how many were asked."""
    asked = 0
    while True:
        for neighbour in candidates(ZEGO, whole):
            asked += 1
            if fails(neighbour):
                whole = neighbour
                break
        else:
            return whole, asked


def away_for_long(found: Schedule) -> bool:
    """Whether A's link is down for more than 83 s while B is there."""
    now = 0
    down: int | None = None
    there = False
    for step in found.steps:
        now += step.when.offset
        match step.act:
            case Call(member="B", operation="loginRoom", args={"token": "valid"}):
                there = True
            case Fault(member="A", kind=kind) if EFFECT[kind] is Effect.DOWN and down is None and there:
                down = now
            case Heal(member="A") if down is not None:
                if now - down > 83 * SECOND:
                    return True
                down = None
            case _:
                pass
    return False


def test_a_long_schedule_shrinks_to_what_a_person_would_have_written() -> None:
    """The steps that matter, the plainest fault, and the constant by its name."""
    failing = [whole for whole in drawn("zego-100", MANY) if away_for_long(whole)]
    assert failing

    for whole in failing[:3]:
        found, asked = shortest(whole, away_for_long)

        assert acts(found) == [login("B"), Fault("A", FaultKind.CUT), Heal("A")]
        assert [step.when.offset for step in found.steps] == [0, 0, ZEGO.constants["heartbeat_timeout"]]
        assert [member.user for member in found.members] == ["A", "B"]
        assert asked < 1000


def test_a_step_goes_with_its_time_or_leaves_it_to_the_next() -> None:
    """Both are tried."""
    whole = schedule((0, login("A")), (5, login("A", "R", "wrong")), (7, login("A", "R", "expired")))
    gaps = [[step.when.offset // SECOND for step in found.steps] for found in candidates(ZEGO, whole)
            if acts(found) == [login("A"), login("A", "R", "expired")]]  # fmt: skip

    assert gaps == [[0, 7], [0, 12]]


def test_a_heal_goes_with_its_fault() -> None:
    """And what comes after keeps its moment."""
    whole = schedule((0, login("A")), (5, Fault("A", FaultKind.CUT)), (7, Heal("A")), (2, login("A")))
    found = next(
        c for c in candidates(ZEGO, whole) if acts(c) == [login("A"), login("A")] and c.steps[1].when.offset > 50_000
    )

    assert found.steps[1].when.offset in (9 * SECOND, 14 * SECOND)


def test_a_member_goes_with_its_steps_and_the_acts_upon_its_user() -> None:
    """A second member of the user takes its name."""
    kick, kick_b = (Admin("kick", {"user": user, "room": "R"}) for user in "AB")
    whole = schedule(
        (0, login("A")), (1, login("B")), (1, login("A2", "R", "wrong")), (1, kick), (1, kick_b), (1, Wait()),
        (1, Fault(None, FaultKind.SERVER_RESTART)), members=(A, B, A2),
    )  # fmt: skip
    fewer = [c for c in candidates(ZEGO, whole) if len(c.members) == 2]
    rest = [Wait(), Fault(None, FaultKind.SERVER_RESTART)]

    assert [c.members for c in fewer] == [(A, B), (A, A2), (B, A)]
    assert [acts(c) for c in fewer] == [
        [login("A"), login("B"), kick, kick_b, *rest],
        [login("A"), login("A2", "R", "wrong"), kick, *rest],
        [login("B"), login("A", "R", "wrong"), kick, kick_b, *rest],
    ]


def test_a_room_goes_with_what_happens_there_or_is_merged_into_the_first() -> None:
    """The others move up; nobody switches from a room to itself."""
    whole = schedule((0, login("A")), (1, switch("A", "R", "R2")), (1, login("A", "R2")), (1, Heal("A")), rooms=2)
    whole = replace(whole, steps=(*whole.steps[:3], Step(Fault("A", FaultKind.CUT), When("S3"), "S4")))
    cut = Fault("A", FaultKind.CUT)

    assert [acts(c) for c in candidates(ZEGO, whole) if len(c.rooms) == 1] == [
        [login("A"), cut],  # without what happens in R2
        [login("A"), login("A"), cut],  # R2 is R, and so is R for R2
        [login("A"), cut],  # without what happens in R
    ]


def test_acts_become_plainer_all_at_once_and_one_by_one() -> None:
    """The first fault of the catalogue that the target takes, the first value of each argument."""
    odd = Fault("A", FaultKind.STALL, {"x": 1}, "room")
    whole = schedule((0, login("A", "R2", "wrong")), (0, switch("A", "R2", "R")), (0, odd), rooms=2)
    found = [
        acts(c) for c in candidates(ZEGO, whole) if len(c.steps) == 3 and len(c.rooms) == 2 and acts(c) != acts(whole)
    ]

    assert found == [
        [login("A"), switch("A", "R", "R2"), Fault("A", FaultKind.CUT)],
        [login("A"), switch("A", "R2", "R"), odd],
        [login("A", "R", "wrong"), switch("A", "R2", "R"), odd],
        [login("A", "R2"), switch("A", "R2", "R"), odd],
        [login("A", "R2", "wrong"), switch("A", "R", "R2"), odd],
        [login("A", "R2", "wrong"), switch("A", "R2", "R"), Fault("A", FaultKind.CUT)],
    ]


def test_times_become_rounder_before_they_become_shorter() -> None:
    """A constant by its name is as round as one digit; a rounder time may be a little longer."""
    whole = replace(schedule((0, login("A")), (0, Wait())), steps=chain((0, login("A")), (0, Wait())))
    late = replace(whole.steps[1], when=When("S1", 88_765 * SECOND // 1000))
    gaps = [c.steps[1].when.offset for c in candidates(ZEGO, replace(whole, steps=(whole.steps[0], late)))
            if len(c.steps) == 2 and c.watch == whole.watch]  # fmt: skip

    assert gaps[0] == 0
    assert {90 * SECOND, 89 * SECOND, 50 * SECOND, 80 * SECOND} <= set(gaps)
    assert max(gaps) < 100 * SECOND


def test_the_watch_becomes_shorter_and_never_shorter_than_the_pace() -> None:
    """The last news must have the time that news takes."""
    watches = [c.watch for c in candidates(ZEGO, schedule((0, login("A")), watch=98))]

    assert min(watches) == ZEGO.pace
    assert max(watches) <= 98 * SECOND


def test_no_moment_is_simpler_than_the_same_moment() -> None:
    """All steps at once, then each; a step whose moment nothing names any more has no label."""
    whole = schedule((0, login("A")), (0, login("A", "R", "wrong")), (5, login("A", "R", "expired")))
    waits = [tuple((step.when, step.label) for step in found.steps) for found in candidates(ZEGO, whole)
             if acts(found) == acts(whole) and found.watch == whole.watch]  # fmt: skip
    free = (When(), None)

    assert waits[0] == (free, free, free)
    assert ((When(), None), (When(), "S2"), (When("S2", 5 * SECOND), None)) in waits
    assert ((When(), "S1"), (When("S1"), None), (When(), None)) in waits


def test_what_follows_a_step_that_named_no_moment_comes_its_pace_later_or_names_none_either() -> None:
    """As its own moment was named or not."""
    first, wrong = Step(login("A")), Step(login("A", "R", "wrong"), label="S2")

    def last(when: When) -> set[When]:
        whole = Schedule((A,), ("R",), (first, wrong, Step(login("A", "R", "expired"), when)), 60 * SECOND)
        wanted = [login("A"), login("A", "R", "expired")]
        return {found.steps[1].when for found in candidates(ZEGO, whole) if acts(found) == wanted}

    assert last(When("S2", SECOND)) == {When("S1", SECOND), When("S1", SECOND + ZEGO.pace)}
    assert last(When()) == {When()}
