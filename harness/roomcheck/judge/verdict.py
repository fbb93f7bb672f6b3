"""The whole verdict: every view by its rules, every line of the scenario, every check accounted for.

Nothing is vacuous: a requirement of the case ends as met, violated, inconclusive or not applicable with a reason.

What a late machine excuses is inconclusive, and the case is run again (lateness.py).
"""

from collections.abc import Generator, Iterable, Mapping
from typing import NamedTuple

from roomcheck.judge.hypothesis import MAX_HYPOTHESES, Mode
from roomcheck.judge.lateness import Stray, Views, in_time, inexcusable
from roomcheck.judge.observer import Observer
from roomcheck.judge.route import Router
from roomcheck.judge.sequence import Walk, received, walk
from roomcheck.judge.view import Simulation
from roomcheck.model.fault import EFFECT, Effect
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Marked, Trace
from roomcheck.model.verdict import Check, Finding, Outcome, Verdict
from roomcheck.spec.case import ANYONE, Case, Expectation
from roomcheck.spec.contract import Contract, Rule

# what was expected where something came that nothing explains, about another member or about oneself
UNCAUSED = "no news without a cause", "no callback about itself without a cause"


def judge(contract: Contract, trace: Trace, case: Case | None = None) -> Verdict:
    """Trace and contract -> verdict; findings earliest first. `case`: the scenario whose lines must hold too."""
    steps = judging(contract, trace, case)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            verdict: Verdict = end.value
            return verdict


def judging(contract: Contract, trace: Trace, case: Case | None = None) -> Generator[None, None, Verdict]:
    """The same in steps: whoever plays rooms meanwhile looks after them in between."""
    lacking = [r for r in trace.records if isinstance(r, Answered) and r.status == "unsupported"]
    if lacking:
        reason = "the room does not have an operation of this case"
        return Verdict(Outcome.NOT_APPLICABLE, checks=_not_applicable(case, reason))
    narrow = Router(contract, trace, Mode.NARROW)
    yield from narrow.steps()
    lines = case.lines if case else ()
    acts = [r for r in trace.records if isinstance(r, (Called, Faulted, Healed, Marked))]
    labels = {r.label: r.at for r in acts if r.label}
    watched = trace.end - max((r.at.lo for r in acts), default=0)
    walks = [
        (line, walk(line, received(contract, trace, line), labels, Mode.NARROW, debts=narrow.debts)) for line in lines
    ]
    doubtful = bool(narrow.strays) or any(v.refused or v.gave_up for v in narrow.views.values())
    doubtful = doubtful or any(w.rejections for _, w in walks)
    if not doubtful:
        return Verdict(Outcome.CONFORMS, (), tuple(_checks(contract, case, narrow, walks, {})))
    start = min((r.at.lo for r in trace.records), default=0)
    wide = Router(contract, trace, Mode.WIDE)
    yield from wide.steps()
    patience, early = trace.patience, case is not None and watched < case.schedule.watch
    wide_walks = [
        (
            line,
            walk(
                line, received(contract, trace, line), labels, Mode.WIDE, patience, trace.end, wide.debts, early=early
            ),
        )
        for line in lines
    ]
    proven = [(line, walked) for line, walked in wide_walks if not _doubted(line, walked, narrow, wide)]
    findings = _in_order(contract, _all_findings(contract, trace, case, wide, proven, start))
    if findings and not in_time(contract, trace):
        views, strays = yield from inexcusable(contract, trace)
        views = {key: _as_seen(view, wide.views.get(key)) for key, view in views.items()}
        findings = _in_order(contract, _findings(contract, trace, case, views, strays, start))
    if findings:
        bad: dict[str | None, Outcome] = {f.requirement: Outcome.VIOLATES for f in findings if f.requirement}
        return Verdict(Outcome.VIOLATES, tuple(findings), tuple(_checks(contract, case, wide, wide_walks, bad)))
    doubts = _in_order(contract, _all_findings(contract, trace, case, narrow, walks, start))
    doubts += _given_up(narrow, trace.end - start)
    unsure: dict[str | None, Outcome] = {f.requirement: Outcome.INCONCLUSIVE for f in doubts if f.requirement}
    return Verdict(Outcome.INCONCLUSIVE, tuple(doubts), tuple(_checks(contract, case, wide, wide_walks, unsure)))


