"""What random schedules seldom meet."""

from dataclasses import replace

import pytest

from room.parlour import CAST, S, case, contract, cut, enter, leave
from roomcheck.errors import UsageError
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Wait
from roomcheck.model.trace import Answered, Marked, Told, Trace
from roomcheck.model.verdict import Outcome
from roomcheck.room import Break, Kind, Policy, Timing, play
from roomcheck.spec.contract import Contract
from roomcheck.spec.interface import Path

ALONE = CAST[:1]


def told(trace: Trace, member: str = "A") -> list[str]:
    """What a member was told of itself."""
    return [
        r.fields["state"]
        for r in trace.records
        if isinstance(r, Told) and r.member == member and r.callback == "onSelf"
    ]


def with_presence(**changes: object) -> Contract:
    """The contract with another declaration of presence."""
    views = tuple(
        replace(v, presence=replace(v.presence, **changes)) if v.presence else v  # type: ignore[arg-type]
        for v in contract().views
    )
    return replace(contract(), views=views)


def test_a_fault_that_cannot_be_is_refused() -> None:
    """As the proxy would refuse it."""
    for acts, text in (
        ([cut("A", FaultKind.SERVER_RESTART)], "a fault of the server"),
        ([cut("A"), cut("A", FaultKind.LATENCY)], "an earlier fault still keeps A down"),
        ([Fault("A", FaultKind.LATENCY, {"speed": 1})], "has no setting 'speed'"),
    ):
        with pytest.raises(UsageError, match=text):
            play(contract(), case(*acts), Policy())


def test_a_decision_can_be_made_beforehand() -> None:
    """Whether something comes, and when in its window."""
    acts = case(enter("A"), members=ALONE)
    [entering, inside] = [r for r in play(contract(), acts, Policy(eagerness=0.0)).records if isinstance(r, Told)]
    decision = ("when", "comes", 2, "A", "R", 1)

    late = play(contract(), acts, Policy(eagerness=0.0, fixed={decision: 1.0}))

    [_, told_late] = [r for r in late.records if isinstance(r, Told)]
    assert told_late.at.lo - entering.at.lo == 5 * S
    assert inside.at.lo < told_late.at.lo
    assert Policy(eagerness=1.0, fixed={("x",): 1.0}).chance(1.0, ("x",)) is False


def test_a_moment_that_is_named_is_marked() -> None:
    """And one without a name leaves no trace."""
    named = case(Wait(), Wait())
    plain = replace(named, schedule=replace(named.schedule, steps=(replace(named.schedule.steps[0], label=None),)))

    assert [r.label for r in play(contract(), named, Policy()).records if isinstance(r, Marked)] == ["S1", "S2"]
    assert not play(contract(), plain, Policy()).records


def test_a_call_is_answered_as_a_rule_demands() -> None:
    """And with ok where none does; one that names no room concerns nobody."""
    trace = play(contract(), case(enter("A"), enter("A"), Call("A", "enter", {}), members=ALONE), Policy())

    answers = [(r.status, dict(r.fields)) for r in trace.records if isinstance(r, Answered)]
    assert answers == [("ok", {}), ("refused", {"code": 41}), ("ok", {})]


def test_a_silent_move_tells_nothing() -> None:
    """A room that is closed while A is LOST: A is ENDED at once, if the room wants that."""
    acts = case(enter("A"), cut("A"), 11 * S, Admin("close", {"place": "R"}), members=ALONE)
    seen = {tuple(told(play(contract(), acts, Policy(Timing.DRAWN, seed, 1.0)))) for seen in (0,) for seed in range(20)}

    assert all(
        judge(contract(), play(contract(), acts, Policy(Timing.DRAWN, seed, 1.0))).outcome is Outcome.CONFORMS
        for seed in range(20)
    )
    assert ("ENTERING", "IN", "LOST") in seen


THROWN = Admin("throw_out", {"user": "A", "place": "R"})


