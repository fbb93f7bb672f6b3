"""Rules whose callback has to wait: for the state that it is told in, or for the link."""

import pytest

from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.verdict import Verdict
from roomcheck.spec.load import load_spec
from support.tape import Tape

CONTRACT = load_spec(
    """
spec: porch/presence
title: A porch
revision: "1"
callbacks:
  status: {room: room, fields: {room: str, state: str, code: int}}
operations:
  join: {rooms: [room]}
  leave: {rooms: [room]}
  shut: {rooms: [room]}
  quit: {rooms: [room]}
  evict: {admin: true, users: [user], rooms: [room]}
  ban: {admin: true, users: [user], rooms: [room]}
requirements:
  P-SELF: {must: Nothing without a cause., inferred: "1"}
  P-LEAVE: {must: Who leaves is told so once the link is there., documented: "2"}
  P-SHUT: {must: Who is lost and shut out is told so., documented: "3"}
  P-BAN: {must: Who was banned may be turned away each time., documented: "4"}
connection:
  callback: status
  state: state
  initial: out
  otherwise: P-SELF
  rules:
    - {from: [out, gone], cause: join, to: in, within: 100ms}
    - {from: in, cause: link down, to: lost, within: 100ms, optional: true}
    - {from: lost, cause: entered, to: in, within: 200ms, while: link up, optional: true}
    - {from: [in, lost], cause: leave, to: out, within: 200ms, while: link up, unless: join, for: P-LEAVE}
    - {from: lost, cause: shut, cause in: in, to: gone, within: 200ms, for: P-SHUT}
    - {from: in, cause: evict, to: gone, within: 100ms}
    - {from: lost, cause: quit, to: out, silent: true}
    - {from: in, cause: twin in lost, to: gone, within: 100ms, optional: whenever}
    - {from: in, cause: ban, cause in: [out, gone], to: gone, within: 100ms, optional: repeatedly, for: P-BAN}
""",
    "porch.yaml",
).bind()


def inside() -> Tape:
    tape = Tape("A")
    tape.call(0, "A", "join", room="R")
    tape.told(10, "A", "in")
    return tape


def verdict(tape: Tape, end: float) -> Verdict:
    return judge(CONTRACT, tape.trace(end))


def broken(tape: Tape, end: float) -> list[str | None]:
    return [finding.requirement for finding in verdict(tape, end).findings]


def test_a_rule_is_not_owed_before_its_state_is_entered() -> None:
    """It was called while in; it is told only while lost, and the member never was."""
    tape = inside()
    tape.call(1000, "A", "shut", room="R")

    assert broken(tape, 5000) == []


@pytest.mark.parametrize(("told", "expected"), [(2290, []), (None, ["P-SHUT"])])
def test_its_time_begins_where_it_may_be_told(told: float | None, expected: list[str]) -> None:
    tape = inside()
    tape.call(1000, "A", "shut", room="R")
    tape.fault(2000, "A", FaultKind.CUT)
    tape.told(2100, "A", "lost")
    if told:
        tape.told(told, "A", "gone")

    assert broken(tape, 3000) == expected
    assert broken(tape, 2250) == []


def test_what_waits_for_the_link_is_not_decided_while_it_is_down() -> None:
    """The call is ignored: nothing had ended before the link was back, so it is owed then."""
    tape = inside()
    tape.fault(1000, "A", FaultKind.CUT)
    tape.told(1050, "A", "lost")
    tape.call(1200, "A", "leave", room="R")
    tape.heal(2000, "A")
    tape.told(2100, "A", "in")

    assert broken(tape, 2190) == []
    assert broken(tape, 3000) == ["P-LEAVE"]


def test_what_calls_it_off_meanwhile_calls_it_off() -> None:
    """Nothing can have been decided, so no second story is followed."""
    tape = inside()
    tape.fault(1000, "A", FaultKind.CUT)
    tape.told(1050, "A", "lost")
    tape.call(1200, "A", "leave", room="R")
    tape.call(1300, "A", "join", room="R")
    tape.heal(2000, "A")
    tape.told(2100, "A", "in")

    assert broken(tape, 3000) == []
    tape.told(3000, "A", "out")
    assert broken(tape, 4000) == ["P-SELF"]


def test_an_act_of_the_backend_where_nobody_is_told_of_others() -> None:
    """Only the member itself is."""
    tape = inside()
    tape.admin(1000, "evict", user="A", room="R")
    tape.told(1010, "A", "gone")

    assert broken(tape, 3000) == []


@pytest.mark.parametrize(("quits", "expected"), [(True, ["P-SELF"]), (False, [])])
def test_what_the_loss_led_to_is_no_room_for_a_return(quits: bool, expected: list[str]) -> None:  # noqa: FBT001
    """The instants of the cut and of lost overlap: a return cannot have been decided between the two."""
    tape = Tape("A", blur=5)
    tape.call(0, "A", "join", room="R")
    tape.told(20, "A", "in")
    tape.fault(1000, "A")
    tape.told(1002, "A", "lost")
    if quits:
        tape.call(3000, "A", "quit", room="R")
    tape.heal(5000, "A")
    tape.told(5100, "A", "in")

    assert broken(tape, 9000) == expected


def test_what_need_not_come_is_no_explanation() -> None:
    """In one story the twin's loss had led to gone, which did not come; what came has no cause in any."""
    tape = Tape("A", "A2", users={"A2": "A"})
    for at, member in ((0, "A"), (500, "A2")):
        tape.call(at, member, "join", room="R")
        tape.told(at + 10, member, "in")
    tape.fault(1000, "A2")
    tape.told(1010, "A2", "lost")
    tape.call(1500, "A", "shut", room="R")
    tape.told(3000, "A", "lost")

    (finding,) = verdict(tape, 4000).findings
    assert finding.seen.startswith("lost has no cause while in")


def test_what_may_come_repeatedly_has_one_cause_for_all() -> None:
    """Who was banned is turned away each time, and a ban of nobody turns nobody away."""
    tape = Tape("A")
    for banned, at in ((False, 0), (True, 1000), (True, 2000), (True, 3000)):
        if at == 1000:
            tape.admin(900, "ban", user="A", room="R")
        tape.call(at, "A", "join", room="R")
        tape.told(at + 10, "A", "in")
        if banned:
            tape.told(at + 500, "A", "gone")
        else:
            tape.call(at + 100, "A", "leave", room="R")
            tape.told(at + 110, "A", "out")

    assert broken(tape, 4000) == []


@pytest.mark.parametrize("banned", [True, False])
def test_what_may_come_repeatedly_may_be_on_its_way(banned: bool) -> None:  # noqa: FBT001
    """It is decided before the member joins anew, which only then leads to anything; the next time it comes again."""
    tape = inside()
    if banned:
        tape.admin(100, "ban", user="A", room="R")
    tape.call(1000, "A", "join", room="R")
    tape.told(1050, "A", "gone")
    tape.told(1060, "A", "in")
    tape.told(2500, "A", "gone")

    assert broken(tape, 4000) == ([] if banned else ["P-SELF"])
