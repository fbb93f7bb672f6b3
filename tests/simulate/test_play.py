"""A schedule is played at the moments, and written down in the words, of the real player."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from roomcheck.errors import AdapterError, HarnessError, UsageError
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Marked, Record, Told, Trace
from roomcheck.model.verdict import Outcome
from roomcheck.simulate import simulate
from roomcheck.simulate.network import LATENCY
from roomcheck.simulate.play import START
from roomcheck.spec.case import Case
from roomcheck.spec.interface import Operation
from simulate.zego import contract

SECOND = 1_000_000
PACE = contract().pace
LOGIN = {"room": "R", "token": "valid"}
NEXT = When()


def play(*steps: Step, watch: int = 30 * SECOND, members: str = "AB", operations: tuple[Operation, ...] = ()) -> Trace:
    """The trace of these steps under the ZEGO contract, in documented time."""
    bound = contract()
    if operations:
        bound = replace(bound, operations={**bound.operations, **{o.name: o for o in operations}})
    schedule = Schedule(tuple(Member(m, m) for m in members), ("R",), steps, watch)
    case = Case("case", "case", "", None, schedule, (), ())
    return simulate(bound, case)


def login(member: str = "A", when: When = NEXT, label: str | None = None, **args: str) -> Step:
    return Step(Call(member, "loginRoom", {**LOGIN, **args}), when, label)


def of(trace: Trace, *kinds: type[Record]) -> list[Any]:
    return [r for r in trace.records if isinstance(r, kinds)]


def moments(trace: Trace) -> list[int]:
    """When each act was, since the start."""
    return [r.at.lo - START for r in of(trace, Called, Faulted, Healed, Marked)]


def test_a_step_without_a_moment_waits_for_the_step_before_and_the_pace() -> None:
    """And its offset counts from there."""
    steps = login("A"), login("B"), Step(Wait(), When(None, SECOND), "W")
    hasty = Schedule((Member("A", "A"), Member("B", "B")), ("R",), steps, SECOND, pace=PACE // 4)

    assert moments(play(*steps)) == [PACE, 2 * PACE, 3 * PACE + SECOND]
    assert moments(simulate(contract(), Case("c", "c", "", None, hasty, (), ()))) == [
        PACE // 4, PACE // 2, 3 * PACE // 4 + SECOND,
    ]  # fmt: skip


def test_a_moment_counts_from_the_label_and_is_never_before_now() -> None:
    """A label is the begin of its act."""
    late = When("T", -10 * SECOND)
    trace = play(login("A", label="T"), Step(Wait(), When("T", 3 * SECOND), "W"), Step(Wait(), late, "X"))

    assert moments(trace) == [PACE, PACE + 3 * SECOND, PACE + 3 * SECOND]
    assert [r.label for r in of(trace, Marked)] == ["W", "X"]


def test_a_wait_without_a_label_leaves_no_record() -> None:
    """Only its moment counts."""
    assert moments(play(Step(Wait(), When(None, SECOND)), login("A"))) == [2 * PACE + SECOND]


def test_a_call_settles_when_its_member_is_told_in_the_last_room() -> None:
    """Not by what it is told of another room, and not by what others are told."""
    slow = Operation("loginRoom", admin=False, rooms=("room",), users=(), args={}, settles=frozenset({"LOGINED"}),
                     settle_within=60 * SECOND)  # fmt: skip
    trace = play(login("A"), login("B"), login("A", room="R2"), Step(Wait(), NEXT, "W"), operations=(slow,))

    logined = [r.at.lo - START for r in of(trace, Told) if r.fields.get("reason") == "LOGINED"]
    assert len(logined) == 3
    assert moments(trace) == [PACE, *(at + PACE for at in logined)]


def test_a_call_that_is_not_told_settles_after_its_time() -> None:
    """So that a silent room cannot hold up a schedule."""
    never = Operation("loginRoom", admin=False, rooms=("room",), users=(), args={}, settles=frozenset({"KICK_OUT"}),
                      settle_within=60 * SECOND)  # fmt: skip
    trace = play(login("A"), Step(Wait(), NEXT, "W"), operations=(never,))

    assert moments(trace) == [PACE, 2 * PACE + 60 * SECOND]


def test_a_refused_call_settles_at_once() -> None:
    """Its answer carries the room's code."""
    trace = play(login("A"), login("A"), Step(Wait(), NEXT, "W"))

    assert [(r.status, dict(r.fields)) for r in of(trace, Answered)] == [
        ("ok", {}),
        ("refused", {"errorCode": 1002001}),
    ]
    assert moments(trace) == [PACE, 2 * PACE, 3 * PACE]


def test_a_call_precedes_its_answer_and_both_what_they_cause() -> None:
    """All at one instant, in the order in which they happened."""
    trace = play(login("A"))

    assert [type(r) for r in trace.records[:3]] == [Called, Answered, Told]
    assert {r.at for r in trace.records[:3]} == {Instant(START + PACE, START + PACE)}


def test_an_operation_that_the_room_lacks_is_unsupported() -> None:
    """Of a member or of the backend; the judge then has nothing to judge."""
    dance = Operation("dance", admin=False, rooms=(), users=(), args={})
    ban = Operation("ban", admin=True, rooms=(), users=("user",), args={})
    trace = play(Step(Call("A", "dance")), Step(Admin("ban", {"user": "A"})), operations=(dance, ban))

    assert [(r.status, dict(r.fields)) for r in of(trace, Answered)] == [
        ("unsupported", {"what": "dance"}),
        ("unsupported", {"what": "ban"}),
    ]
    assert judge(contract(), trace).outcome is Outcome.NOT_APPLICABLE


