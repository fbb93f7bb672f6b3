"""Lawful rooms, held against the judge: none may be refused.

A scenario demands more than the rules: of two lawful outcomes it may want one. So a scenario is first played with many
choices, until a room passes; if none does, scenario and rules contradict each other. Then that room is played with the
same choices at other moments. What others are told of a member needs no window of its own in a scenario, so a narrower
one is a mistake, and so is any that opens later than the rule's. That a member itself must be told sooner than the rule
says, where nothing else is wrong, is a promise of its own, and so is how early something may come where no rule says
that: it is reported as stricter.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count, islice, tee
from typing import TypeVar

from roomcheck.errors import RoomcheckError, UsageError
from roomcheck.judge import judge
from roomcheck.judge.hypothesis import Mode
from roomcheck.judge.sequence import received, walk
from roomcheck.model.schedule import Schedule
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Called, Faulted, Healed, Marked, Trace
from roomcheck.model.verdict import Finding, Outcome, Verdict
from roomcheck.room import Decision, Performance, Policy, Timing, perform, share
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spread import Spread, here

T = TypeVar("T")
BATCH = 250  # schedules that are drawn at once: Hypothesis walks that far in any case
KIN = 2  # of each drawn schedule, under so many other faults
TRIES = 150  # rooms that a scenario is played on until one passes
FEW = 40  # and where the room is all that is asked for
RECENT = 6  # decisions that are changed more often than those before
TIMINGS = (Timing.LATE, Timing.EARLY, Timing.DRAWN)


@dataclass(frozen=True, slots=True)
class FalseRed:
    """A lawful room that is refused. `why` says by what, `schedule` is what the room was played through."""

    case: Case
    policy: Policy
    trace: Trace | None
    verdict: Verdict
    why: str

    @property
    def kind(self) -> tuple[str, str | None, str]:
        """What findings of one mistake have in common."""
        finding = self.verdict.findings[0]
        return self.why, finding.requirement, finding.where


@dataclass(slots=True)
class Looked:
    """What was played so far. `kept`: rule -> cases and rooms in which something came by it, the shortest first."""

    plays: int = 0
    cases: int = 0
    inconclusive: int = 0
    kept: dict[int, list[tuple[Case, Policy]]] = field(default_factory=dict)
    news: dict[str, list[tuple[Case, Policy]]] = field(default_factory=dict)  # the same for news of others
    passed: dict[str, Policy] = field(default_factory=dict)  # case -> a lawful room that passes it
    held: dict[str, Performance] = field(default_factory=dict)  # case -> what that room did
    otherwise: dict[str, None] = field(default_factory=dict)  # cases that take another course where the room is slow
    stricter: dict[str, str] = field(default_factory=dict)  # where a line about the member itself is, and what it says

    def note(self, case: Case, policy: Policy, performance: Performance) -> None:
        for rule in sorted(performance.kept):
            _remember(self.kept.setdefault(rule, []), case, policy)
        for name in sorted(performance.news):
            _remember(self.news.setdefault(name, []), case, policy)

    def join(self, other: "Looked", case: Case) -> None:
        """What was played of this case by itself, as if it had been played here. Its case may be a copy."""
        self.plays += other.plays
        self.inconclusive += other.inconclusive
        for rule, places in other.kept.items():
            for _, policy in places:
                _remember(self.kept.setdefault(rule, []), case, policy)
        for name, places in other.news.items():
            for _, policy in places:
                _remember(self.news.setdefault(name, []), case, policy)
        self.passed |= other.passed
        self.held |= other.held
        self.otherwise |= other.otherwise
        for where, text in other.stricter.items():
            self.stricter.setdefault(where, text)


def _remember(known: list[tuple[Case, Policy]], case: Case, policy: Policy) -> None:
    alike = [other for other, _ in known if bool(other.lines) is bool(case.lines)]
    if len(alike) < ENOUGH and sum(other is case for other in alike) < EACH:
        known.append((case, policy))


EACH = 2  # rooms that are remembered for a case
ENOUGH = 12  # cases that are remembered for each rule, scenarios and random schedules each


def in_words(policy: Policy) -> str:
    """A room, for a person."""
    return f"a room that speaks {policy.timing}, seed {policy.seed}"


def rooms(number: int) -> tuple[Policy, ...]:
    """Lawful rooms for the schedule of this number: one that does what it must, the others ever more."""
    return (
        Policy(Timing.PROMPT, number, 0.0),
        Policy(Timing.LATE, number, 0.3),
        Policy(Timing.EARLY, number, 0.5),
        Policy(Timing.DRAWN, number, 0.5),
        Policy(Timing.DRAWN, number + 1, 1.0),
    )


def by_scenario(
    contract: Contract, looked: Looked, *, tries: int = TRIES, spread: Spread = here
) -> Iterator[tuple[Case, FalseRed | None]]:
    """Every scenario on lawful rooms, each with what refuses one of them."""
    with closing(spread(_by_itself, (contract, tries), contract.cases)) as each:
        for case, (found, alone) in zip(contract.cases, each, strict=True):
            looked.join(alone, case)
            looked.cases += 1
            yield case, found and replace(found, case=case)


def _by_itself(ground: tuple[Contract, int], case: Case) -> tuple[FalseRed | None, Looked]:
    contract, tries = ground
    looked = Looked()
    try:
        found = _scenario(contract, case, looked, tries)
    except RoomcheckError as e:  # a schedule that no run could play either
        seen = Finding(None, case.id, 0, "a schedule that can be played", str(e), where=str(case.where))
        found = FalseRed(case, Policy(), None, Verdict(Outcome.VIOLATES, (seen,)), "the schedule cannot be played")
    return found, looked


FIRST = (
    Policy(eagerness=0.0, obliging=True),
    Policy(eagerness=1.0, obliging=True),
    Policy(Timing.EARLY, eagerness=1.0, obliging=True),
    Policy(Timing.DRAWN, eagerness=1.0, obliging=True),
)
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.49, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, slots=True)
class _Try:
    """A room on a scenario. `met`: how much of what is expected came before it was refused, at `at`.

    `about`: the members of the line that refused it.
    """

    policy: Policy
    performance: Performance
    verdict: Verdict
    met: int
    at: int
    about: frozenset[str | None]


def lawful_trace(contract: Contract, case: Case) -> Trace:
    """What a lawful room does in this case; in a scenario one that does what is expected, if one is found."""
    if not case.lines:
        return perform(contract, case, Policy(Timing.DRAWN, int(share("room", case.id) * 1_000_000))).trace
    looked = Looked()
    found = _scenario(contract, case, looked, FEW, other_moments=False)
    return found.trace if found and found.trace else looked.held[case.id].trace


def _scenario(
    contract: Contract, case: Case, looked: Looked, tries: int, *, other_moments: bool = True
) -> FalseRed | None:
    """Change the decisions of the room that gets furthest, those just before it is refused most often."""
    firm: _Try | None = None  # the first that got so far
    best: _Try | None = None  # the last of these
    turned: set[Decision] = set()
    for n in range(tries):
        one_by_one = n % 2 == 1 and n >= len(FIRST)
        if n < len(FIRST) or firm is None or best is None:
            policy = FIRST[n]
        else:
            policy = (_turned(firm, turned) if one_by_one else None) or _changed(case.id, n, best)
        performance, verdict = _weigh(contract, case, policy, looked)
        if verdict.outcome is Outcome.CONFORMS:
            looked.passed[case.id], looked.held[case.id] = policy, performance
            return _at_other_moments(contract, case, policy, looked) if other_moments else None
        by_rules = judge(contract, performance.trace)
        if by_rules.outcome is Outcome.VIOLATES:
            return FalseRed(case, policy, performance.trace, by_rules, "refused by the rules")
        met, at, about = _progress(contract, performance.trace, case)
        found = _Try(policy, performance, verdict, met, at, about)
        if firm is None or met > firm.met:
            firm = best = found
            turned.clear()
        elif met == firm.met and n >= len(FIRST) and not one_by_one:
            best = found
    assert best is not None
    why = "no lawful room plays what the scenario expects"
    return FalseRed(case, best.policy, best.performance.trace, best.verdict, why)


def _progress(contract: Contract, trace: Trace, case: Case) -> tuple[int, int, frozenset[str | None]]:
    labels = {r.label: r.at for r in trace.records if isinstance(r, Called | Faulted | Healed | Marked) if r.label}
    walks = [walk(line, received(contract, trace, line), labels, Mode.NARROW) for line in case.lines]
    ends = [(w.at if w.at >= 0 else trace.end, line) for line, w in zip(case.lines, walks, strict=True) if w.rejections]
    at, line = min(ends, key=lambda end: end[0], default=(trace.end, None))
    return sum(len(w.best.met) for w in walks), at, frozenset((line.observer, line.about) if line else ())


def _turned(firm: _Try, turned: set[Decision]) -> Policy | None:
    """What might have happened and did not happens, or the other way round: one after the other, the last first."""
    made = [what for what, when in firm.performance.decisions.items() if what[0] == "whether" and when <= firm.at]
    made = [what for what in made if what not in turned]
    if not made:
        return None
    made.sort(key=firm.about.isdisjoint, reverse=True)  # first what concerns those who were refused
    what = made[-1]
    turned.add(what)
    happens = 1.0 if what in firm.performance.taken else 0.0
    return replace(firm.policy, fixed={**firm.policy.fixed, what: happens})


def _changed(name: str, n: int, best: _Try) -> Policy:
    made = [what for what, when in best.performance.decisions.items() if when <= best.at]
    if not made:
        return replace(best.policy, seed=best.policy.seed + 1)

    close = [what for what in made if not best.about.isdisjoint(what)]

    def pick(options: Sequence[T], *what: object) -> T:
        return options[int(share((name, n), what) * len(options))]

    late = best.at == best.performance.trace.end  # something never came, whenever that was decided
    close = close or made
    kinds = (close if late else close[-RECENT:], close, made[-RECENT:], made)
    changes = {pick(pick(kinds, "of", k), "which", k): pick(SHARES, "to", k) for k in range(pick((1, 2, 3)))}
    return replace(best.policy, fixed={**best.policy.fixed, **changes})


def _at_other_moments(contract: Contract, case: Case, policy: Policy, looked: Looked) -> FalseRed | None:
    for timing in TIMINGS:
        courses = {what: share for what, share in policy.fixed.items() if what[0] != "when"}
        other = replace(policy, timing=timing, fixed=courses)
        performance, verdict = _weigh(contract, case, other, looked)
        if verdict.outcome is not Outcome.VIOLATES:
            continue
        by_rules = judge(contract, performance.trace)
        if by_rules.outcome is Outcome.VIOLATES:
            return FalseRed(case, other, performance.trace, by_rules, "refused by the rules")
        first, *others = verdict.findings
        own = [f for f in others if " about " not in f.view]
        if any(not f.miss or not _WINDOW.search(f.seen) or _BEFORE in f.seen for f in (first, *own)):
            looked.otherwise[case.id] = None
        elif _of_its_own(contract, first):
            looked.stricter.setdefault(first.where, f"{case.id}: {first.view}: {first.seen}")
        else:
            why = "the scenario's window is narrower than the rule's"
            return FalseRed(case, other, performance.trace, verdict, why)
    return None


def _of_its_own(contract: Contract, finding: Finding) -> bool:
    """Whether a scenario's window is a promise of its own: a sooner one for the member, or a first one of how early."""
    about = " about " in finding.view
    if "too late" in finding.seen:
        return not about
    told = finding.seen.split(" came ")[0]
    if about:
        endings = [e for v in contract.views if v.presence for e in v.presence.endings]
        return not any(e.after for e in endings)
    return not any(r.after for v in contract.views if v.hearing is None for r in v.rules if r.to == told)


