"""A scenario that contradicts the rules beside it is found by playing it."""

from dataclasses import replace

from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Fault, Step
from roomcheck.model.verdict import Outcome
from roomcheck.resources import root
from roomcheck.simulate.lint import refused
from roomcheck.simulate.speech import speaks
from roomcheck.spec.load import load_spec
from simulate.zego import FOLDER, case, contract, spec

TEXT = (FOLDER / "room-status.yaml").read_text(encoding="utf-8")


def test_the_contract_does_not_contradict_itself() -> None:
    """No scenario of the ZEGO contract is refused by its rules."""
    assert refused(contract()) == []


def test_a_rule_that_forbids_what_a_scenario_expects_is_found() -> None:
    """With the earliest report of a loss after the latest one that scenarios want, rules and scenarios disagree."""
    changed = TEXT.replace("silence: heartbeat_timeout", "silence: retry_timeout")
    assert changed != TEXT

    found = {c.scenario for c, _ in refused(load_spec(changed, "s").bind())}

    assert "back-after-heartbeat-timeout" in found
    assert "login-alone" not in found


def test_a_schedule_that_cannot_be_played_is_refused() -> None:
    """A slow link on top of one that is down: Toxiproxy could not do it either."""
    good = case("back-before-heartbeat-timeout/cut")
    down = next(i for i, s in enumerate(good.schedule.steps) if isinstance(s.act, Fault))
    slow = Step(Fault("A", FaultKind.LATENCY))
    steps = (*good.schedule.steps[: down + 1], slow, *good.schedule.steps[down + 1 :])
    bad = replace(good, schedule=replace(good.schedule, steps=steps))

    [(found, verdict)] = refused(replace(contract(), cases=(bad,)))

    assert found is bad
    assert verdict.outcome is Outcome.VIOLATES
    assert "an earlier fault still keeps A down" in verdict.findings[0].seen


def test_a_contract_of_another_room_is_left_alone() -> None:
    """What the reference room does says nothing about rules with other callbacks, states or codes."""
    strange = (root() / "tests" / "specs" / "two-state.yaml").read_text(encoding="utf-8")

    assert speaks(contract())
    assert not speaks(spec("web").bind())
    assert not speaks(spec().bind(options={"wrong_room_switch": "not logged in"}))
    assert not speaks(load_spec(strange, "s").bind())
    assert refused(spec("web").bind()) == []