def _as_seen(refused: Simulation | Observer, seen: Simulation | Observer | None) -> Simulation | Observer:
    """A view that no lateness excuses, told with the instants that were seen, if it is refused by these too."""
    same = seen is not None and seen.refused and seen.refused_at == refused.refused_at
    return seen if seen is not None and same else refused


class _Refused(NamedTuple):
    """A finding, and the user that it is about, who may have been told it itself (`own`)."""

    user: str
    own: bool
    finding: Finding


def _in_order(contract: Contract, refused: Iterable[_Refused]) -> list[Finding]:
    """The earliest first; what others were told of a user follows what the user itself was told at the same time.

    A change is told to its member and to the others in any order, so those are the same time who lie no further apart
    than news may take; which came first would make another finding the first one from run to run.
    """
    found = list(refused)
    news = max((view.presence.delivery for view in contract.views if view.presence), default=0)
    own = [(one.user, one.finding.at) for one in found if one.own]

    def place(one: _Refused) -> tuple[int, bool]:
        at = one.finding.at
        told = (when for user, when in own if not one.own and user == one.user and at <= when <= at + news)
        return min(told, default=at), not one.own

    return [one.finding for one in sorted(found, key=place)]


def _findings(
    contract: Contract,
    trace: Trace,
    case: Case | None,
    views: Views,
    strays: Iterable[Stray],
    start: int,
) -> Iterable[_Refused]:
    """What is refused by the rules."""
    user = {m.name: m.user for m in trace.members}
    # A callback without a cause breaks no rule of its own: the case's first requirement is what it was played for, and
    # a case that was not played for any breaks what the view says.
    first = case.requirements[0] if case and case.requirements else None
    for member, at, rejection in strays:
        fallback = next((v.otherwise for v in contract.views if v.otherwise), None)
        requirement = rejection.requirement or first or fallback
        finding = Finding(requirement, member, at - start, rejection.expected, rejection.text)
        yield _Refused(user[member], True, finding)
    for key, view in views.items():
        if view.refused:
            rejection = view.rejections[0]
            rule = rejection.rule
            own = isinstance(view, Simulation)
            finding = Finding(
                requirement=(rule.requirement if rule else rejection.requirement) or first or view.view.otherwise,
                view=view.name,
                at=view.refused_at - start,
                expected=rule.text if rule else rejection.expected or UNCAUSED[own],
                seen=rejection.text,
                miss=rejection.miss if rejection.miss < 1 << 59 else None,
                misses=tuple(d.text for d in view.rejections[:3]),
                where=str(rule.where) if rule else str(view.view.where),
                window=rejection.window.since(start) if rejection.window else None,
            )
            yield _Refused(user[key[1]] if own else key[3], own, finding)


def _all_findings(
    contract: Contract,
    trace: Trace,
    case: Case | None,
    router: Router,
    walks: Iterable[tuple[Expectation, Walk]],
    start: int,
) -> Iterable[_Refused]:
    """What is refused by the rules, and by the scenario's lines."""
    yield from _findings(contract, trace, case, router.views, router.strays, start)
    user = {m.name: m.user for m in trace.members}
    first = case.requirements[0] if case and case.requirements else None
    for line, walked in walks:
        if walked.rejections:
            entry = walked.entry
            requirement = (entry.requirement if entry else None) or walked.rejections[0].requirement or first
            finding = Finding(
                requirement=requirement,
                view=line.observer if line.about is None else f"{line.observer} about {line.about}",
                at=(trace.end if walked.at < 0 else walked.at) - start,
                expected=entry.text if entry else "nothing more",
                seen=walked.rejections[0].text,
                miss=walked.rejections[0].miss if walked.rejections[0].miss < 1 << 59 else None,
                misses=tuple(d.text for d in walked.rejections[:3]),
                where=str(entry.where) if entry else str(line.where),
                window=walked.rejections[0].window.since(start) if walked.rejections[0].window else None,
            )
            yield _Refused(line.about or user[line.observer], line.about is None, finding)


def _doubted(line: Expectation, walked: Walk, narrow: Router, wide: Router) -> bool:
    """Whether lateness may explain what a line refuses: the rules refuse its observer only if the machine was in time.

    A member that a late machine kept cut off for longer than the schedule says takes another course.
    """
    for key, view in narrow.views.items():
        about = key[3] if isinstance(view, Observer) else None
        same = key[1] == line.observer and (line.about == about or (line.about == ANYONE and about is not None))
        early = walked.at < 0 or view.refused_at <= walked.at
        if same and view.refused and early and not wide.views[key].refused:
            return True
    return False


