"""One proof of a contract, from its scenarios to the broken rooms: what was played, and what was found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from roomcheck.judge import judge
from roomcheck.judge.result import result_of
from roomcheck.model.schedule import Schedule
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, Check, Finding, Outcome, Verdict
from roomcheck.prove.broken import Matrix, hunt, names_of
from roomcheck.prove.lawful import FalseRed, Looked, by_chance, by_name, by_scenario, told
from roomcheck.prove.shorter import shorter
from roomcheck.room import USUAL, play
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract, View
from roomcheck.spread import Spread, here

NOTHING = Schedule((), (), (), 0)


@dataclass(slots=True)
class Proof:
    """What is known of a contract. `alike`: how often each kind of false red came; `spread` lets rooms be played."""

    contract: Contract
    spread: Spread = here
    looked: Looked = field(default_factory=Looked)
    false_reds: list[FalseRed] = field(default_factory=list)
    alike: dict[tuple[str, str | None, str], int] = field(default_factory=dict)
    matrix: Matrix = field(init=False)
    schedules: int = 0
    hunted: bool = False
    alone: str = ""  # the one case that was looked at
    usual: tuple[Case, Trace, Verdict] | None = None  # what the usual room does there, if no lawful one is refused

    def __post_init__(self) -> None:
        self.matrix = Matrix(tuple(_asked(self.contract)))

    @property
    def sound(self) -> bool:
        """Whether nothing was found that is wrong with it."""
        return not self.false_reds and not (self.hunted and (self.matrix.vacuous or self.matrix.missed))

    def scenarios(self) -> Iterator[CaseResult]:
        """Every scenario on lawful rooms."""
        for case, found in by_scenario(self.contract, self.looked, spread=self.spread):
            yield self._result(case, found)

    def chance(self, seed: int, over: Callable[[int], bool]) -> Iterator[CaseResult]:
        """Random schedules on lawful rooms until it is `over`; what is refused is made shorter, once for each kind."""
        for case, found in by_chance(self.contract, self.looked, seed=seed, spread=self.spread):
            self.schedules += 1
            yield self._result(case, found)
            if over(self.schedules):
                return

    def only(self, name: str) -> CaseResult:
        """One case alone. UsageError: there is none of that name."""
        case, found = by_name(self.contract, self.looked, name)
        self.alone = name
        if found is None:
            trace = play(self.contract, case, USUAL)
            self.usual = case, trace, judge(self.contract, trace)
        return self._result(case, found)

    def broken(self, *, all_of_them: bool = True) -> Iterator[str]:
        """Rooms that break one promise; yields what was played last."""
        for row in hunt(self.contract, self.looked, self.matrix, all_of_them=all_of_them, spread=self.spread):
            yield str(row.broken)
        self.hunted = True

    def _result(self, case: Case, found: FalseRed | None) -> CaseResult:
        if found is None:
            return result_of(self.contract, case, _fine(case, case.requirements, "lawful rooms pass"))
        if found.kind not in self.alike:
            if found.case.scenario == "random":
                found = shorter(self.contract, found)
            self.false_reds.append(found)
        self.alike[found.kind] = self.alike.get(found.kind, 0) + 1
        return result_of(self.contract, found.case, found.verdict)

    def requirements(self) -> Iterator[CaseResult]:
        """One result for each requirement: whether a broken room is caught by its name."""
        for name in self.matrix.requirements:
            caught = self.matrix.caught_by(name)
            case = Case(f"requirement/{name}", "requirement", self.contract.requirements[name].says, None, NOTHING, (),
                        (name,), where=self.contract.requirements[name].where)  # fmt: skip
            if caught:
                yield result_of(self.contract, case, _fine(case, (name,), "a broken room is caught"))
                continue
            text = "no room that breaks a promise is caught by this name"
            finding = Finding(name, "requirement", 0, "a broken room that it catches", text, where=str(case.where))
            yield result_of(self.contract, case, Verdict(Outcome.VIOLATES, (finding,)))


def _fine(case: Case, requirements: Iterable[str], what: str) -> Verdict:
    checks = tuple(Check(name, f"{case.id}: {what}", Outcome.CONFORMS) for name in requirements)
    return Verdict(Outcome.CONFORMS, checks=checks)


def _asked(contract: Contract) -> Iterator[str]:
    """The requirements that something which was played may name: not those that an option switches off."""
    names = {name for v in contract.views for name in _of_view(v)}
    for case in contract.cases:
        names |= names_of(case)
    yield from (name for name in contract.requirements if name in names)


def _of_view(view: View) -> Iterator[str | None]:
    yield view.otherwise
    yield from (rule.requirement for rule in view.rules)
    if presence := view.presence:
        yield from presence.opened_by.values()
        yield from (presence.list_requirement, presence.first_list_requirement, presence.replaced_requirement)
        for ending in presence.endings:
            yield from (ending.requirement, ending.earlier, ending.unheard)


def summary(proof: Proof, spec: str) -> Iterator[str]:
    """What was looked at, what was found, and the kill matrix. `spec`: the contract, for a command."""
    looked = proof.looked
    for found in proof.false_reds:
        where = found.verdict.findings[0].where
        again = proof.alike.get(found.kind, 1)
        yield f"FALSE RED {where}: {found.case.id}: {found.why}: {told(found)}" + (
            f" ({again} times)" if again > 1 else ""
        )
    for where, text in looked.stricter.items():
        yield f"stricter than its rule: {where}: {text}"
    if proof.hunted:
        yield ""
        yield from matrix(proof.matrix, spec)
    yield ""
    if proof.alone:
        yield f"{proof.alone} on {looked.plays} lawful rooms; nothing else was looked at"
        return
    yield (
        f"{len(looked.passed)} of {len(proof.contract.cases)} scenarios and {proof.schedules} random schedules, "
        f"{looked.plays} lawful rooms: {len(proof.false_reds)} false reds"
        + (f"; {looked.inconclusive} with more lawful stories than can be followed" if looked.inconclusive else "")
    )
    if looked.otherwise:
        yield f"{len(looked.otherwise)} scenarios take another course in a slow room, and were not looked at there"
    if proof.hunted:
        rows = proof.matrix.rows
        caught = sum(bool(row.case) for row in rows)
        yield (
            f"{len(rows)} broken rooms: {caught} caught, {len(proof.matrix.missed)} missed, "
            f"{len(proof.matrix.untried)} break what nothing that was played asks for; "
            f"{len(proof.matrix.vacuous)} of {len(proof.matrix.requirements)} requirements are vacuous"
        )


def matrix(found: Matrix, spec: str) -> Iterator[str]:
    """The kill matrix: what each requirement catches, and what nothing does."""
    for name in found.requirements:
        caught = found.caught_by(name)
        right = [row for row in caught if row.broken.requirement == name] or caught
        first = f"{right[0].broken}, in {right[0].case}" if right else "VACUOUS: no broken room is caught by its name"
        yield f"{name:<18} {len(caught):>3} broken rooms  {first}"
    for row in found.missed:
        yield f"MISSED {row.broken.requirement or '-'}: {row.broken}, in {row.due}"
        yield f"  what a lawful room does there: roomcheck prove {spec} --only {row.due}"
