"""How a search makes what it found simpler, on a player that only pretends to play."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import pytest

from generate.contracts import CONTRACTS
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, When
from roomcheck.model.verdict import CaseResult, Finding, Outcome, Verdict
from roomcheck.run.clock import now
from roomcheck.run.fuzz import Again, Found, Fuzz
from roomcheck.spec.case import Case

ZEGO = CONTRACTS["zego-100"]
SECOND = 10_000
LOGIN = Call("A", "loginRoom", {"room": "R", "token": "valid"})
KICK = Admin("kick", {"user": "A", "room": "R"})
CUT, HEAL = Fault("A", FaultKind.CUT), Heal("A")


def chain(*moves: tuple[int, Call | Admin | Fault | Heal]) -> Schedule:
    """Steps, each so many seconds after the one before."""
    steps = tuple(Step(act, When(f"S{n}", gap * SECOND) if n else When(), f"S{n + 1}")
                  for n, (gap, act) in enumerate(moves))  # fmt: skip
    return Schedule((Member("A", "A"),), ("R",), steps, 60 * SECOND)


class Pretender:
    """Plays nothing: `odds` says in how many of 16 plays, spread evenly, a schedule violates, and in how many is doubt."""

    def __init__(self, odds: Callable[[Schedule], tuple[int, int]]) -> None:
        self.odds = odds
        self.played: Counter[str] = Counter()
        self.attempts: dict[str, int] = {}  # by case
        self.now = 0
        self.most = 0
        self.hear: Callable[[CaseResult], None] = lambda _result: None

    async def play(
        self, cases: Iterable[Case], attempts: int = 1, over: Callable[[Case], bool] | None = None
    ) -> list[CaseResult]:
        assert over is None
        cases = list(cases)
        self.attempts |= {case.id: attempts for case in cases}
        self.now += len(cases)
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= len(cases)
        out = []
        for case in cases:
            shows, doubts = self.odds(case.schedule)
            number = self.played[repr(case.schedule)]
            self.played[repr(case.schedule)] += 1
            place = number * 5 % 16  # 0, 5, 10, 15, 4, ...: every place once in 16 plays
            outcome = Outcome.VIOLATES if place < shows else Outcome.CONFORMS
            if shows <= place < shows + doubts:
                outcome = Outcome.INCONCLUSIVE
            out.append(result_of(case, outcome))
            self.hear(out[-1])
        return out


def result_of(case: Case, outcome: Outcome) -> CaseResult:
    requirement = "ZX-KICK-1" if kicked(case.schedule) else "ZX-RECONNECT-1"
    finding = Finding(requirement, "A in R", 0, "", "", where=f"spec.yaml:{len(case.schedule.steps)}")
    verdict = Verdict(outcome, (finding,) if outcome is Outcome.VIOLATES else ())
    return CaseResult(f"{ZEGO.spec}/{case.id}", case.scenario, "", None, outcome, None, "seen", verdict, seconds=0,
                      attempts=1)  # fmt: skip


def search(first: Sequence[Schedule], odds: Callable[[Schedule], tuple[int, int]], in_flight: int = 64
           ) -> tuple[Found, list[CaseResult], Pretender]:  # fmt: skip
    """What a search that finds one kind makes of these when they are all that it plays."""
    fuzzing, player = searched(first, odds, in_flight)
    (found,) = fuzzing.found.values()
    return found, fuzzing.results, player


def searched(first: Sequence[Schedule], odds: Callable[[Schedule], tuple[int, int]], in_flight: int
             ) -> tuple[Fuzz, Pretender]:  # fmt: skip
    player = Pretender(odds)
    fuzzing = Fuzz(ZEGO, player, 0, schedules=len(first), first=first, in_flight=in_flight)
    player.hear = fuzzing.hear
    asyncio.run(fuzzing.run())
    return fuzzing, player


def kicked(schedule: Schedule) -> When | None:
    """When A is kicked right after its login, if it is; what lies between is left out."""
    acts = [step.act for step in schedule.steps]
    if LOGIN not in acts or KICK not in acts or acts.index(LOGIN) > acts.index(KICK):
        return None
    return schedule.steps[acts.index(KICK)].when


LONG = chain((0, LOGIN), (5, CUT), (2, HEAL), (7, KICK))


def test_a_step_that_waits_for_the_one_before_is_simpler_than_one_that_races_with_it() -> None:
    """Where both always show it."""
    found, results, _ = search([LONG], lambda schedule: (16 if kicked(schedule) else 0, 0))

    assert found.schedule.steps == (Step(LOGIN), Step(KICK))
    assert found.again == Again(16, 0, 16)
    assert results[0].message.endswith("(again in 16 of 16 rooms at once; 4 steps shrunk to 2)")


def test_what_always_shows_it_is_not_given_up_for_what_does_so_by_chance() -> None:
    """Though that is simpler, and showed it when it was tried."""

    def odds(schedule: Schedule) -> tuple[int, int]:
        when = kicked(schedule)
        return (0 if when is None else 16 if when.label and when.offset >= SECOND else 15, 0)

    found, _, _ = search([LONG], odds)

    assert [step.act for step in found.schedule.steps] == [LOGIN, KICK]
    assert found.schedule.steps[1].when.offset >= SECOND
    assert found.again == Again(16, 0, 16)


@pytest.mark.parametrize("share", [2, 8, 15])
def test_what_only_ever_shows_by_chance_is_made_simpler_too(share: int) -> None:
    """And its figure is told."""
    found, results, _ = search([LONG], lambda schedule: (share if kicked(schedule) else 0, 0))

    assert [step.act for step in found.schedule.steps] == [LOGIN, KICK]
    assert found.again == Again(share, 0, 16)
    assert f"again in {share} of 16 rooms" in results[0].message


def test_a_few_plays_in_doubt_do_not_speak_against_it() -> None:
    """Many do."""
    few, _, _ = search([LONG], lambda schedule: (13, 3) if kicked(schedule) else (0, 0))
    many, results, _ = search(
        [LONG], lambda schedule: (16, 0) if schedule == LONG else (11, 5) if kicked(schedule) else (0, 0)
    )

    assert len(few.schedule.steps) == 2
    assert few.again.always
    assert many.schedule == LONG
    assert results[0].message == "seen (again in 16 of 16 rooms at once)"  # nothing is said of shrinking


def test_of_several_that_showed_the_same_the_surest_is_made_simpler() -> None:
    """By whichever of the requirement's rules it showed."""
    race = chain((0, LOGIN), (0, KICK))

    def odds(schedule: Schedule) -> tuple[int, int]:
        when = kicked(schedule)
        return (0 if when is None else 4 if when.label and not when.offset else 16, 0)

    found, _, _ = search([race, LONG], odds)

    assert found.count == 2
    assert found.steps_before == 4
    assert found.schedule.steps == (Step(LOGIN), Step(KICK))


