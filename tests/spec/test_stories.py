"""Standard stories: which a contract can play, and when what happens in them."""

from pathlib import Path

import pytest
import yaml

from roomcheck.errors import SpecError
from roomcheck.model.schedule import Admin, Call, Fault, Heal
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

HALL = (Path(__file__).parents[1] / "specs" / "hall.yaml").read_text(encoding="utf-8")
DUO = (Path(__file__).parents[1] / "specs" / "duo.yaml").read_text(encoding="utf-8")
TWO_STATE = (Path(__file__).parents[1] / "specs" / "two-state.yaml").read_text(encoding="utf-8")
MS = 1_000


def told(stories: str, *changes: tuple[str, str], text: str = HALL, scale: float = 1.0) -> dict[str, Case]:
    """The cases that `stories` makes of a contract, by their id."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    contract: Contract = load_spec(f"{text}\nstories: {stories}\n", "s.yaml").bind(scale=scale)
    return {case.id: case for case in contract.cases if case.id.startswith("story-")}


def moments(case: Case) -> list[int]:
    """When steps that count from the loss of A's link are."""
    return [step.when.offset for step in case.schedule.steps if step.when.label == "T3"]


ALL = "{enter: join, leave: leave, kick: kick}"


def test_a_contract_that_can_play_all_stories_gets_all() -> None:
    """Each with the ways to lose the link that it takes; one that the contract gives no time for is left out."""
    cases = told(ALL)

    assert {case.scenario for case in cases.values()} == {
        f"story-{name}"
        for name in (
            "alone", "with-people", "leave", "kick", "second-device", "slow-link", "blink", "away-short", "away-long",
            "leave-while-away", "kick-while-away", "second-device-while-away", "server-restart",
        )
    }  # fmt: skip
    assert [name for name in cases if name.startswith("story-away-long")] == [
        f"story-away-long/{kind}" for kind in ("cut", "reset", "stall", "ghost")
    ]
    assert all(not case.lines and not case.requirements for case in cases.values())


DEVICES = {"second-device", "second-device-while-away"}
LAST = {"one-device-leaves", "one-device-is-lost"}


@pytest.mark.parametrize(
    ("old", "new", "stories"),
    [
        ("", "", set()),
        ("opened by", "until the last device: D-GONE\n    opened by", DEVICES | LAST),
        ("opened by", "replaced: {told as: nothing}\n    opened by", DEVICES),
        ("inside: online,", "inside: online, devices of a user share: true,", DEVICES),
    ],
)
def test_who_says_anything_of_devices_gets_a_second_one(old: str, new: str, stories: set[str]) -> None:
    """Where a session lasts until the last one is gone, one of two leaves, and one of two is lost."""
    names = {
        case.scenario.removeprefix("story-") for case in load_spec(DUO.replace(old, new, 1), "d.yaml").bind().cases
    }

    assert {name for name in names if "device" in name} == stories


def test_the_schedule_takes_its_times_from_the_contract() -> None:
    """Silence for 1 s, counted from up to 200 ms before a loss and 100 ms under way: half of what is left is short."""
    cases = told(ALL)

    (short,) = moments(cases["story-away-short/cut"])
    (long,) = moments(cases["story-away-long/cut"])
    earliest, latest = window(HALL)
    assert short == earliest // 2
    assert long > latest


def window(text: str) -> tuple[int, int]:
    """When the server may give up a member that is silent, after the loss."""
    (view,) = (v for v in load_spec(text, "s.yaml").bind().views if v.presence)
    assert view.presence is not None
    loss = next(e for e in view.presence.endings if e.earlier)
    return loss.after, loss.after + loss.within


def test_a_faster_room_has_the_same_stories() -> None:
    """All times are scaled once."""
    slow, fast = told(ALL), told(ALL, scale=10.0)

    for name, case in slow.items():
        assert moments(fast[name]) == [pytest.approx(m / 10, abs=1) for m in moments(case)]


def test_what_there_is_no_word_for_is_left_out() -> None:
    """No leaving, no removing; `not` leaves out more."""
    cases = told("{enter: join, not: [alone, server restart]}")

    scenarios = {case.scenario for case in cases.values()}
    assert scenarios == {
        f"story-{name}"
        for name in ("with-people", "second-device", "slow-link", "blink", "away-short", "away-long",
                     "second-device-while-away")
    }  # fmt: skip