@pytest.mark.parametrize(
    "acts",
    [
        [enter("A"), cut("A"), 40 * S, Heal("A"), 1 * S, cut("A")],
        [enter("A"), cut("A"), S // 2, Heal("A")],
        [enter("A"), cut("A"), 1 * S, THROWN],
        [enter("A"), cut("A"), 11 * S, THROWN],
        [enter("A"), 1, cut("A"), 20 * S, Heal("A"), 6 * S, THROWN],
        [enter("A"), enter("B"), cut("A"), 1 * S, Fault(None, FaultKind.SERVER_RESTART), Heal(None), 60 * S, Heal("A")],
    ],
    ids=["back for a moment", "blink", "thrown out unheard", "and lost", "thrown out later", "a restart forgets"],
)
def test_what_may_be_either_way_is_lawful_either_way(acts: list[object]) -> None:
    """Rooms that decide differently are all accepted."""
    played = case(*acts, members=CAST if enter("B") in acts else ALONE, watch=400 * S)
    for seed in range(16):
        trace = play(contract(), played, Policy(Timing.DRAWN, seed, 0.7))
        verdict = judge(contract(), trace)
        assert verdict.outcome is Outcome.CONFORMS, verdict.findings


@pytest.mark.parametrize(
    "changes",
    [
        {"requested_by": {"enter": {"ticket": ("valid",)}, "ENTERING": {"ticket": ("valid",)}}},
        {"told_by_member": True},
        {"replaced_quietly": False},
        {"replaced_aloud": False},
        {"endings": ()},
    ],
    ids=["requested by a call", "told by the member", "aloud", "quietly", "no ending"],
)
def test_presence_is_played_as_it_is_declared(changes: dict[str, object]) -> None:
    """What the others are told fits, whatever the declaration says."""
    bound = with_presence(**changes)
    acts = case(
        enter("B"), enter("A"), enter("A2"), 1 * S, cut("A2"), 90 * S, Heal("A2"), leave("A"), leave("A2"),
        Fault(None, FaultKind.SERVER_RESTART), Heal(None), enter("A"), cut("A"), 3 * S, leave("A"), 200 * S, Heal("A"),
    )  # fmt: skip
    for seed in range(12):
        trace = play(bound, acts, Policy(Timing.DRAWN, seed, 0.7))
        news = [r for r in trace.records if isinstance(r, Told) and r.callback == "onPeople"]
        assert all(r.fields["people"][0]["id"] in ("a-model", "b-model", "c-model") for r in news)
        assert news


def test_a_room_is_named_wherever_the_contract_says() -> None:
    """In a list, or deep in it."""
    callbacks = dict(contract().callbacks)
    for steps, expected in (
        ((("place", True), ("id", False)), [{"id": "r-model"}]),
        ((("place", True),), ["r-model"]),
    ):
        callbacks["onSelf"] = replace(contract().callbacks["onSelf"], room=Path(steps))
        trace = play(replace(contract(), callbacks=callbacks), case(enter("A"), members=ALONE), Policy())
        assert next(r for r in trace.records if isinstance(r, Told)).fields["place"] == expected
    callbacks["onSelf"] = replace(contract().callbacks["onSelf"], room=None)
    trace = play(replace(contract(), callbacks=callbacks), case(enter("A"), members=ALONE), Policy())
    assert next(r for r in trace.records if isinstance(r, Told)).fields["place"] is None


def test_a_wrong_word_is_made_up_where_there_is_no_other() -> None:
    """A contract with one code only; and a member that is alone is misdirected to nobody."""
    rule = next(r for r in contract().views[0].rules if r.to == "IN")
    broken = Break(Kind.FIELD, "connection", "IN", None, rule.id)
    bound = replace(contract(), codes={"fine": 0})

    trace = play(bound, case(enter("A"), members=ALONE), Policy(), broken)
    alone = play(bound, case(enter("A"), members=ALONE), Policy(), replace(broken, kind=Kind.MISDIRECTED))

    assert [r.fields["code"] for r in trace.records if isinstance(r, Told)] == [0, "wrong"]
    assert told(alone) == ["ENTERING"]


def test_who_is_not_there_cannot_be_thrown_out() -> None:
    """Its session had ended for its silence: it comes back as it would have without that."""
    acts = (enter("B"), enter("A"), cut("A"), 400 * S, Heal("A"), 0, Admin("throw_out", {"user": "A", "place": "R"}))
    for seed in range(20):
        policy = Policy(Timing.DRAWN, seed)
        trace = play(contract(), case(*acts, members=(CAST[0], CAST[2])), policy)
        assert judge(contract(), trace).outcome is not Outcome.VIOLATES, seed


def test_the_session_stays_with_the_device_that_is_there() -> None:
    """An older device that came back for a moment does not take it along when it is thrown out."""
    acts = (enter("B"), enter("A"), 40 * S, enter("A2"), 0, cut("A", FaultKind.TRUNCATE))
    for seed in range(40):
        trace = play(contract(), case(*acts, members=CAST[:3], watch=400 * S), Policy(Timing.DRAWN, seed))
        assert judge(contract(), trace).outcome is not Outcome.VIOLATES, seed


def test_what_may_come_repeatedly_comes_again() -> None:
    """A room that wants to turns away whoever was thrown out, each time that it enters."""
    acts = case(enter("A"), Admin("throw_out", {"user": "A", "place": "R"}), *[enter("A")] * 3, members=ALONE)
    contract_ = contract()

    eager = play(contract_, acts, Policy(eagerness=1.0))

    assert told(eager).count("REFUSED") > 1
    assert judge(contract_, eager).outcome is Outcome.CONFORMS
    assert told(play(contract_, acts, Policy(eagerness=0.0))).count("REFUSED") == 0