def test_what_is_not_seen_again_is_reported_as_it_was_found() -> None:
    """Nothing is made simpler then."""
    plays: Counter[str] = Counter()

    def once(schedule: Schedule) -> tuple[int, int]:
        plays[repr(schedule)] += 1
        return (16 if plays[repr(schedule)] == 1 else 0, 0)

    found, results, _ = search([LONG], once)

    assert found.schedule == LONG
    assert results[0].message == "seen (again in 0 of 16 rooms at once)"
    assert set(plays) == {repr(LONG)}


def test_no_more_is_played_at_once_than_the_room_bears() -> None:
    """With as many plays as that for a proof."""
    found, _, player = search([LONG], lambda schedule: (16 if kicked(schedule) else 0, 0), in_flight=4)

    assert player.most == 4
    assert found.again == Again(4, 0, 4)
    assert len(found.schedule.steps) == 2


def test_a_play_in_doubt_is_played_again_where_it_is_to_be_sure() -> None:
    """Not where a simpler schedule is only tried: then it is doubt, and another one may show it."""
    _, _, player = search([LONG], lambda schedule: (16 if kicked(schedule) else 0, 0))

    sure = {tries for name, tries in player.attempts.items() if "-again-" in name or "-sure-" in name}
    tried = {tries for name, tries in player.attempts.items() if "-shrink-" in name and "-sure-" not in name}
    assert (sure, tried) == ({3}, {1})


@pytest.mark.parametrize(("in_flight", "most"), [(64, 64), (128, 128), (256, 128)])
def test_several_kinds_are_worked_on_side_by_side_where_the_room_bears_it(in_flight: int, most: int) -> None:
    """Each is confirmed and made simpler as if it were alone."""
    fuzzing, player = searched(
        [LONG, chain((0, LOGIN), (5, CUT), (2, HEAL))],
        lambda schedule: (16 if LOGIN in [step.act for step in schedule.steps] else 0, 0),
        in_flight,
    )

    assert player.most == most
    assert {kind: found.schedule.steps for kind, found in fuzzing.found.items()} == {
        "ZX-KICK-1": (Step(LOGIN), Step(KICK)),
        "ZX-RECONNECT-1": (Step(LOGIN),),
    }
    assert len(fuzzing.results) == 2


class Endless(Pretender):
    """What is played again never ends."""

    async def play(
        self, cases: Iterable[Case], attempts: int = 1, over: Callable[[Case], bool] | None = None
    ) -> list[CaseResult]:
        if self.played:
            await asyncio.Event().wait()
        return await super().play(cases, attempts, over)


@pytest.mark.parametrize(
    ("left", "told"), [(-1, "not played again"), (100_000, "not played again"), (None, "again in 16 of 16")]
)
def test_what_is_under_way_when_the_time_is_up_is_given_up(left: int | None, told: str) -> None:
    """A finding is reported as far as it was looked at; with time enough it is confirmed."""
    player = (Pretender if left is None else Endless)(lambda schedule: (16 if kicked(schedule) else 0, 0))
    fuzzing = Fuzz(ZEGO, player, 0, schedules=1, first=[LONG])
    player.hear = fuzzing.hear

    async def play() -> None:
        if left is not None:  # once it was found
            fuzzing.on_progress = lambda _played: setattr(fuzzing, "until", now() + left)
        await fuzzing.run()

    asyncio.run(play())

    assert told in fuzzing.results[0].message
    assert fuzzing.violations == 1


def test_what_is_left_over_when_a_search_is_cancelled_is_kept_as_it_was_found() -> None:
    """Each kind once, by its simplest schedule, with a file that can be taken up again."""
    kept: list[Found] = []
    player = Pretender(lambda _schedule: (16, 0))
    short = chain((0, LOGIN), (7, KICK))
    fuzzing = Fuzz(ZEGO, player, 0, schedules=3, first=[LONG, short, chain((0, CUT))])

    def hear(result: CaseResult) -> None:
        fuzzing.hear(result)
        if fuzzing.played == 3:
            raise asyncio.CancelledError

    def keep(found: Found) -> str:
        kept.append(found)
        return f"replay {found.name}"

    player.hear, fuzzing.keep = hear, keep
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(fuzzing.run())

    assert [(found.kind, found.schedule, found.count) for found in kept] == [
        ("ZX-KICK-1", short, 2),
        ("ZX-RECONNECT-1", chain((0, CUT)), 1),
    ]
    assert [result.repeat for result in fuzzing.results] == [f"replay {found.name}" for found in kept]
    assert fuzzing.results[0].message == "seen (not played again; 2 schedules showed it)"