def test_the_call_may_have_arguments() -> None:
    """They decide which of the server's ways to give up a member counts: at once here."""
    cases = told("{enter: {join: {farewell: at once}}, leave: leave}")

    assert not [name for name in cases if name.startswith("story-away-short")]
    first = cases["story-alone"].schedule.steps[0].act
    assert isinstance(first, Call)
    assert first.args["farewell"] == "at once"


def test_a_member_that_gives_up_is_awaited() -> None:
    """`never back`: it is out by then, and enters again."""
    gives_up = "    - {from: lost, cause: entered, to: out, after: 20s, within: 2s}\n"
    cases = told(
        ALL,
        ("    - {from: lost, cause: entered, to: again", gives_up + "    - {from: lost, cause: entered, to: again"),
    )

    case = cases["story-never-back/cut"]
    assert moments(case)[0] > 22_000 * MS
    assert isinstance(case.schedule.steps[-1].act, Call)


def test_who_is_there_and_what_is_done() -> None:
    """B sees what becomes of A; the second device is A's user, too."""
    cases = told(ALL)

    kicked = cases["story-kick-while-away/ghost"].schedule
    assert [(m.name, m.user) for m in kicked.members] == [("A", "A"), ("B", "B")]
    assert [type(step.act) for step in kicked.steps] == [Call, Call, Fault, Admin, Heal]
    devices = cases["story-second-device"].schedule
    assert [(m.name, m.user) for m in devices.members] == [("A", "A"), ("A2", "A"), ("B", "B")]
    assert cases["story-server-restart/server-restart"].own_server


def test_a_story_may_be_for_a_requirement() -> None:
    """What nothing explains is charged to it then."""
    cases = told("{enter: join, for: {slow link: H-OTHERS}}")

    assert cases["story-slow-link/slice"].requirements == ("H-OTHERS",)
    assert cases["story-alone"].requirements == ()


def test_without_presence_there_are_no_outages() -> None:
    """Nothing says how long they last."""
    alone = TWO_STATE[: TWO_STATE.index("presence:\n")]  # and without what stands after it, the scenarios
    cases = told("{enter: enter, leave: leave}", text=alone)

    assert {case.scenario for case in cases.values()} == {
        "story-alone", "story-with-people", "story-leave", "story-slow-link"
    }  # fmt: skip


def test_a_scenario_of_the_same_name_is_a_mistake() -> None:
    """Cases are known by their names."""
    with pytest.raises(SpecError) as caught:
        told("{enter: join}", ("id: come,", "id: story-alone,"))

    line = 1 + HALL[: HALL.index("id: come,")].count("\n")
    assert [p.message for p in caught.value.problems] == [f"scenario 'story-alone' is already in line {line}"]


def test_members_are_whom_the_steps_name() -> None:
    """Without a list of its own a scenario has these; A2 is another device of A where A is there."""
    whole = yaml.safe_load(HALL)
    whole["scenarios"] = [
        {"id": "one", "title": "x", "schedule": [{"B": "join"}, {"A2": "join"}, {"A": "join"}, {"fault": "C", "kind": "cut"}]},
        {"id": "two", "title": "x", "schedule": [{"A2": "join"}]},
    ]  # fmt: skip
    one, two = load_spec(yaml.safe_dump(whole, sort_keys=False), "s.yaml").bind().cases

    assert [(m.name, m.user) for m in one.schedule.members] == [("A", "A"), ("A2", "A"), ("B", "B"), ("C", "C")]
    assert [(m.name, m.user) for m in two.schedule.members] == [("A2", "A2")]


def test_a_server_that_gives_nobody_up_is_away_from_nobody() -> None:
    """Neither short nor long; links are broken all the same."""
    silence = "      - {silence: patience, given: {farewell: kept}, for: H-GONE, earlier: H-EARLY}\n"
    loss = "      - {loss: {within: 50ms}, given: {farewell: at once}, with: {code: fine}, again: true, for: H-GONE}\n"
    cases = told("{enter: join}", (silence, ""), (loss, ""))

    assert {case.scenario for case in cases.values()} >= {"story-blink", "story-server-restart"}
    assert not [name for name in cases if name.startswith("story-away")]