def _given_up(router: Router, at: int) -> Iterable[Finding]:
    """Views with more lawful stories than can be followed."""
    for view in router.views.values():
        if view.gave_up:
            text = f"more than {MAX_HYPOTHESES} stories are lawful, too many to follow: nothing is said of this view"
            yield Finding(None, view.name, at, "what can be followed", text, where=str(view.view.where))


def _checks(
    contract: Contract,
    case: Case | None,
    router: Router,
    walks: Iterable[tuple[Expectation, Walk]],
    broken: Mapping[str | None, Outcome],
) -> Iterable[Check]:
    """One check for each rule that was armed, each entry that was met, and each requirement that the case names."""
    found = list(_by_rules(contract, router, broken))
    yield from found
    if case is None:
        return
    whole = all(not w.rejections for _, w in walks)
    for line, walked in walks:
        for entry, margin in walked.best.met:
            if entry.requirement:
                outcome = broken.get(entry.requirement, Outcome.CONFORMS)
                yield Check(entry.requirement, f"{line.observer}: {entry.text}", outcome, "", margin)
    alone = case.requirements and not case.lines
    idle = served(contract) - {check.requirement for check in found} if alone else set()
    for requirement in case.requirements:
        reason = ""
        if requirement not in broken and not whole:
            reason = "another requirement was broken first"
        elif requirement not in broken and requirement in idle:
            reason = "nothing that happened asked for it"
        outcome = Outcome.NOT_APPLICABLE if reason else broken.get(requirement, Outcome.CONFORMS)
        yield Check(requirement, f"the {'expected sequences' if case.lines else 'rules'} of {case.id}", outcome, reason)


def served(contract: Contract) -> set[str]:
    """The requirements that a rule, or what is said of presence, is part of."""
    names: set[str | None] = set()
    for view in contract.views:
        names |= {rule.requirement for rule in view.rules}
        if view.presence is not None:
            names |= {*view.presence.opened_by.values(), view.presence.list_requirement}
            names |= {view.presence.first_list_requirement, view.presence.replaced_requirement}
            for ending in view.presence.endings:
                names |= {ending.requirement, ending.unheard, ending.earlier}
    return {name for name in names if name}


def _by_rules(contract: Contract, router: Router, broken: Mapping[str | None, Outcome]) -> Iterable[Check]:
    rules: dict[int, Rule] = {r.id: r for v in contract.views for r in v.rules}
    down = {r.member for r in router.records if isinstance(r, Faulted) and EFFECT[r.kind] is Effect.DOWN}
    lost = {m.user for m in router.trace.members if m.name in down}
    for key, view in router.views.items():
        if isinstance(view, Observer):
            for (requirement, text), tally in view.tallies.items():
                if requirement:
                    outcome = broken.get(requirement, Outcome.CONFORMS)
                    yield Check(requirement, f"{view.name}: {text}", outcome, "", tally.margin)
            if view.view.otherwise and view.heard:
                outcome = broken.get(view.view.otherwise, Outcome.CONFORMS)
                yield Check(view.view.otherwise, f"{view.name}: nothing without a cause", outcome)
            for requirement in _kept_quiet(view) if key[3] in lost else ():
                text = f"{view.name}: not reported gone before it may be"
                yield Check(requirement, text, broken.get(requirement, Outcome.CONFORMS))
            continue
        for rule_id, tally in view.tallies.items():
            rule = rules[rule_id]
            if rule.requirement is None:
                continue
            outcome = broken.get(rule.requirement, Outcome.CONFORMS if tally.met else Outcome.NOT_APPLICABLE)
            reason = "" if tally.met else "armed, and called off before it was due"
            yield Check(rule.requirement, f"{view.name}: {rule.text}", outcome, reason, tally.margin)
        if view.view.otherwise and view.heard:
            outcome = broken.get(view.view.otherwise, Outcome.CONFORMS)
            yield Check(view.view.otherwise, f"{view.name}: nothing without a cause", outcome)


def _kept_quiet(view: Observer) -> Iterable[str]:
    """Requirements that an early report of a loss would have broken."""
    presence = view.view.presence
    if presence is not None and view.heard:
        yield from dict.fromkeys(ending.earlier for ending in presence.endings if ending.earlier)


def _not_applicable(case: Case | None, reason: str) -> tuple[Check, ...]:
    names = case.requirements if case else ()
    return tuple(Check(r, f"the expected sequences of {r}", Outcome.NOT_APPLICABLE, reason) for r in names)
