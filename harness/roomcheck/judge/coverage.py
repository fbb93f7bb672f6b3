"""What of a contract a trace has met: (state, cause, fault) triples, counted from what was done and told.

The state is the one last told in a member's own view of a room, the cause is a call, an act of the backend, a fault, a
heal, or another device of the same user being told something, and the fault is what the member's link had at that
moment. The same count serves what a room told and what the model room tells of a schedule beforehand, so both compare.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from roomcheck.judge.route import alias, extract, order
from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.trace import Called, Faulted, Healed, Record, Told, Trace
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.spec.contract import Contract

NONE = "-"  # no fault on the link


class Triple(NamedTuple):
    """One meeting: in this state, this happened, while the link had this fault."""

    state: str
    cause: str
    fault: str


class Place(NamedTuple):
    """Where a member is in a room, and what its link has; `told`: a fault of its link is met here too."""

    member: str
    room: str
    state: str
    fault: str
    told: bool


class Stretch(NamedTuple):
    """A time in which nothing is done or told (microseconds), and where everybody is in it; `acts` came before."""

    begin: int
    end: int
    acts: int
    places: tuple[Place, ...]


class _Walk:
    """One trace, record by record."""

    def __init__(self, contract: Contract, trace: Trace) -> None:
        self.contract = contract
        self.trace = trace
        self.own = contract.connection
        self.states: dict[tuple[str, str], str] = {}  # (member, room) -> state
        self.faults = {member.name: NONE for member in trace.members}
        self.server = False  # whether it is down
        self.aliases = {real: alias for alias, real in trace.rooms.items()}
        self.twins = {m.name: [t.name for t in trace.members if t.user == m.user and t is not m] for m in trace.members}

    def triples(self) -> Iterator[Triple]:
        for record in sorted(self.trace.records, key=order):
            yield from self._record(record)

    def stretches(self) -> Iterator[Stretch]:
        """Between every two records, and after the last."""
        acts = 0
        records = sorted(self.trace.records, key=order)
        ends = [*(record.at.lo for record in records[1:]), self.trace.end]
        for record, end in zip(records, ends, strict=False):
            deque(self._record(record), 0)
            acts += isinstance(record, Called | Faulted | Healed)
            if end > record.at.hi:
                yield Stretch(record.at.hi, end, acts, tuple(self._places()))

    def _places(self) -> Iterator[Place]:
        for member in self.faults:
            nowhere = not any(who == member for who, _ in self.states)
            for room in self.trace.rooms:
                state = self.states.get((member, room))
                told = nowhere or state is not None
                yield Place(member, room, state or self.own.initial, self._fault(member), told)

    def _record(self, record: Record) -> Iterator[Triple]:
        match record:
            case Called():
                yield from self._called(record)
            case Faulted():
                yield from self._faulted(record)
            case Healed():
                yield from self._healed(record)
            case Told():
                yield from self._told(record)

    def _called(self, record: Called) -> Iterator[Triple]:
        operation = self.contract.operations.get(record.operation)
        if operation is None:
            return
        rooms = [(name, str(record.args[name])) for name in operation.rooms if name in record.args]
        if record.member is not None:
            for argument, room in rooms:
                cause = operation.name if len(operation.rooms) == 1 else f"{operation.name}.{argument}"
                yield self._at(record.member, room, cause)
            return
        users = operation.concerned(record.args, (m.user for m in self.trace.members))
        for member in (m.name for m in self.trace.members if m.user in users):
            for _, room in rooms:
                yield self._at(member, room, operation.name)

    def _faulted(self, record: Faulted) -> Iterator[Triple]:
        """A fault is met in every room that the member has been told of, or in the initial state of none."""
        kind = record.kind.value
        for member in [record.member] if record.member else list(self.faults):
            for state in self._everywhere(member):
                yield Triple(state, kind, self._fault(member))
            if record.member and EFFECT[record.kind] is not Effect.BROKEN:
                self.faults[member] = kind
        if record.member is None:
            self.server = True

    def _healed(self, record: Healed) -> Iterator[Triple]:
        for member in [record.member] if record.member else list(self.faults):
            for state in self._everywhere(member):
                yield Triple(state, "heal", self._fault(member))
            if record.member:
                self.faults[member] = NONE
        if record.member is None:
            self.server = False

    def _told(self, record: Told) -> Iterator[Triple]:
        callback = self.contract.callbacks.get(record.callback)
        if callback is None:
            return
        real = extract(callback.room, record.fields) if callback.room else list(self.aliases)[:1]
        room = alias(self.aliases, real[0]) or "" if real else ""
        state = self.own.state(record.callback, record.fields)
        if state is None:
            return
        self.states[record.member, room] = state
        for twin in self.twins[record.member]:
            for at in self._everywhere(twin):
                yield Triple(at, f"twin {state}", self._fault(twin))

    def _fault(self, member: str) -> str:
        return FaultKind.SERVER_RESTART.value if self.server else self.faults[member]

    def _at(self, member: str, room: str, cause: str) -> Triple:
        return Triple(self.states.get((member, room), self.own.initial), cause, self._fault(member))

    def _everywhere(self, member: str) -> list[str]:
        return [state for (who, _), state in self.states.items() if who == member] or [self.own.initial]


def met(contract: Contract, trace: Trace) -> frozenset[Triple]:
    """Every triple that a trace has met."""
    return frozenset(_Walk(contract, trace).triples())


def stretches(contract: Contract, trace: Trace) -> list[Stretch]:
    """The times between what was done and told, in order, and where everybody was in each."""
    return list(_Walk(contract, trace).stretches())


def pairs(contract: Contract, trace: Trace) -> frozenset[tuple[Triple, Triple]]:
    """Every two triples that a trace has met one after the other."""
    return frozenset(pairwise(_Walk(contract, trace).triples()))


class Coverage:
    """What many traces have met together: triples, rules that fired, requirements that were really exercised."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.triples: Counter[Triple] = Counter()
        self.rules: Counter[str] = Counter()
        self.requirements: Counter[str] = Counter()

    def add(self, triples: Iterable[Triple], verdict: Verdict) -> None:
        """Count one trace, by its triples and its verdict."""
        self.triples.update(triples)
        fired = {c.what.partition(": ")[2] for c in verdict.checks if c.outcome is not Outcome.NOT_APPLICABLE}
        self.rules.update(fired)
        self.requirements.update(
            {c.requirement for c in verdict.checks if c.requirement and c.outcome is not Outcome.NOT_APPLICABLE}
        )

    def silent_rules(self) -> list[str]:
        """The rules with a requirement that never fired, in the order of the spec."""
        texts = [rule.text for view in self.contract.views for rule in view.rules if rule.requirement]
        return [text for text in dict.fromkeys(texts) if not self.rules[text]]

    def unexercised(self) -> list[str]:
        """The requirements that no check came to a verdict about."""
        return [name for name in self.contract.requirements if not self.requirements[name]]