def scenarios(text: str, *stories: str) -> dict[str, Case]:
    """The cases of a contract that can play all stories, with these lines as its scenarios."""
    lines = "".join(f"  - {story}\n" for story in stories)
    begin = text[: text.index("scenarios:\n")]
    contract = load_spec(f"{begin}stories: {ALL}\nscenarios:\n{lines}", "s.yaml").bind()
    return {case.id: case for case in contract.cases}


def test_a_scenario_may_tell_a_story_and_say_more() -> None:
    """It has its schedule from the story, which is not played beside it; what it says itself goes before."""
    plain = told(ALL)
    cases = scenarios(
        HALL,
        "{story: away short, for: H-OTHERS, expect: {B about A: ['+', {'-': {}, optional: true}]}}",
        "{story: kick, id: thrown-out, title: A is thrown out}",
        "{story: blink, faults: [ghost], watch: 99s}",
    )

    assert {case.scenario for case in cases.values()} == {
        "thrown-out" if case.scenario == "story-kick" else case.scenario for case in plain.values()
    }
    short = cases["story-away-short/ghost"]
    assert (short.schedule.steps, short.title) == (plain[short.id].schedule.steps, plain[short.id].title)
    assert (short.requirements, len(short.lines)) == (("H-OTHERS",), 1)
    assert cases["thrown-out"].schedule == plain["story-kick"].schedule
    assert cases["story-blink/ghost"].schedule.watch == 99_000 * MS


def test_a_story_that_has_a_schedule_of_its_own_needs_no_other() -> None:
    """Also where the contract could not play it."""
    cases = scenarios(
        HALL, "{story: never back, id: gone, title: A is gone, schedule: [A: join, {fault: A, kind: cut}]}"
    )

    assert [type(step.act) for step in cases["gone"].schedule.steps] == [Call, Fault]


@pytest.mark.parametrize(
    ("story", "message"),
    [
        ("{story: never back}", "this contract cannot play the story 'never back'"),
        ("{story: blnk}", "did you mean 'blink'?"),
        ("{id: one, title: x}", "'schedule' is missing here, and there is no `story` that has it"),
        ("{story: kick, id: story-blink}", "scenario 'story-blink' is already in line"),
    ],
)
def test_a_story_that_cannot_be_told(story: str, message: str) -> None:
    """Each with the place and what to do."""
    with pytest.raises(SpecError) as caught:
        scenarios(HALL, story)

    assert [p.message for p in caught.value.problems if message in p.message]
    assert len(caught.value.problems) == 1


def test_without_stories_none_can_be_told() -> None:
    """Nobody says how to enter."""
    with pytest.raises(SpecError) as caught:
        load_spec(HALL.replace("scenarios:\n", "scenarios:\n  - {story: blink}\n"), "s.yaml")

    assert [p.message for p in caught.value.problems] == ["the contract has no `stories` that say who enters how"]


def test_stories_with_a_mistake_are_reported_once() -> None:
    """Not again for each scenario that tells one of them."""
    with pytest.raises(SpecError) as caught:
        load_spec(HALL.replace("scenarios:\n", "stories: {enter: jin}\nscenarios:\n  - {story: blink}\n"), "s.yaml")

    assert [p.message for p in caught.value.problems] == ["unknown operation 'jin'; did you mean 'join'?"]


def test_a_story_that_a_mistake_elsewhere_takes_away_is_not_reported() -> None:
    """Without the time after which a member is given up nobody is away for shorter."""
    text = HALL.replace("silence: patience", "silence: patence")
    assert text != HALL
    story = f"stories: {ALL}\nscenarios:\n  - {{story: away short}}\n"
    with pytest.raises(SpecError) as caught:
        load_spec(text.replace("scenarios:\n", story), "s.yaml")

    assert [p.message for p in caught.value.problems] == ["unknown name 'patence'; did you mean 'patience'?"]


@pytest.mark.parametrize(("lists", "expected"), [("100ms", 240_000), ("500ms", 560_000)])
def test_a_case_goes_on_until_lists_are_right(lists: str, expected: int) -> None:
    """Where the contract does not say for how long: what its last step leads to is looked at."""
    text = HALL.replace("watch: 100ms\n", "").replace("list right within: 100ms", f"list right within: {lists}")

    (come,) = (case for case in load_spec(text, "hall.yaml").bind().cases if case.id == "come")

    assert come.schedule.watch == expected