_WINDOW = re.compile("too (late|early); allowed")
_BEFORE = "too early; allowed 0 "  # before the step that it counts from: so not because of that


def _weigh(contract: Contract, case: Case, policy: Policy, looked: Looked) -> tuple[Performance, Verdict]:
    performance = perform(contract, case, policy)
    looked.plays += 1
    looked.note(case, policy, performance)
    return performance, judge(contract, performance.trace, case)


def by_chance(
    contract: Contract, looked: Looked, *, seed: int, spread: Spread = here
) -> Iterator[tuple[Case, FalseRed | None]]:
    """Random schedules without end, each on several lawful rooms, with the first of them that is refused."""
    to_play, to_tell = tee(enumerate(_random(contract, seed)))
    with closing(spread(_chance, contract, to_play)) as each:
        for (_, case), (found, alone) in zip(to_tell, each, strict=False):
            looked.join(alone, case)
            looked.cases += 1
            yield case, found and replace(found, case=case)


def by_name(contract: Contract, looked: Looked, name: str) -> tuple[Case, FalseRed | None]:
    """One case alone, a scenario's or a random one, as it is played among the others. UsageError: it is none."""
    if random := _RANDOM.fullmatch(name):
        seed, number = map(int, random.groups())
        case = next(islice(_random(contract, seed), number, None))
        found, alone = _chance(contract, (number, case))
        looked.join(alone, case)
        looked.cases += 1
        return case, found
    only = replace(contract, cases=tuple(case for case in contract.cases if case.id == name))
    played = next(by_scenario(only, looked), None)
    if played is None:
        raise UsageError(
            f"{contract.spec} has no case {name}: `roomcheck list` names them, and random/SEED-NUMBER is one"
        )
    return played