def test_callbacks_hold_real_names_and_acts_hold_aliases() -> None:
    """The header maps one to the other; a room that only an argument names is there too."""
    trace = play(login("A", room="R2"), login("B", room="R2"))

    assert [r.args["room"] for r in of(trace, Called)] == ["R2", "R2"]
    assert {r.fields["roomID"] for r in of(trace, Told)} == {trace.rooms["R2"]}
    assert set(trace.rooms) == {"R", "R2"}
    assert [r.fields["users"] for r in of(trace, Told) if r.member == "A" and "users" in r.fields] == [
        [{"userID": trace.users["B"]}]
    ]


def test_callbacks_are_numbered_for_each_member() -> None:
    """Without gaps, from 1."""
    trace = play(login("A"), login("B"), login("A"))

    for member in "AB":
        numbers = [r.n for r in of(trace, Told) if r.member == member]
        assert numbers == list(range(1, len(numbers) + 1))


def test_observation_ends_when_the_watch_does() -> None:
    """What comes at that moment is seen, what comes later is not."""
    seen = play(login("A"), watch=3 * LATENCY)  # connected and greeted, and its login has arrived
    whole = play(login("A"), watch=4 * LATENCY)

    assert (seen.end, whole.end) == (START + PACE + 3 * LATENCY, START + PACE + 4 * LATENCY)
    assert [r.fields["reason"] for r in of(seen, Told)] == ["LOGINING"]
    assert [r.fields["reason"] for r in of(whole, Told)] == ["LOGINING", "LOGINED"]


def test_a_fault_and_its_heal_are_noted_with_their_labels() -> None:
    """At the moment of the act; labels count from there."""
    trace = play(
        Step(Fault("A", FaultKind.CUT), NEXT, "F"),
        Step(Heal("A"), When("F", SECOND), "H"),
        Step(Wait(), When("H", SECOND), "W"),
    )

    [fault] = of(trace, Faulted)
    assert (fault.member, fault.kind, fault.label) == ("A", FaultKind.CUT, "F")
    assert [(r.member, r.label) for r in of(trace, Healed)] == [("A", "H")]
    assert moments(trace) == [PACE, PACE + SECOND, PACE + 2 * SECOND]


def test_a_truncate_lasts_for_its_moment() -> None:
    """Its instant has that width, and the step settles when it is over."""
    within = 5 * SECOND
    fault = Fault("A", FaultKind.TRUNCATE, {"within": within})
    trace = play(Step(fault), Step(Wait(), NEXT, "W"))

    assert of(trace, Faulted)[0].at == Instant(START + PACE, START + PACE + within)
    assert moments(trace) == [PACE, 2 * PACE + within]


def test_the_server_restarts() -> None:
    """Its fault and heal name no member; whoever was there comes back."""
    restart = (
        Step(Fault(None, FaultKind.SERVER_RESTART), NEXT, "F"),
        Step(Heal(None), When("F", SECOND)),
    )
    trace = play(login("A"), *restart)

    assert [r.member for r in of(trace, Faulted, Healed)] == [None, None]
    assert [r.fields["reason"] for r in of(trace, Told)] == ["LOGINING", "LOGINED", "RECONNECTING", "RECONNECTED"]


def test_a_server_that_was_killed_twice_is_dead_and_one_that_runs_goes_on() -> None:
    """As the real one."""
    down, up = Step(Fault(None, FaultKind.SERVER_RESTART)), Step(Heal(None))
    reasons = [r.fields["reason"] for r in of(play(login("A"), up, down, down, up), Told)]

    assert reasons == ["LOGINING", "LOGINED", "RECONNECTING", "RECONNECTED"]


KICK: Mapping[str, Any] = {"user": "A", "room": "R"}


def test_the_backend_reaches_the_server_whatever_the_links_are() -> None:
    """Its line passes no proxy."""
    trace = play(login("A"), Step(Fault("A", FaultKind.CUT), NEXT, "F"), Step(Admin("kick", KICK), When("F", 1)))

    assert [(r.member, r.status) for r in of(trace, Answered)] == [("A", "ok"), (None, "ok")]


def test_a_kick_while_the_server_is_down_fails_as_the_adapter_would() -> None:
    """There is no trace then, neither in a run."""
    with pytest.raises(AdapterError, match="kick: the adapter could not even try"):
        play(Step(Fault(None, FaultKind.SERVER_RESTART)), Step(Admin("kick", KICK)))


def test_a_call_without_an_argument_that_it_needs_fails_as_the_adapter_would() -> None:
    """The adapter cannot even try."""
    with pytest.raises(AdapterError, match="loginRoom: the adapter could not even try: no argument 'room'"):
        play(Step(Call("A", "loginRoom", {"token": "valid"})))
    with pytest.raises(AdapterError, match="kick: the adapter could not even try: no argument 'room'"):
        play(Step(Admin("kick", {"user": "A"})))


def test_faults_that_do_not_fit_are_refused() -> None:
    """By the same errors as in a run."""
    with pytest.raises(UsageError, match="an earlier fault still keeps A down"):
        play(Step(Fault("A", FaultKind.CUT)), Step(Fault("A", FaultKind.LATENCY)))
    with pytest.raises(HarnessError, match="A has no endpoint 'media' to fault"):
        play(Step(Fault("A", FaultKind.CUT, {}, "media")))
    assert of(play(Step(Fault("A", FaultKind.CUT, {}, "room"))), Faulted)
