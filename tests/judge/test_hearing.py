"""An observer that is itself cut off, silent adapters, uncertain instants, and observers who must agree."""

from dataclasses import replace

import pytest

from roomcheck.judge import judge
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.spec.contract import Contract
from support.lobby import GONE_AFTER, LIST, LOSS, lobby
from support.tape import MS, Tape

LOBBY = lobby()


def verdict(tape: Tape, end: float, lateness: float = 0) -> Verdict:
    return judge(LOBBY, tape.trace(end, lateness))


def three(blur: float = 0) -> Tape:
    """A, B and C in one room, settled by 300 ms."""
    tape = Tape("A", "B", "C", blur=blur)
    tape.join(0, "C")
    tape.join(100, "B", "C")
    tape.call(200, "A", "join", room="R", ticket="good")
    tape.told(201, "A", "joining")
    tape.told(220, "A", "in")
    tape.heard(221, "A", "+", "B", "C")
    tape.heard(225, "B", "+", "A")
    tape.heard(225, "C", "+", "A")
    return tape


def observer_away(tape: Tape) -> Tape:
    """B is away from 400 to 1000 ms; A leaves at 500 and C is told at once."""
    tape.fault(400, "B")
    tape.told(410, "B", "lost", 51)
    tape.call(500, "A", "leave", room="R")
    tape.told(501, "A", "out")
    tape.heard(510, "C", "-", "A")
    tape.heal(1000, "B")
    tape.told(1050, "B", "back")
    return tape


def test_an_observer_that_was_away_hears_the_difference_in_time() -> None:
    """A delta within the list's time is lawful."""
    tape = observer_away(three())
    tape.heard(1060, "B", "-", "A")
    assert verdict(tape, 3000).outcome is Outcome.CONFORMS


def sharing(*, shared: bool) -> Contract:
    own, others = LOBBY.views
    assert others.presence is not None
    presence = replace(others.presence, observers=replace(others.presence.observers, shared=shared))
    return replace(LOBBY, views=(own, replace(others, presence=presence)))


@pytest.mark.parametrize(
    ("shared", "observer", "outcome"),
    [(False, "A", Outcome.VIOLATES), (True, "A", Outcome.CONFORMS), (True, "C", Outcome.VIOLATES)],
)
def test_what_comes_for_a_user_reaches_one_of_its_devices_where_they_share_it(
    *, shared: bool, observer: str, outcome: Outcome
) -> None:
    """Neither A nor A2 must be told then that B has left; C, who is nobody's other device, must."""
    tape = Tape("A", "A2", "B", "C", users={"A2": "A"})
    tape.join(0, "B")
    tape.join(50, "C", "B")
    tape.join(100, "A", "B", "C")
    tape.call(200, "A2", "join", room="R", ticket="good")
    tape.told(201, "A2", "joining")
    tape.told(220, "A2", "in")
    tape.heard(221, "A2", "+", "B", "C")
    tape.told(225, "A", "kicked", 50)
    tape.call(230, "A", "join", room="R", ticket="good")
    tape.told(231, "A", "joining")
    tape.told(250, "A", "in")
    tape.told(255, "A2", "kicked", 50)
    tape.heard(260, "A", "+", "B", "C")
    tape.call(600, "B", "leave", room="R")
    tape.told(601, "B", "out")
    for other in {"A", "C"} - {observer}:
        tape.heard(610, other, "-", "B")
    assert judge(sharing(shared=shared), tape.trace(3000)).outcome is outcome


@pytest.mark.parametrize(("shared", "outcome"), [(False, Outcome.VIOLATES), (True, Outcome.CONFORMS)])
def test_a_device_that_tries_to_come_may_have_got_it_where_they_share_it(*, shared: bool, outcome: Outcome) -> None:
    """A2 is refused; A is not told that B has left."""
    tape = Tape("A", "A2", "B", users={"A2": "A"})
    tape.join(0, "B")
    tape.join(100, "A", "B")
    tape.call(500, "A2", "join", room="R", ticket="bad")
    tape.told(501, "A2", "joining")
    tape.told(520, "A2", "refused", 33)
    tape.call(600, "B", "leave", room="R")
    tape.told(601, "B", "out")
    assert judge(sharing(shared=shared), tape.trace(3000)).outcome is outcome


def test_the_same_may_not_come_twice_with_the_list() -> None:
    """B hears twice that A is gone, while its first list is not due yet."""
    tape = Tape("A", "B")
    tape.join(0, "A")
    tape.join(100, "B", "A")
    tape.call(140, "A", "leave", room="R")
    tape.told(141, "A", "out")
    tape.heard(145, "B", "-", "A")
    tape.heard(160, "B", "-", "A")
    result = verdict(tape, 3000)
    assert result.outcome is Outcome.VIOLATES
    assert result.findings[0].seen == "- came twice, before the list of B was due"


def test_a_newcomer_of_a_room_that_is_none_of_the_case_is_judged() -> None:
    """An odd room name is the room's fault, told as any other."""
    tape = Tape("A", "B")
    tape.join(0, "B")
    tape.told(100, "A", "in", room="['r', 'r']")
    result = verdict(tape, 3000)
    assert result.outcome is Outcome.VIOLATES
    assert result.findings[0].seen.startswith("in has no cause")


def test_an_observer_whose_list_stays_wrong_is_a_violation() -> None:
    """The folded list must agree with what is lawful once it is due."""
    result = verdict(observer_away(three()), 3000)
    assert result.outcome is Outcome.VIOLATES
    assert result.findings[0].seen == "the list that B knows has A, who is not there"