_RANDOM = re.compile(r"random/(\d+)-(\d+)")


def _random(contract: Contract, seed: int) -> Iterator[Case]:
    """The same for the same seed: so each can be found again by its name."""
    schedules = (schedule for batch in count() for schedule in _drawn(contract, seed * 1_000_003 + batch))
    for number, schedule in enumerate(schedules):
        yield Case(f"random/{seed}-{number:05d}", "random", "Found by chance", None, schedule, (), ())


def _chance(contract: Contract, numbered: tuple[int, Case]) -> tuple[FalseRed | None, Looked]:
    number, case = numbered
    looked = Looked()
    for policy in rooms(number):
        performance = perform(contract, case, policy)
        looked.plays += 1
        looked.note(case, policy, performance)
        verdict = judge(contract, performance.trace)
        if verdict.outcome is Outcome.VIOLATES:
            return FalseRed(case, policy, performance.trace, verdict, "refused by the rules"), looked
        looked.inconclusive += verdict.outcome is Outcome.INCONCLUSIVE
    return None, looked


def _drawn(contract: Contract, number: int) -> Iterator[Schedule]:
    from roomcheck.generate import schedules, under_other_faults  # noqa: PLC0415  Hypothesis takes 200 ms to import
    from roomcheck.generate.collect import collect  # noqa: PLC0415

    for n, drawn in enumerate(collect(schedules(contract), number=number, count=BATCH)):
        yield drawn
        kin = under_other_faults(contract, drawn)
        for k in range(min(KIN, len(kin))):
            yield kin[(n + k * len(kin) // KIN) % len(kin)]


def told(false_red: FalseRed) -> str:
    """The finding, in one line."""
    finding = false_red.verdict.findings[0]
    return f"{finding.view} at {show_duration(finding.at)}: {finding.seen}"
