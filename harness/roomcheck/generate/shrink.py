"""Simpler schedules near a given one, for whoever looks for the shortest that still fails.

Hypothesis shrinks too, one run after the other; here all neighbours are known at once, so that a round of them can be
played side by side. Every neighbour is smaller by `size`, so taking any that fails, again and again, comes to an end.
The order is that of the gain: half of the steps first, the last digit of a gap last. No moment is simpler than the same
moment: a step that names none waits until the one before has settled, and so does not race with it. Nor does the end of
the watch race with the last news: it is no shorter than the pace, in which news arrives.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, zip_longest
from typing import Any

from roomcheck.generate.links import Act, Links
from roomcheck.generate.times import documented, edges, limits, nice, scaled
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Member, Schedule, Step, Wait, When
from roomcheck.spec.contract import Contract
from roomcheck.spec.durations import Durations

KINDS = list(FaultKind)
NEARBY = 8  # a rounder time may be longer by this part

Size = tuple[int, int, int, int, int, int]
Gap = int | None  # None: a pace after the step before has settled
Move = tuple[Gap, Act]


def size(contract: Contract, schedule: Schedule) -> Size:
    """What is simpler is smaller: fewer steps, then members, then rooms, then plainer acts, rounder and shorter times.

    A schedule in which a step names another moment than the step before is taken as if it named that.
    """
    return _Neighbours(contract, schedule).size(schedule)


def candidates(contract: Contract, schedule: Schedule) -> Iterator[Schedule]:
    """Every simpler neighbour once, those that gain most first; each is smaller, and the links allow its acts."""
    neighbours = _Neighbours(contract, schedule)
    limit = neighbours.size(schedule)
    seen: set[str] = set()
    for found in neighbours.all():
        text = repr(found)
        if text not in seen and found.steps and neighbours.size(found) < limit:
            seen.add(text)
            yield found


@dataclass(frozen=True, slots=True)
class _Play:
    """A schedule whose steps each follow a gap after the one before."""

    members: tuple[Member, ...]
    rooms: tuple[str, ...]
    moves: tuple[Move, ...]
    watch: int
    pace: int
    own_pace: int | None

    def together(self, *gaps: Gap) -> Gap:
        """The gap that is left of several when the steps between them are gone."""
        if all(gap is None for gap in gaps):
            return None
        return sum(self.pace if gap is None else gap for gap in gaps)

    def schedule(self) -> Schedule:
        """Without what the links do not allow any more; what came after it keeps its moment."""
        links = Links()
        steps: list[Step] = []
        gaps: list[Gap] = []
        for gap, act in self.moves:
            gaps.append(gap)
            if links.allow(act):
                links.take(act)
                late, gaps = self.together(*gaps), []
                when = When()
                if steps and late is not None:
                    label = f"S{len(steps)}"
                    steps[-1] = replace(steps[-1], label=label)
                    when = When(label, late)
                steps.append(Step(act, when))
        return Schedule(self.members, self.rooms, tuple(steps), self.watch, self.own_pace)


def _play(contract: Contract, schedule: Schedule) -> _Play:
    """The schedule as a chain of gaps."""
    pace = contract.pace_of(schedule)
    moments: dict[str, int] = {}
    now = 0
    moves: list[Move] = []
    for step in schedule.steps:
        before = now
        begins = now + pace if step.when.label is None else moments[step.when.label]
        now = max(now, begins + step.when.offset) if moves else 0
        if step.label is not None:
            moments[step.label] = now
        moves.append((None if step.when.label is None else now - before, step.act))
    return _Play(schedule.members, schedule.rooms, tuple(moves), schedule.watch, pace, schedule.pace)


class _Neighbours:
    """The neighbours of one schedule."""

    def __init__(self, contract: Contract, schedule: Schedule) -> None:
        self.contract = contract
        self.durations = Durations(contract)
        self.play = _play(contract, schedule)
        self.plainest = next((kind for kind in KINDS if kind in contract.faults), FaultKind.CUT)

    @cached_property
    def known(self) -> frozenset[int]:
        """Limits, in documented milliseconds."""
        return frozenset(limits(self.contract))

    @cached_property
    def edges(self) -> frozenset[int]:
        return frozenset(edge for limit in self.known for edge in edges(limit))

    # --- size -------------------------------------------------------------------------------------------------------

    def size(self, schedule: Schedule) -> Size:
        play = _play(self.contract, schedule)
        times = [gap for gap, _ in play.moves if gap is not None] + [play.watch]
        return (
            len(play.moves),
            len(play.members),
            len(play.rooms),
            sum(self._oddness(act, play) for _, act in play.moves),
            sum(1 + self.durations.roughness(time) for time in times),
            sum(times),
        )

    def _oddness(self, act: Act, play: _Play) -> int:
        """How far an act is from the plainest of its sort."""
        match act:
            case Fault(kind=kind, settings=settings, endpoint=endpoint):
                return KINDS.index(kind) + len(settings) + (endpoint is not None)
            case Call() | Admin():
                rooms = self.contract.operations[act.operation].rooms
                weights = {name: len(rooms) - i for i, name in enumerate(rooms)}  # from R to R2 is plainer than back
                places = {name: self._lawful(act, name, play).index(value) for name, value in act.args.items()}
                return sum(place * weights.get(name, 1) for name, place in places.items())
            case _:
                return 0

    def _lawful(self, act: Call | Admin, name: str, play: _Play) -> list[Any]:
        """The values that an argument may have, the plainest first."""
        operation = self.contract.operations[act.operation]
        if name in operation.rooms:
            return list(play.rooms)
        if name in operation.users:
            return list(dict.fromkeys(member.user for member in play.members))
        return list(operation.args[name])

    # --- neighbours -------------------------------------------------------------------------------------------------

    def all(self) -> Iterator[Schedule]:
        sorts = self._without_steps(), self._without_member(), self._without_room(), self._plainer(), self._simpler()
        return (play.schedule() for play in chain.from_iterable(sorts))

    def _with_moves(self, moves: Iterable[Move]) -> _Play:
        return replace(self.play, moves=tuple(moves))

    def _each(self, change: Callable[[Act], Act | None]) -> _Play:
        """Every act changed; what comes after one that is gone keeps its moment."""
        moves: list[Move] = []
        gaps: list[Gap] = []
        for gap, act in self.play.moves:
            gaps.append(gap)
            changed = change(act)
            if changed is not None:
                moves.append((self.play.together(*gaps), changed))
                gaps = []
        return self._with_moves(moves)

    def _without_steps(self) -> Iterator[_Play]:
        """Chunks of steps, the largest first: with their time, or with their time given to the next step."""
        moves = self.play.moves
        length = len(moves)
        while length := length // 2:
            for start in range(0, len(moves), length):
                before, chunk, rest = moves[:start], moves[start : start + length], moves[start + length :]
                yield self._with_moves(before + rest)
                if rest:
                    gap = self.play.together(*(gap for gap, _ in (*chunk, rest[0])))
                    yield self._with_moves((*before, (gap, rest[0][1]), *rest[1:]))

    def _without_member(self) -> Iterator[_Play]:
        """One member less, the last first; the first one of a user leaves its name to the next one of that user."""
        if len(self.play.members) == 1:
            return
        for gone in reversed(self.play.members):
            left = [member for member in self.play.members if member is not gone]
            heir = next((m.name for m in left if m.user == gone.name), None)
            names = {gone.name: None} | ({heir: gone.name} if heir else {})
            members = tuple(replace(m, name=names.get(m.name) or m.name) for m in left)
            users = {member.user for member in members}

            def change(act: Act, names: Mapping[str, str | None] = names, users: set[str] = users) -> Act | None:
                if isinstance(act, Admin):
                    about = {act.args[name] for name in self.contract.operations[act.operation].users}
                    return act if about <= users else None
                if isinstance(act, Wait) or act.member is None or act.member not in names:
                    return act
                name = names[act.member]
                return replace(act, member=name) if name else None

            yield replace(self._each(change), members=members)

    def _without_room(self) -> Iterator[_Play]:
        """One room less, the last first: with what happens there, or with that in the first room instead."""
        if len(self.play.rooms) == 1:
            return
        for gone in reversed(self.play.rooms):
            left = [room for room in self.play.rooms if room != gone]
            for instead in (None, self.play.rooms[0]):
                names = {gone: instead} | dict(zip(left, self.play.rooms, strict=False))

                def change(act: Act, names: Mapping[str, str | None] = names) -> Act | None:
                    if not isinstance(act, Call | Admin):
                        return act
                    rooms = {name: names[act.args[name]] for name in self.contract.operations[act.operation].rooms}
                    moved = replace(act, args={**act.args, **rooms})
                    return moved if None not in rooms.values() and self._differ(moved) else None

                yield replace(self._each(change), rooms=self.play.rooms[: len(left)])

    def _plainer(self) -> Iterator[_Play]:
        """All acts at once, then one after the other, as a whole and then by one argument."""
        yield self._each(self._plainest)
        moves = self.play.moves
        for i, (gap, act) in enumerate(moves):
            for plainer in (self._plainest(act), *self._one_plainer(act)):
                yield self._with_moves((*moves[:i], (gap, plainer), *moves[i + 1 :]))

    def _plainest(self, act: Act) -> Act:
        match act:
            case Fault(member=str(member)):
                return Fault(member, self.plainest)
            case Call() | Admin():
                return replace(act, args=self._defaults(act))
            case _:
                return act

    def _one_plainer(self, act: Act) -> Iterator[Act]:
        if isinstance(act, Call | Admin):
            for name, value in self._defaults(act).items():
                plainer = replace(act, args={**act.args, name: value})
                if self._differ(plainer):
                    yield plainer

    def _differ(self, act: Call | Admin) -> bool:
        """Whether no room stands in two arguments."""
        rooms = [act.args[name] for name in self.contract.operations[act.operation].rooms]
        return len(set(rooms)) == len(rooms)

    def _defaults(self, act: Call | Admin) -> dict[str, Any]:
        """The first value of each argument; the first rooms in their order."""
        rooms = dict(zip(self.contract.operations[act.operation].rooms, self.play.rooms, strict=False))
        return {name: rooms.get(name) or self._lawful(act, name, self.play)[0] for name in act.args}

    def _simpler(self) -> Iterator[_Play]:
        """No step names a moment; nothing waits; then the watch; then each gap, the middle of what it may be first."""
        moves = self.play.moves
        yield self._with_moves((None, act) for _, act in moves)
        yield self._with_moves((0, act) for _, act in moves)
        for watch in self._simpler_times(self.play.watch):
            if watch >= max(1, self.play.pace):
                yield replace(self.play, watch=watch)
        tries = [
            [self._with_moves((*moves[:i], (time, act), *moves[i + 1 :])) for time in (None, *self._simpler_times(gap))]
            for i, (gap, act) in enumerate(moves)
            if gap is not None
        ]
        yield from (play for turn in zip_longest(*tries) for play in turn if play)

    def _simpler_times(self, time: int) -> list[int]:
        """Rounder times, and shorter ones that are as round: nothing, then the middle one, then those between."""
        whole = documented(time, self.contract.scale)
        near = {edge for edge in self.edges if abs(edge - whole) * NEARBY < whole}
        rounded = {whole // power * power for power in nice(whole)}
        pool = {scaled(t, self.contract.scale) for t in {*self.known, *near, *nice(whole), *rounded}}
        worth = self._worth(time)
        fit = sorted(t for t in pool if self._worth(t) < worth and t * NEARBY <= time * (NEARBY + 1))
        return [0] * bool(time) + _middle_first([t for t in fit if t])

    def _worth(self, time: int) -> tuple[int, int]:
        return self.durations.roughness(time), time


def _middle_first(times: list[int]) -> list[int]:
    """As a search by halves would ask for them."""
    out: list[int] = []
    parts = [times]
    while parts:
        out += [part[len(part) // 2] for part in parts if part]
        parts = [half for part in parts if part for half in (part[: len(part) // 2], part[len(part) // 2 + 1 :])]
    return out