def test_a_full_list_is_as_good_as_a_delta() -> None:
    """Those who never left may be named again while the list is being mended."""
    tape = observer_away(three())
    tape.heard(1055, "B", "-", "A")
    tape.heard(1060, "B", "+", "C")
    assert verdict(tape, 3000).outcome is Outcome.CONFORMS


def test_a_list_may_be_told_anew_although_the_first_was_not_due_yet() -> None:
    """B is cut off so soon after its own join that its first list was still being told."""
    tape = Tape("A", "B")
    tape.join(0, "A")
    tape.join(100, "B", "A")
    tape.fault(130, "B")
    tape.told(140, "B", "lost", 51)
    tape.heal(200, "B")
    tape.told(220, "B", "back")
    tape.heard(225, "B", "+", "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_the_list_may_be_wrong_until_it_is_due() -> None:
    """Observation that ends before the list is due proves nothing."""
    assert verdict(observer_away(three()), 1050 + LIST - 10).outcome is Outcome.CONFORMS


def test_someone_who_came_while_the_observer_was_away_is_on_its_list() -> None:
    """The join happened unheard."""
    tape = Tape("A", "B")
    tape.join(0, "B")
    tape.fault(100, "B")
    tape.told(110, "B", "lost", 51)
    tape.call(200, "A", "join", room="R", ticket="good")
    tape.told(201, "A", "joining")
    tape.told(220, "A", "in")
    tape.heard(221, "A", "+", "B")
    tape.heal(500, "B")
    tape.told(520, "B", "back")
    assert verdict(tape, 2000).outcome is Outcome.VIOLATES
    tape.heard(530, "B", "+", "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_an_observer_outside_must_hear_nothing() -> None:
    """After leaving, what comes later than the list's time is a violation."""
    tape = three()
    tape.call(400, "B", "leave", room="R")
    tape.told(401, "B", "out")
    tape.heard(410, "A", "-", "B")
    tape.heard(410, "C", "-", "B")
    tape.heard(1000, "B", "-", "C")
    result = verdict(tape, 2000)
    assert result.outcome is Outcome.VIOLATES
    assert "not in the room" in result.findings[0].seen


def test_an_observer_that_comes_back_starts_with_an_empty_list() -> None:
    """A second join tells the others again."""
    tape = three()
    tape.call(400, "B", "leave", room="R")
    tape.told(401, "B", "out")
    tape.heard(410, "A", "-", "B")
    tape.heard(410, "C", "-", "B")
    tape.join(1000, "B", "A", "C")
    assert verdict(tape, 3000).outcome is Outcome.CONFORMS


def test_silence_of_an_adapter_proves_nothing() -> None:
    """What was due while its adapter showed no life is inconclusive, not a violation."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="good")
    tape.told(1, "A", "joining")
    tape.gap(100, 900, "A")
    assert verdict(tape, 1000).outcome is Outcome.INCONCLUSIVE


def test_a_late_machine_makes_absence_inconclusive() -> None:
    """What is overdue by less than the machine's lateness is doubt, not proof."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="good")
    tape.told(1, "A", "joining")
    assert verdict(tape, 230, lateness=50).outcome is Outcome.INCONCLUSIVE
    assert verdict(tape, 260, lateness=50).outcome is Outcome.VIOLATES


def test_an_uncertain_instant_at_the_edge_is_inconclusive() -> None:
    """Surely late is a violation, surely in time conforms, in between is neither."""
    outcomes = []
    for back in (LOSS - 20, LOSS, LOSS + 20):
        tape = Tape("A", blur=5)
        tape.join(0, "A")
        tape.fault(300, "A")
        tape.told(300 + back, "A", "lost", 51)
        outcomes.append(verdict(tape, 1000).outcome)
    assert outcomes == [Outcome.CONFORMS, Outcome.INCONCLUSIVE, Outcome.VIOLATES]


def test_a_callback_may_be_late_by_what_each_of_its_hops_had_to_wait() -> None:
    """The proxy, the server, and the proxy again, after a connection was made through them."""
    tape = Tape("A")
    tape.call(0, "A", "join", room="R", ticket="good")
    tape.told(1, "A", "joining")
    for end, outcome in ((240, Outcome.INCONCLUSIVE), (245, Outcome.VIOLATES)):
        assert judge(LOBBY, replace(tape.trace(end), starved=10 * MS)).outcome is outcome


def race(*hear: str) -> Verdict:
    """A is healed while B and C may or may not have been told already; those in `hear` are."""
    tape = three()
    tape.fault(400, "A")
    tape.told(410, "A", "lost", 51)
    tape.heal(400 + GONE_AFTER + 20, "A")
    for observer in hear:
        tape.heard(400 + GONE_AFTER + 60, observer, "-", "A")
        tape.heard(400 + GONE_AFTER + 170, observer, "+", "A")
    tape.told(400 + GONE_AFTER + 150, "A", "back")
    return verdict(tape, 4000)


def test_observers_of_a_race_may_hear_either_outcome() -> None:
    """Both were told, or neither was."""
    assert race("B", "C").outcome is Outcome.CONFORMS
    assert race().outcome is Outcome.CONFORMS


def test_observers_of_a_race_must_agree() -> None:
    """B was told that A left, C was not."""
    result = race("B")
    assert result.outcome is Outcome.VIOLATES
    assert result.findings[0].view == "C about A in R"
    assert result.findings[0].seen == "- within 1.020 s of the loss of A's link: never came"
