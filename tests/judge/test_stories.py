"""Callbacks that were decided before a cause came, causes that cancel, and sets of stories that grow too large."""

import pytest

from roomcheck.judge import judge, session, steps, view
from roomcheck.judge.hypothesis import Mode
from roomcheck.judge.rules import Rules
from roomcheck.judge.view import Simulation
from roomcheck.model.time import Instant
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.spec.contract import Cause, CauseKind, Rule, Unless, View
from support.lobby import GONE_AFTER, MS, by_field, lobby
from support.tape import Tape

LOBBY = lobby()


def verdict(tape: Tape, end: float) -> Verdict:
    return judge(LOBBY, tape.trace(end))


def joining() -> Tape:
    tape = Tape("A", "B")
    tape.join(0, "B")
    tape.call(500, "A", "join", room="R", ticket="good")
    tape.told(501, "A", "joining")
    return tape


def test_two_callbacks_may_be_on_their_way_when_a_call_comes() -> None:
    """Left and joined again before `in` was heard: all of it is told, in order."""
    tape = joining()
    tape.call(510, "A", "leave", room="R")
    tape.call(511, "A", "join", room="R", ticket="good")
    tape.told(512, "A", "in")
    tape.told(513, "A", "out")
    tape.told(514, "A", "joining")
    tape.told(530, "A", "in")
    tape.heard(531, "A", "+", "B")
    tape.heard(531, "B", "+", "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_another_callback_than_the_one_on_its_way_violates() -> None:
    """After `in`, left: `refused` is nobody's."""
    tape = joining()
    tape.call(510, "A", "leave", room="R")
    tape.told(512, "A", "in")
    tape.told(513, "A", "refused", 33)
    assert verdict(tape, 2000).outcome is Outcome.VIOLATES


def test_come_and_gone_before_the_others_were_told() -> None:
    """B hears of both, however late it is told of the first."""
    tape = joining()
    tape.told(520, "A", "in")
    tape.heard(521, "A", "+", "B")
    tape.call(522, "A", "leave", room="R")
    tape.told(523, "A", "out")
    tape.heard(550, "B", "+", "A")
    tape.heard(570, "B", "-", "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_come_and_gone_while_the_observer_went_deaf() -> None:
    """Nothing of it need be heard, and the list is empty in the end."""
    tape = joining()
    tape.told(520, "A", "in")
    tape.heard(521, "A", "+", "B")
    tape.call(522, "A", "leave", room="R")
    tape.told(523, "A", "out")
    tape.fault(530, "B")
    tape.told(540, "B", "lost", 51)
    tape.heal(900, "B")
    tape.told(920, "B", "back")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_a_call_in_flight_when_the_link_is_lost() -> None:
    """Left while joining, and the link lost at once: `out` alone is lawful."""
    tape = joining()
    tape.call(510, "A", "leave", room="R")
    tape.fault(512, "A")
    tape.told(515, "A", "out")
    tape.heal(1400, "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_what_was_on_its_way_may_be_heard_just_after_the_link_was_lost() -> None:
    """The last bytes of a link are no violation."""
    tape = joining()
    tape.fault(512, "A")
    tape.told(520, "A", "in")
    tape.told(530, "A", "lost", 51)
    tape.heard(535, "B", "+", "A")
    tape.heal(900, "A")
    tape.told(920, "A", "back")
    tape.heard(921, "A", "+", "B")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


@pytest.mark.parametrize("gone", [350, 300 + GONE_AFTER + 20])
def test_leave_in_the_moment_the_link_is_lost(gone: float) -> None:
    """The message may have passed or not: told at once, or at the timeout."""
    tape = Tape("A", "B", blur=5)
    tape.join(0, "B")
    tape.join(100, "A", "B")
    tape.fault(300, "A")
    tape.call(305, "A", "leave", room="R")
    tape.told(306, "A", "out")
    tape.heard(gone, "B", "-", "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_a_second_fault_on_a_lost_link_changes_nothing() -> None:
    """Down is down."""
    tape = Tape("A")
    tape.join(0, "A")
    tape.fault(300, "A")
    tape.told(310, "A", "lost", 51)
    tape.fault(400, "A")
    tape.heal(700, "A")
    tape.told(720, "A", "back")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_acts_that_the_spec_does_not_speak_about_change_nothing() -> None:
    """An operation that is not declared, the answer to it, and the answer to an act of the backend."""
    tape = Tape("A")
    tape.join(0, "A")
    dance = tape.call(100, "A", "dance", room="R")
    tape.answer(101, dance, "A", "ok")
    tape.admin(300, "kick", user="A", room="R")
    tape.answer(301, len(tape.records), "", "ok")
    tape.told(310, "A", "kicked", 55)
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_a_refused_view_refuses_only_once() -> None:
    """What comes after the first divergence is not judged: the first finding is the one to read."""
    tape = Tape("A", "B")
    tape.join(0, "B")
    tape.told(10, "A", "lost", 51)
    call = tape.call(20, "A", "join", room="R", ticket="good")
    tape.told(21, "A", "kicked", 7)
    tape.answer(22, call, "A", "ok")
    tape.heard(30, "B", "-", "A")
    tape.heard(31, "B", "-", "A")
    findings = verdict(tape, 2000).findings
    assert [(f.view, f.at) for f in findings] == [("A in R", 10 * MS), ("B about A in R", 30 * MS)]


def test_kicked_while_joining_and_told_when_the_link_is_back() -> None:
    """Both were decided before the link was lost, and wait for it."""
    tape = joining()
    tape.admin(510, "kick", user="A", room="R")
    tape.heard(511, "B", "+", "A")
    tape.fault(512, "A")
    tape.heal(1200, "A")
    tape.told(1210, "A", "in")
    tape.told(1220, "A", "kicked", 55)
    tape.heard(1225, "B", "-", "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def test_two_refused_calls_in_a_row() -> None:
    """Each has its own answer."""
    tape = Tape("A")
    tape.join(0, "A")
    calls = [tape.call(at, "A", "join", room="R", ticket="good") for at in (100, 101)]
    for call in calls:
        tape.answer(102, call, "A", "refused", code=1)
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def back_late() -> Tape:
    """B cannot tell whether A was gone when it came back."""
    tape = joining()
    tape.told(520, "A", "in")
    tape.heard(521, "A", "+", "B")
    tape.heard(525, "B", "+", "A")
    tape.fault(800, "A")
    tape.told(810, "A", "lost", 51)
    tape.heal(800 + GONE_AFTER + 20, "A")
    tape.told(800 + GONE_AFTER + 50, "A", "back")
    return tape


def test_too_many_hypotheses_are_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be followed proves nothing, not even that a callback has no cause."""
    monkeypatch.setattr(session, "MAX_HYPOTHESES", 1)
    wrong = back_late()
    wrong.heard(800 + GONE_AFTER + 60, "B", "+", "A")
    wrong.heard(800 + GONE_AFTER + 70, "B", "+", "A")

    for found in (verdict(back_late(), 4000), verdict(wrong, 4000)):
        assert found.outcome is Outcome.INCONCLUSIVE
        assert "too many to follow" in found.findings[-1].seen


@pytest.mark.parametrize("limit", ["MAX_HYPOTHESES", "MAX_RAW"])
def test_too_many_hypotheses_about_a_member_itself_are_inconclusive(
    monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """A leaves and comes again while it may be in already, and is then told what nothing explains."""
    tape = joining()
    tape.call(510, "A", "leave", room="R")
    tape.call(511, "A", "join", room="R", ticket="good")
    tape.told(512, "A", "refused", 33)
    assert verdict(tape, 2000).outcome is Outcome.VIOLATES

    monkeypatch.setattr(view, limit, 1)
    assert verdict(tape, 2000).outcome is Outcome.INCONCLUSIVE


def test_too_many_orders_of_what_was_decided_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leaves while the answer to its join may be on its way."""
    own = next(v for v in LOBBY.views if v.hearing is None)
    simulation = Simulation("A in R", Rules(own), Mode.NARROW)
    simulation.cause(CauseKind.CALL, "join", Instant(0, 0), {"ticket": "good"})
    simulation.callback("joining", {"code": 0}, Instant(MS, MS))
    assert not simulation.refused

    monkeypatch.setattr(steps, "MAX_RAW", 0)
    simulation.cause(CauseKind.CALL, "leave", Instant(10 * MS, 10 * MS))
    simulation.callback("nonsense", {}, Instant(20 * MS, 20 * MS))

    assert simulation.gave_up
    assert not simulation.refused


def test_stories_are_compared_alike_few_or_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorted first, the same ones are dropped."""
    tape = joining()
    tape.call(510, "A", "leave", room="R")
    tape.call(511, "A", "join", room="R", ticket="good")
    few = verdict(tape, 4000)
    monkeypatch.setattr(view, "FEW", 0)

    assert verdict(tape, 4000) == few


def test_one_cause_may_cancel_several_rules() -> None:
    """Two rules armed by one loss, both raced by the return: either may have been decided, or none."""
    down, up = Cause(CauseKind.LINK_DOWN), Cause(CauseKind.LINK_UP)
    rules = tuple(
        Rule(n, frozenset({"on"}), down, to, {}, within=100, unless=(Unless(up, 10),), text=to)
        for n, to in enumerate(("dim", "off"))
    )
    lamp = View("lamp", by_field("light", "is", told := {"on": "on", "dim": "dim", "off": "off"}), told, "on", rules)
    simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)
    simulation.cause(CauseKind.LINK_DOWN, "", Instant(0, 0))
    simulation.cause(CauseKind.LINK_UP, "", Instant(50, 50))
    assert {h.head for h in simulation.hypotheses} == {"on", "dim", "off"}


def test_what_was_decided_before_the_link_broke_and_what_that_led_to_wait_for_it() -> None:
    """A is in before its link breaks for a moment, and is told so only afterwards: so it notices the loss, too."""
    tape = joining()
    tape.fault(505, "A")
    tape.heal(506, "A")
    tape.told(510, "A", "in")
    tape.told(520, "A", "lost", 51)
    tape.told(540, "A", "back")
    tape.heard(541, "A", "+", "B")
    tape.heard(511, "B", "+", "A")
    assert verdict(tape, 2000).outcome is Outcome.CONFORMS


def lamp_that_fades(cause: int, heal: int, *told: str) -> Simulation:
    """A lamp that is dim after a loss, and out while the loss lasts; the link is back at `heal`."""
    down, up = Cause(CauseKind.LINK_DOWN), Cause(CauseKind.LINK_UP)
    rules = (
        Rule(0, frozenset({"on"}), down, "dim", {}, within=100, text="dim"),
        Rule(1, frozenset({"dim"}), down, "out", {}, within=200, unless=(Unless(up, 10),), optional=True, text="out",
             armed_in=frozenset({"on"})),
    )  # fmt: skip
    values = {"on": "on", "dim": "dim", "out": "out"}
    simulation = Simulation(
        "lamp", Rules(View("lamp", by_field("light", "is", values), values, "on", rules)), Mode.WIDE
    )
    simulation.cause(CauseKind.LINK_DOWN, "", Instant(cause, cause))
    simulation.cause(CauseKind.LINK_UP, "", Instant(heal, heal))
    for value in told:
        simulation.callback(value, {}, Instant(heal + 5, heal + 5))
    return simulation


def test_what_a_return_would_call_off_may_have_been_decided_with_what_leads_to_it() -> None:
    """Both were under way when the link came back, in this order and in no other."""
    assert not lamp_that_fades(0, 50, "dim", "out").refused
    assert not lamp_that_fades(0, 50, "dim").refused
    assert lamp_that_fades(0, 50, "out").refused


def test_a_race_for_what_need_not_be_told_leaves_no_stories_behind() -> None:
    """A lamp may shine before it is surely on, or not: after a hundred times there are no more stories than at first."""
    press, hold, release = (Cause(CauseKind.CALL, name) for name in ("press", "hold", "release"))
    off = frozenset({"off"})
    rules = (
        Rule(1, off, press, "early", {}, within=100, text="early", unless=(Unless(hold),), optional=True),
        Rule(2, frozenset({"early"}), hold, "on", {}, silent=True, text="on"),
        Rule(3, off, hold, "on", {}, within=100, text="on"),
        Rule(4, frozenset({"on"}), release, "off", {}, within=100, text="off"),
    )
    lamp = View("lamp", by_field("light", "is", told := {"off": "-", "early": "+", "on": "+"}), told, "off", rules)
    simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)
    for start in range(0, 100_000, 1000):
        simulation.cause(press.kind, press.name, Instant(start, start))
        simulation.cause(hold.kind, hold.name, Instant(start + 10, start + 10))
        simulation.callback("+", {}, Instant(start + 20, start + 20))
        simulation.cause(release.kind, release.name, Instant(start + 500, start + 500))
        simulation.callback("-", {}, Instant(start + 510, start + 510))

    assert not simulation.refused
    assert len(simulation.hypotheses) == 1


def test_an_observer_who_is_not_there_keeps_few_stories() -> None:
    """A comes back at the last moment, again and again, while C has not joined: that decides nothing, and is lawful."""
    tape = Tape("A", "B", "C")
    tape.join(0, "B")
    tape.join(100, "A", "B")
    for start in range(1000, 41_000, 2000):
        tape.fault(start, "A")
        tape.told(start + 50, "A", "lost", 51)
        tape.heal(start + GONE_AFTER - 10, "A")
        tape.told(start + GONE_AFTER + 50, "A", "back")
    assert verdict(tape, 45_000).outcome is Outcome.CONFORMS


def test_a_return_that_does_not_last_calls_nothing_off() -> None:
    """A's link is back for 100 ms, and B is told that A is gone at the time that counts from the first loss."""
    tape = joining()
    tape.told(520, "A", "in")
    tape.heard(521, "A", "+", "B")
    tape.heard(525, "B", "+", "A")
    tape.fault(1000, "A")
    tape.told(1050, "A", "lost", 51)
    tape.heal(1300, "A")
    tape.fault(1400, "A")
    tape.heard(1000 + GONE_AFTER + 50, "B", "-", "A")
    tape.heal(1900, "A")
    tape.told(1950, "A", "back")
    tape.heard(1960, "B", "+", "A")
    assert verdict(tape, 4000).outcome is Outcome.CONFORMS


@pytest.mark.parametrize(("shines", "lawful"), [(1050, True), (1150, False)])
def test_what_may_come_may_come_again_for_a_new_cause(shines: int, lawful: bool) -> None:  # noqa: FBT001
    """A lamp may shine for 100 microseconds after each press, also after one that came to nothing."""
    press = Cause(CauseKind.CALL, "press")
    rule = Rule(1, frozenset({"off"}), press, "on", {}, within=100, text="on", optional=True)
    lamp = View("lamp", by_field("light", "is", told := {"off": "-", "on": "+"}), told, "off", (rule,))
    simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)
    for at in (0, 1000):
        simulation.cause(press.kind, press.name, Instant(at, at))
    simulation.callback("+", {}, Instant(shines, shines))

    assert simulation.refused is not lawful


def test_what_must_come_is_not_put_off_by_a_new_cause() -> None:
    """A lamp that must shine within 100 microseconds of a press owes it for the first."""
    press = Cause(CauseKind.CALL, "press")
    rule = Rule(1, frozenset({"off"}), press, "on", {}, within=100, text="on")
    lamp = View("lamp", by_field("light", "is", told := {"off": "-", "on": "+"}), told, "off", (rule,))
    simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)
    simulation.cause(press.kind, press.name, Instant(0, 0))
    simulation.cause(press.kind, press.name, Instant(90, 90))
    simulation.callback("+", {}, Instant(150, 150))

    assert simulation.refused


def dark(simulation: Simulation, at: int, *, down: bool) -> None:
    simulation.cause(CauseKind.LINK_DOWN if down else CauseKind.LINK_UP, "", Instant(at, at))


@pytest.mark.parametrize(
    ("ups", "fades", "lawful"),
    [
        ([(300, 350)], 900, True),  # the recovery was too short to be one
        ([(300, 350)], 1250, True),  # or was one
        ([(300, 450)], 900, False),
        ([(300, 450)], 1350, True),
    ],
)
def test_a_recovery_that_does_not_last_calls_nothing_off(
    ups: list[tuple[int, int]], fades: int, *, lawful: bool
) -> None:
    """A lamp fades 800 to 1000 after it lost its link, unless that comes back for 100."""
    down, up, press = Cause(CauseKind.LINK_DOWN), Cause(CauseKind.LINK_UP), Cause(CauseKind.CALL, "press")
    on, dim = frozenset({"on"}), frozenset({"dim"})
    rules = (
        Rule(1, on | dim, down, "off", {}, after=800, within=200, unless=(Unless(up, 100),), text="fades"),
        Rule(2, on, press, "dim", {}, within=10, optional=True, text="is dimmed"),
    )
    lamp = View("lamp", by_field("light", "is", told := {"on": "on", "dim": "dim", "off": "off"}), told, "on", rules)
    for dimmed in (False, True):
        simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)
        dark(simulation, 0, down=True)
        for begin, end in ups:
            dark(simulation, begin, down=False)
            if dimmed:  # what is called off stays so in the new state
                does(simulation, "press", begin + 1)
                simulation.callback("dim", {}, Instant(begin + 2, begin + 2))
            dark(simulation, end, down=True)
        simulation.callback("off", {}, Instant(fades, fades))
        assert simulation.refused is not lawful


def glass(*, optional: bool) -> Simulation:
    """A glass that cracks when it is shaken while it is full."""
    fill, shake, empty = (Cause(CauseKind.CALL, name) for name in ("fill", "shake", "empty"))
    vacant, full, cracked = (frozenset({state}) for state in ("vacant", "full", "cracked"))
    rules = (
        Rule(1, vacant, fill, "full", {}, within=500, text="full"),
        Rule(2, full, shake, "cracked", {}, silent=True, optional=optional, text="crack"),
        Rule(3, full | cracked, empty, "vacant", {}, within=500, text="vacant"),
    )
    view = View(
        "glass", by_field("level", "is", told := {"vacant": "-", "full": "+", "cracked": "+"}), told, "vacant", rules
    )
    return Simulation("glass", Rules(view), Mode.NARROW)


def does(simulation: Simulation, name: str, at: int) -> None:
    simulation.cause(CauseKind.CALL, name, Instant(at, at))


def heads(simulation: Simulation) -> list[str]:
    assert not simulation.refused
    return sorted(h.head for h in simulation.hypotheses)


@pytest.mark.parametrize(("optional", "lawful"), [(False, ["cracked"]), (True, ["cracked", "full"])])
def test_a_silent_move_is_made_at_once(*, optional: bool, lawful: list[str]) -> None:
    """Nothing is told; where it need not be made, both is lawful."""
    simulation = glass(optional=optional)
    does(simulation, "shake", 0)
    does(simulation, "fill", 10)
    simulation.callback("+", {}, Instant(100, 100))
    does(simulation, "shake", 200)
    assert heads(simulation) == lawful


def test_a_silent_move_may_be_made_before_the_state_is_told() -> None:
    """It was filled, and is shaken while the news of that is on its way."""
    simulation = glass(optional=False)
    does(simulation, "fill", 0)
    does(simulation, "shake", 10)
    assert heads(simulation) == ["cracked", "vacant"]
    simulation.callback("+", {}, Instant(20, 20))
    assert heads(simulation) == ["cracked", "full"]


def test_what_is_armed_where_a_silent_move_leads_from_is_not_armed() -> None:
    """A lamp that is switched off silently when it is lit cannot flicker then."""
    light = Cause(CauseKind.CALL, "light")
    rules = (
        Rule(1, frozenset({"off"}), light, "on", {}, within=100, text="on"),
        Rule(2, frozenset({"on"}), Cause(CauseKind.ENTERED), "spent", {}, silent=True, text="spent"),
        Rule(3, frozenset({"on"}), Cause(CauseKind.ENTERED), "off", {}, within=100, text="flickers"),
    )
    lamp = View("lamp", by_field("light", "is", told := {"off": "-", "on": "+", "spent": "."}), told, "off", rules)
    simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)
    does(simulation, "light", 0)
    simulation.callback("+", {}, Instant(10, 10))
    simulation.callback("-", {}, Instant(20, 20))
    assert simulation.refused
    assert "nothing was due" in simulation.rejections[0].text


@pytest.mark.parametrize(
    ("pressed", "told", "lawful"),
    [(10, True, True), (10, False, True), (200, True, False), (200, False, True)],
)
def test_a_link_that_is_down_already_calls_off_what_a_call_asks_for(pressed: int, *, told: bool, lawful: bool) -> None:
    """A lamp goes off within 100 of a press, unless its link is down for 50; until that is sure, either is lawful."""
    press, down = Cause(CauseKind.CALL, "press"), Cause(CauseKind.LINK_DOWN)
    rule = Rule(1, frozenset({"on"}), press, "off", {}, within=100, unless=(Unless(down, 50),), text="goes off")
    lamp = View("lamp", by_field("light", "is", values := {"on": "on", "off": "off"}), values, "on", (rule,))
    simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)

    dark(simulation, 0, down=True)
    does(simulation, "press", pressed)
    if told:
        simulation.callback("off", {}, Instant(pressed + 10, pressed + 10))
    simulation.finish(1000)

    assert simulation.refused is not lawful


@pytest.mark.parametrize(("pressed", "lawful"), [(False, True), (True, False)])
def test_what_a_second_cause_calls_off_stays_off(*, pressed: bool, lawful: bool) -> None:
    """A lamp fades 800 after its link was lost, unless that is back for 100, or somebody presses meanwhile."""
    press, down, up = Cause(CauseKind.CALL, "press"), Cause(CauseKind.LINK_DOWN), Cause(CauseKind.LINK_UP)
    unless = (Unless(up, 100), Unless(press))
    rule = Rule(1, frozenset({"on"}), down, "off", {}, after=800, within=200, unless=unless, text="fades")
    lamp = View("lamp", by_field("light", "is", values := {"on": "on", "off": "off"}), values, "on", (rule,))
    simulation = Simulation("lamp", Rules(lamp), Mode.NARROW)

    dark(simulation, 0, down=True)
    dark(simulation, 300, down=False)
    if pressed:
        does(simulation, "press", 310)
    dark(simulation, 350, down=True)
    simulation.callback("off", {}, Instant(900, 900))

    assert simulation.refused is not lawful
