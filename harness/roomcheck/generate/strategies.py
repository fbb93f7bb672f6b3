"""Schedules by chance: an opening in which members enter, then phrases of faults, heals, calls and admin acts.

A phrase is one to four steps that belong together: an outage, a call with a fault a moment before or after it, a link
that flaps, an outage of two members at once, a fault upon a fault. Phrases are drawn without regard to each other, so
that Hypothesis can delete any; afterwards they are laid out along the links as they then are: a member whose link has
a fault is healed where it would have been faulted, and what may not come there is left out. Each step begins a gap
after the step before, so that a deleted step leaves the rest as it was.

Hypothesis takes 2 ms for a schedule, and a story that is worth playing under one fault is worth playing under another:
`under_other_faults` makes more of what was drawn, at a fiftieth of that. What no story meets by chance, one act more
may make it meet: `with_one_more`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import permutations
from string import ascii_uppercase
from typing import Any

from hypothesis import strategies as st

from roomcheck.errors import UsageError
from roomcheck.generate.links import Act, Links
from roomcheck.generate.times import times
from roomcheck.judge.coverage import Place, Triple, stretches
from roomcheck.judge.route import extract
from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, When
from roomcheck.model.trace import Called, Faulted, Healed, Told, Trace
from roomcheck.spec.contract import SECOND_SESSION, CauseKind, Contract, Operation

FLAPS = 3  # outages in a row
# Hypothesis draws evenly from so many things; of more than 255 it prefers the first (6.170: 48 % from a tenth). And of
# more than a hundred it prefers those whose number stands as a literal in some module that happens to be loaded, which
# nothing switches off: the same seed would give other schedules in another process.
EVEN = 100
MOSTLY = 3  # the default of an argument is so many times as likely as another value
MOST_ROOMS = 3  # more only where an operation needs more at once


@dataclass(frozen=True, slots=True)
class Toggle:
    """A fault on a link that has none, else its heal."""

    member: str | None
    kind: FaultKind


_ARMS = {Call: CauseKind.CALL, Admin: CauseKind.ADMIN, Fault: CauseKind.LINK_DOWN, Heal: CauseKind.LINK_UP}
Move = tuple[int, Act | Toggle]  # after a gap
Draw = st.DrawFn


def schedules(contract: Contract, *, members: int = 4, steps: int = 8) -> st.SearchStrategy[Schedule]:
    """Schedules of up to so many members and steps that a room with this contract must be able to take.

    UsageError if nothing can happen: the target lacks every operation and takes no fault.
    """
    means = _Means(contract, members, steps)

    @st.composite
    def schedule(draw: Draw) -> Schedule:
        plot = means.plot(draw(means.casts), draw(means.rooms))
        moves = plot.opening(draw, steps - 1)
        for phrase in draw(plot.phrases):
            moves += phrase
        return Schedule(plot.cast, plot.rooms, _lay_out(moves, steps, means.keeping_down), draw(means.watches))

    return schedule()


def under_other_faults(contract: Contract, schedule: Schedule) -> list[Schedule]:
    """The story of a drawn schedule with each fault on a link exchanged for another, one kind always for the same one.

    As many as the contract lists kinds besides the story's own, those that follow in the catalogue first; none where no
    link has a fault. Steps that cannot be under the other fault are left out, as where schedules are drawn.
    """
    kinds = _kinds(contract)
    moves = [(step.when.offset, step.act) for step in schedule.steps]
    if not any(isinstance(act, Fault) and act.kind in kinds for _, act in moves):
        return []
    return [
        replace(schedule, steps=_lay_out([(gap, _exchanged(act, kinds, by)) for gap, act in moves], len(moves),
                                         _keeping_down(kinds)))
        for by in range(1, len(kinds))
    ]  # fmt: skip


def with_one_more(
    contract: Contract, schedule: Schedule, told: Trace, wanted: Callable[[Triple], bool]
) -> Iterator[tuple[Schedule, Triple]]:
    """The story of a drawn schedule with one act more, where that act would meet a wanted triple, and which one.

    `told` is what is expected of the schedule. The act comes in the middle of a stretch in which nothing else happens.
    It meets the triple itself, or another device of its user does, by what is told after the act.
    """
    links = Links()
    done = [record for record in told.records if isinstance(record, Called | Faulted | Healed)]
    begins = [record.at.lo for record in done]
    settled = [_settled(contract, told, record) for record in done]
    moves = [(step.when.offset, step.act) for step in schedule.steps]
    user = {member.name: member.user for member in schedule.members}
    taken = 0
    acts_at = cache(lambda place: tuple(_acts(contract, schedule, place)))  # whatever its state

    def longer(acts: int, gap: int, act: Act) -> Schedule:
        after = [(later - gap, move) for later, move in moves[acts : acts + 1]]
        more = [*moves[:acts], (gap, act), *after, *moves[acts + 1 :]]
        return replace(schedule, steps=_lay_out(more, len(more), _keeping_down(_kinds(contract))))

    for begin, end, acts, places in stretches(contract, told):
        for step in schedule.steps[taken:acts]:
            links.take(step.act)
        taken = acts
        free = max(begin, settled[acts - 1])
        if free >= end:
            continue
        gap = free + (end - free) // 2 - begins[acts - 1]
        for place in places:
            twins = [p for p in places if p.told and p.member != place.member and user[p.member] == user[place.member]]
            for cause, act in acts_at(place._replace(state="", fault="")):
                if not links.allow(act):
                    continue
                if wanted(Triple(place.state, cause, place.fault)):
                    yield longer(acts, gap, act), Triple(place.state, cause, place.fault)
                for other in _others(contract, act) if twins else ():
                    name = cause if isinstance(other, Call | Admin) else ""
                    args = other.args if isinstance(other, Call) else None
                    for state in contract.connection.led_to(place.state, _ARMS[type(other)], name, args):
                        met = (Triple(twin.state, f"twin {state}", twin.fault) for twin in twins)
                        found = next((triple for triple in met if wanted(triple)), None)
                        if found is not None:
                            yield longer(acts, gap, other), found


def _settled(contract: Contract, told: Trace, record: Called | Faulted | Healed) -> int:
    """When the step that did this has settled: none begins before."""
    if not isinstance(record, Called) or not contract.operations[record.operation].settles:
        return record.at.lo
    operation = contract.operations[record.operation]
    latest = record.at.lo + operation.settle_within
    room = [told.rooms[str(record.args[name])] for name in operation.rooms][-1:]
    mine = [t for t in told.records if isinstance(t, Told) and t.member == record.member and t.at.lo >= record.at.lo]
    mine = [t for t in mine if _room(contract, t) in ([], room)]
    ends = (t.at.lo for t in mine if contract.connection.state(t.callback, t.fields) in operation.settles)
    return min(next(ends, latest), latest)


def _room(contract: Contract, told: Told) -> list[str]:
    path = contract.callbacks[told.callback].room
    return extract(path, told.fields)[:1] if path else []


def _acts(contract: Contract, schedule: Schedule, place: Place) -> Iterator[tuple[str, Act]]:
    """What can be done to this member in this room, by the names of causes."""
    user = next(member.user for member in schedule.members if member.name == place.member)
    for operation in contract.operations.values():
        if operation.name in contract.lacks:
            continue
        defaults = {name: lawful[0] for name, lawful in operation.args.items()}
        for argument in operation.rooms:
            others = [room for room in schedule.rooms if room != place.room]
            rooms = {argument: place.room}
            rooms |= zip((a for a in operation.rooms if a != argument), others, strict=False)
            if len(rooms) < len(operation.rooms):
                continue
            if operation.admin:
                yield operation.name, Admin(operation.name, rooms | dict.fromkeys(operation.users, user) | defaults)
            else:
                name = operation.name if len(operation.rooms) == 1 else f"{operation.name}.{argument}"
                yield name, Call(place.member, operation.name, rooms | defaults)
    if not place.told:
        return
    for kind in _kinds(contract):
        yield kind.value, Fault(place.member, kind)
    if FaultKind.SERVER_RESTART in contract.faults:
        yield FaultKind.SERVER_RESTART.value, Fault(None, FaultKind.SERVER_RESTART)
    yield "heal", Heal(place.member)


def _others(contract: Contract, act: Act) -> Iterator[Act]:
    """The act, and a call with another value of each of its arguments."""
    yield act
    if isinstance(act, Call):
        for name, values in contract.operations[act.operation].args.items():
            yield from (replace(act, args={**act.args, name: value}) for value in values[1:])


def _exchanged(act: Act, kinds: list[FaultKind], by: int) -> Act:
    if isinstance(act, Fault) and act.kind in kinds:
        return replace(act, kind=kinds[(kinds.index(act.kind) + by) % len(kinds)])
    return act


def _kinds(contract: Contract) -> list[FaultKind]:
    """What the contract lists of faults on a link."""
    return [kind for kind in FaultKind if kind in contract.faults and kind is not FaultKind.SERVER_RESTART]


def _keeping_down(kinds: Sequence[FaultKind]) -> FaultKind | None:
    """What may be added to a link that is down already."""
    return next((kind for kind in kinds if EFFECT[kind] is Effect.DOWN), None)


def _lay_out(moves: Sequence[Move], most: int, keeping_down: FaultKind | None) -> tuple[Step, ...]:
    """The moves as steps, as far as the links allow them."""
    links = Links()
    steps: list[Step] = []
    for gap, move in moves:
        act = _fit(move, links, keeping_down)
        if act is not None and len(steps) < most:
            links.take(act)
            before = steps[-1].label if steps else None
            steps.append(Step(act, When(before, gap if before else 0), f"S{len(steps) + 1}"))
    return tuple(steps)


def _fit(move: Act | Toggle, links: Links, keeping_down: FaultKind | None) -> Act | None:
    """The act that the move is now; None if it cannot be."""
    if isinstance(move, Toggle):
        move = Heal(move.member) if move.member in links.faulted else Fault(move.member, move.kind)
    if isinstance(move, Fault) and keeping_down and not links.allow(move):
        move = Fault(move.member, keeping_down)
    return move if links.allow(move) else None


class _Means:
    """What can be drawn, prepared once for a contract."""

    def __init__(self, contract: Contract, members: int, steps: int) -> None:
        self.phrases = max(1, 5 * steps // 8)
        operations = [o for o in contract.operations.values() if o.name not in contract.lacks]
        self.calls = [o for o in operations if not o.admin]
        self.admin = [o for o in operations if o.admin]
        self.entries = [o for o in self.calls if o.name in entries(contract)]
        self.kinds = _kinds(contract)
        self.keeping_down = _keeping_down(self.kinds)
        self.server = FaultKind.SERVER_RESTART in contract.faults
        if not (operations or self.kinds or self.server):
            raise UsageError(f"{contract.spec}: nothing can happen in this room: it lacks every operation, every fault")
        if contract.serverless:
            raise UsageError(f"{contract.spec}: there is no {contract.serverless}, so nothing can be searched")
        tables = times(contract)
        self.gaps = st.one_of([st.sampled_from(part) for part in _parts(tables.gaps)])
        self.moments = st.sampled_from(tables.moments)
        self.pauses = st.sampled_from(tables.pauses)
        self.watches = st.sampled_from(tables.watches)
        self.longest = tables.watches[-1]
        needed = [len(o.rooms) for o in operations]
        least, most = min(needed, default=1), max([MOST_ROOMS, *needed])
        self.rooms = st.sampled_from([_rooms(n) for n in (1, 1, 2, 2, *range(3, most + 1)) if n >= least])
        casts = [cast for cast in _casts(members) if len(cast) <= members]
        one_each = SECOND_SESSION in contract.lacks
        self.casts = st.sampled_from([c for c in casts if not one_each or len({m.user for m in c}) == len(c)])
        self._plots: dict[tuple[tuple[Member, ...], tuple[str, ...]], _Plot] = {}

    def plot(self, cast: tuple[Member, ...], rooms: tuple[str, ...]) -> "_Plot":
        key = (cast, rooms)
        if key not in self._plots:
            self._plots[key] = _Plot(self, cast, rooms)
        return self._plots[key]


def _parts(table: Sequence[int]) -> list[Sequence[int]]:
    """The table in at most EVEN parts, in its order."""
    length = -(-len(table) // EVEN)
    return [table[i : i + length] for i in range(0, len(table), length)]


def _rooms(count: int) -> tuple[str, ...]:
    return ("R", *(f"R{n}" for n in range(2, count + 1)))


def _casts(most: int) -> list[tuple[Member, ...]]:
    """Who may be there, the simplest first; A2 is a second member of the user A."""
    named = ["A", *["A B"] * 7, *["A A2"] * 2, *["A B C"] * 3, *["A B A2"] * 4, "A B C D", "A B C A2", "A B A2 B2"]
    named += [" ".join(ascii_uppercase[:n]) for n in range(5, min(most, 26) + 1)]
    return [tuple(Member(name, name[0]) for name in names.split()) for names in named]


def entries(contract: Contract) -> frozenset[str]:
    """The operations by which a member comes in: from the initial state by one call to where it hears of others.

    In a contract without views about others: to any other state.
    """
    own = contract.connection
    inside = {state for view in contract.views if view.hearing for state in view.hearing.states} or {*own.told}
    inside -= {own.initial}
    calls = (name for name, operation in contract.operations.items() if not operation.admin)
    return frozenset(n for n in calls if not inside.isdisjoint(own.led_to(own.initial, CauseKind.CALL, n)))


class _Plot:
    """What can happen among these members in these rooms. Each phrase draws its own moves."""

    def __init__(self, means: _Means, cast: tuple[Member, ...], rooms: tuple[str, ...]) -> None:
        self.cast = cast
        self.rooms = rooms
        self.users = st.sampled_from(list(dict.fromkeys(member.user for member in cast)))
        self.gaps = means.gaps
        self.moments = means.moments
        self.pauses = means.pauses
        self.kinds = st.sampled_from(means.kinds)
        self.members = st.sampled_from([member.name for member in cast])
        self.places = {n: st.sampled_from(_places(rooms, n)) for n in range(len(rooms) + 1)}
        calls, entry, admin = (
            [o for o in group if len(o.rooms) <= len(rooms)] for group in (means.calls, means.entries, means.admin)
        )
        self.entries = st.sampled_from(entry)
        self.calls = st.sampled_from(calls)
        self.admin = st.sampled_from(admin)
        self.calling, self.entering = bool(calls), bool(entry)
        self.acts = {operation.name: operation.users for operation in admin}
        self.user = {member.name: member.user for member in cast}
        self.beside = {name: st.sampled_from(self._beside_whom(name, admin=bool(admin))) for name in self.user}
        self.longest = means.longest
        self.enters = st.sampled_from([False] + [True] * 9 * bool(entry))
        phrase = self._phrases(self._shapes(means, calls=bool(calls), admin=bool(admin)))
        self.phrases = st.lists(phrase, min_size=1, max_size=means.phrases)

    def _shapes(self, means: _Means, *, calls: bool, admin: bool) -> list[Callable[[Draw], list[Move]]]:
        """The phrases, the simplest first, each as often as it is likely."""
        faults = bool(means.kinds)
        weights = {
            self.call: 15 * calls,
            self.toggle: 12 * faults,
            self.act: 6 * admin,
            self.outage: 15 * faults,
            self.around_call: 9 * (calls and faults),
            self.around_act: 3 * (admin and faults),
            self.around: 6 * calls,
            self.meanwhile: 9 * faults * (calls or admin),
            self.for_long: 3 * faults,
            self.pile: 3 * faults,
            self.overlap: 6 * (faults and len(self.cast) > 1),
            self.flap: 6 * faults,
            self.restart: 1 * means.server,
        }
        return [shape for shape, weight in weights.items() for _ in range(weight)]

    def _beside_whom(self, name: str, *, admin: bool) -> list[str | None]:
        """Who does something while this member is away; None: the backend. The user's other devices more often."""
        twins = [
            other for other in self.user if other != name and self.user[other] == self.user[name] and self.entering
        ]
        others = [other for other in self.user if other != name and other not in twins and self.calling]
        backend = [None] * max(1, len(others)) if admin else []
        return [*others, *twins * MOSTLY, *backend] or [name]

    def _phrases(self, shapes: Sequence[Callable[[Draw], list[Move]]]) -> st.SearchStrategy[list[Move]]:
        sampled = st.sampled_from(shapes)

        @st.composite
        def phrase(draw: Draw) -> list[Move]:
            return draw(sampled)(draw)

        return phrase()

    def opening(self, draw: Draw, most: int) -> list[Move]:
        """Most members enter a room, one after the other."""
        moves: list[Move] = []
        for member in self.cast[:most]:
            again = member.user != member.name  # another device of a user, which would throw the first one out
            if draw(self.enters) and not (again and draw(st.booleans())):
                moves.append((draw(self.pauses), self._entry(draw, member.name)))
        return moves

    def arguments(self, draw: Draw, operation: Operation) -> dict[str, Any]:
        """A value for each argument; rooms that differ, and the default more often than all the rest."""
        values: dict[str, Any] = dict(zip(operation.rooms, draw(self.places[len(operation.rooms)]), strict=True))
        values |= {name: draw(self.users) for name in operation.users}
        return values | {name: draw(_mostly_first(lawful)) for name, lawful in operation.args.items()}

    def call(self, draw: Draw) -> list[Move]:
        return [(draw(self.gaps), self._call(draw, draw(self.members)))]

    def act(self, draw: Draw) -> list[Move]:
        return [(draw(self.gaps), self._act(draw))]

    def toggle(self, draw: Draw) -> list[Move]:
        return [(draw(self.gaps), self._toggle(draw))]

    def outage(self, draw: Draw) -> list[Move]:
        """A fault and its heal, or a heal and the next fault."""
        toggle = self._toggle(draw)
        return [(draw(self.gaps), toggle), (draw(self.gaps), toggle)]

    def around_call(self, draw: Draw) -> list[Move]:
        """A fault or a heal a moment before or after a call of the same member."""
        toggle = self._toggle(draw)
        return self._beside(draw, toggle, self._call(draw, str(toggle.member)))

    def around_act(self, draw: Draw) -> list[Move]:
        return self._beside(draw, self._toggle(draw), self._act(draw))

    def around(self, draw: Draw) -> list[Move]:
        """A call of a member, and a moment before or after it another one, or an act of the backend upon its user."""
        member = draw(self.members)
        upon = bool(self.acts) and draw(st.booleans())
        other: Act = self._upon(draw, member) if upon else self._call(draw, member)
        return self._beside(draw, other, self._call(draw, member))

    def meanwhile(self, draw: Draw) -> list[Move]:
        """An outage, during which another member calls, the user's other device enters, or the backend acts upon it."""
        toggle = self._toggle(draw)
        member = str(toggle.member)
        who = draw(self.beside[member])
        if who is None:
            act: Act = self._upon(draw, member)
        elif who != member and self.user[who] == self.user[member]:
            act = self._entry(draw, who)
        else:
            act = self._call(draw, who)
        return [(draw(self.gaps), toggle), (draw(self.gaps), act), (draw(self.gaps), toggle)]

    def for_long(self, draw: Draw) -> list[Move]:
        """An outage that outlasts every limit, and a call after it."""
        toggle = self._toggle(draw)
        call = (
            [(draw(self.moments), self._call(draw, str(toggle.member)))] if self.calling and draw(st.booleans()) else []
        )
        return [(draw(self.gaps), toggle), (self.longest, toggle), *call]

    def pile(self, draw: Draw) -> list[Move]:
        """A fault, whatever the link already has."""
        return [(draw(self.gaps), Fault(draw(self.members), draw(self.kinds)))]

    def overlap(self, draw: Draw) -> list[Move]:
        """Two members a moment apart."""
        return [(draw(self.gaps), self._toggle(draw)), (draw(self.moments), self._toggle(draw))]

    def flap(self, draw: Draw) -> list[Move]:
        """Up and down again and again, moments apart."""
        toggle = self._toggle(draw)
        times = draw(_FLAPS)
        return [(draw(self.gaps), toggle), *((draw(self.moments), toggle) for _ in range(2 * times - 1))]

    def restart(self, draw: Draw) -> list[Move]:
        server = Toggle(None, FaultKind.SERVER_RESTART)
        return [(draw(self.gaps), server), (draw(self.gaps), server)]

    def _call(self, draw: Draw, member: str) -> Call:
        operation = draw(self.calls)
        return Call(member, operation.name, self.arguments(draw, operation))

    def _entry(self, draw: Draw, member: str) -> Call:
        operation = draw(self.entries)
        return Call(member, operation.name, self.arguments(draw, operation))

    def _act(self, draw: Draw) -> Admin:
        operation = draw(self.admin)
        return Admin(operation.name, self.arguments(draw, operation))

    def _upon(self, draw: Draw, member: str) -> Admin:
        """An act of the backend upon this member's user."""
        act = self._act(draw)
        return replace(act, args={**act.args, **dict.fromkeys(self.acts[act.operation], self.user[member])})

    def _toggle(self, draw: Draw) -> Toggle:
        return Toggle(draw(self.members), draw(self.kinds))

    def _beside(self, draw: Draw, *acts: Act | Toggle) -> list[Move]:
        first, second = acts if draw(st.booleans()) else acts[::-1]
        return [(draw(self.gaps), first), (draw(self.moments), second)]


_FLAPS = st.integers(2, FLAPS)


@lru_cache(256)
def _mostly_first(lawful: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from([lawful[0]] * (MOSTLY * len(lawful[1:]) or 1) + list(lawful[1:]))


def _places(rooms: tuple[str, ...], count: int) -> list[tuple[str, ...]]:
    """Different rooms for so many arguments, the first ones more often."""
    orders = list(permutations(rooms, count))
    return [order for i, order in enumerate(orders) for _ in range(len(orders) - i)]
