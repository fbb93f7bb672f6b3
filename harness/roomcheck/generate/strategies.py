"""Schedules by chance: an opening in which members enter, then phrases of faults, heals, calls and admin acts.

A phrase is one to four steps that belong together: an outage, a call with a fault a moment before or after it, a link
that flaps, an outage of two members at once, a fault upon a fault. Phrases are drawn without regard to each other, so
that Hypothesis can delete any; afterwards they are laid out along the links as they then are: a member whose link has
a fault is healed where it would have been faulted, and what may not come there is left out. Each step begins a gap
after the step before, so that a deleted step leaves the rest as it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import permutations
from string import ascii_uppercase
from typing import Any

from hypothesis import strategies as st

from roomcheck.errors import UsageError
from roomcheck.generate.links import Act, Move, Toggle, keeping_down, kinds_on_links, lay_out
from roomcheck.generate.times import times
from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Member, Schedule
from roomcheck.spec.contract import SECOND_SESSION, CauseKind, Contract
from roomcheck.spec.interface import Operation

FLAPS = 3  # outages in a row
TURNS = 4  # calls in a row
# Hypothesis draws evenly from so many things; of more than 255 it prefers the first (6.170: 48 % from a tenth). And of
# more than a hundred it prefers those whose number stands as a literal in some module that happens to be loaded, which
# nothing switches off: the same seed would give other schedules in another process.
EVEN = 100
MOSTLY = 3  # the default of an argument is so many times as likely as another value
ELSEWHERE = 7  # of a hundred phrases, where a user has two devices
MOST_ROOMS = 3  # more only where an operation needs more at once

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
        return Schedule(plot.cast, plot.rooms, lay_out(moves, steps, means.keeping_down), draw(means.watches))

    return schedule()


class _Means:
    """What can be drawn, prepared once for a contract."""

    def __init__(self, contract: Contract, members: int, steps: int) -> None:
        self.phrases = max(1, 5 * steps // 8)
        operations = [o for o in contract.operations.values() if o.name not in contract.lacks]
        self.calls = [o for o in operations if not o.admin]
        self.admin = [o for o in operations if o.admin]
        self.entries = [o for o in self.calls if o.name in entries(contract)]
        self.kinds = kinds_on_links(contract)
        self.keeping_down = keeping_down(self.kinds)
        self.server = FaultKind.SERVER_RESTART in contract.faults
        if not (operations or self.kinds or self.server):
            raise UsageError(f"{contract.spec}: nothing can happen in this room: it lacks every operation, every fault")
        if contract.serverless:
            raise UsageError(f"{contract.spec}: there is no {contract.serverless}, so nothing can be searched")
        tables = times(contract)
        self.gaps = st.one_of([st.sampled_from(part) for part in _parts(tables.gaps)])
        self.moments = st.sampled_from(tables.moments)
        self.whiles = st.sampled_from(tables.moments[len(tables.moments) // 2 :])
        self.pauses = st.sampled_from(tables.pauses)
        self.watches = st.sampled_from(tables.watches)
        self.longest = tables.watches[-1]
        needed = [len(o.rooms) for o in operations]
        # where a callback about oneself names no room, nobody can say of which of two it is
        told = [contract.callbacks[name] for name in contract.connection.callbacks]
        usual = MOST_ROOMS if all(callback.room for callback in told) else 1
        least, most = min(needed, default=1), max([usual, *needed])
        self.rooms = st.sampled_from([_rooms(n) for n in (1, 1, 2, 2, *range(3, most + 1)) if least <= n <= most])
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
        self.whiles = means.whiles  # after what takes a moment itself, such as coming back
        self.pauses = means.pauses
        self.kinds = st.sampled_from(means.kinds)
        self.losses = st.sampled_from([kind for kind in means.kinds if EFFECT[kind] is Effect.DOWN] or means.kinds)
        self.members = st.sampled_from([member.name for member in cast])
        self.places = {n: st.sampled_from(_places(rooms, n)) for n in range(len(rooms) + 1)}
        calls, entry, admin = (
            [o for o in group if len(o.rooms) <= len(rooms)] for group in (means.calls, means.entries, means.admin)
        )
        self.entries = st.sampled_from(entry)
        self.calls = st.sampled_from(calls)
        self.admin = st.sampled_from(admin)
        self.widest = max((len(o.rooms) for o in calls), default=0)
        self.calling, self.entering = bool(calls), bool(entry)
        self.acts = {operation.name: operation.users for operation in admin}
        self.user = {member.name: member.user for member in cast}
        self.twins = {name: found for name in self.user if (found := self._twins(name))}
        self.beside = {name: st.sampled_from(self._beside_whom(name, admin=bool(admin))) for name in self.user}
        back: list[str | None] = [None] * bool(admin)  # what concerns who is back: its own call, or an act upon it
        self.after = {name: st.sampled_from([name] * bool(calls) + back) for name in self.user}
        self.longest = means.longest
        self.enters = st.sampled_from([False] + [True] * 9 * bool(entry))
        phrase = self._phrases(self._shapes(means, calls=bool(calls), admin=bool(admin)))
        self.phrases = st.lists(phrase, min_size=1, max_size=means.phrases)

    def _shapes(self, means: _Means, *, calls: bool, admin: bool) -> list[Callable[[Draw], list[Move]]]:
        """The phrases, the simplest first, each as often as it is likely."""
        faults = bool(means.kinds)
        weights = {
            self.call: 13 * calls,
            self.toggle: 7 * faults,
            self.act: 5 * admin,
            self.outage: (17 - ELSEWHERE * bool(self.twins)) * faults,
            self.elsewhere: ELSEWHERE * bool(self.twins) * faults,
            self.around_call: 9 * (calls and faults),
            self.around_act: 3 * (admin and faults),
            self.around: 6 * calls,
            self.in_turn: 6 * calls,
            self.meanwhile: 12 * faults * (calls or admin),
            self.for_long: 3 * faults,
            self.pile: 3 * faults,
            self.overlap: 5 * (faults and len(self.cast) > 1),
            self.flap: 7 * faults,
            self.restart: 1 * means.server,
        }
        shapes: list[Callable[[Draw], list[Move]]] = [shape for shape, weight in weights.items() for _ in range(weight)]
        assert len(shapes) <= EVEN
        return shapes

    def _beside_whom(self, name: str, *, admin: bool) -> list[str | None]:
        """Who does something while this member is away; None: the backend. The user's other devices more often."""
        twins = self._twins(name)
        others = [other for other in self.user if other != name and other not in twins and self.calling]
        backend = [None] * max(1, len(others)) if admin else []
        return [*others, *twins * MOSTLY, *backend] or [name]

    def _twins(self, name: str) -> list[str]:
        """The user's other devices, if they can enter."""
        same = [other for other in self.user if other != name and self.user[other] == self.user[name]]
        return same if self.entering else []

    def _phrases(self, shapes: Sequence[Callable[[Draw], list[Move]]]) -> st.SearchStrategy[list[Move]]:
        sampled = st.sampled_from(shapes)

        @st.composite
        def phrase(draw: Draw) -> list[Move]:
            return draw(sampled)(draw)

        return phrase()

    def opening(self, draw: Draw, most: int) -> list[Move]:
        """Most members enter a room, one after the other, and some a second one."""
        moves: list[Move] = []
        for member in self.cast[:most]:
            again = member.user != member.name  # another device of a user, which would throw the first one out
            if draw(self.enters) and not (again and draw(st.booleans())):
                moves.append((draw(self.pauses), self._entry(draw, member.name)))
        if len(self.rooms) > 1 and len(moves) < most and moves and draw(st.booleans()):
            moves.append((draw(self.pauses), self._entry(draw, draw(self.members))))
        return moves

    def arguments(
        self, draw: Draw, operation: Operation, likely: Callable[[tuple[Any, ...]], st.SearchStrategy[Any]]
    ) -> dict[str, Any]:
        """A value for each argument, as likely as this says; rooms that differ."""
        values: dict[str, Any] = dict(zip(operation.rooms, draw(self.places[len(operation.rooms)]), strict=True))
        values |= {name: draw(self.users) for name in operation.users}
        return values | {name: draw(likely(lawful)) for name, lawful in operation.args.items()}

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
        """A call of a member, and a moment before or after it another one, or an act of the backend upon its user.

        Who is thrown out is likely to enter again.
        """
        member = draw(self.members)
        upon = bool(self.acts) and draw(st.booleans())
        other: Act = self._upon(draw, member) if upon else self._call(draw, member)
        return self._beside(draw, other, self._call_or_entry(draw, member) if upon else self._call(draw, member))

    def in_turn(self, draw: Draw) -> list[Move]:
        """Calls of a member one after the other in one room, with good arguments and bad ones: any, or to enter."""
        member, rooms = draw(self.members), draw(self.places[self.widest])
        calls = self.entries if self.entering and draw(st.booleans()) else self.calls
        moves: list[Move] = []
        for _ in range(draw(_TURNS)):
            operation = draw(calls)
            there = dict(zip(operation.rooms, rooms, strict=False))
            arguments = self.arguments(draw, operation, _evenly) | there
            moves.append((draw(self.moments if moves else self.gaps), Call(member, operation.name, arguments)))
        return moves

    def meanwhile(self, draw: Draw) -> list[Move]:
        """An outage, and an act: of another member, the other device or the backend during it, or after it upon it."""
        toggle = self._toggle(draw)
        member = str(toggle.member)
        later = draw(st.booleans())
        who = draw(self.after[member] if later else self.beside[member])
        if who is None:
            act: Act = self._upon(draw, member)
        elif who != member and self.user[who] == self.user[member]:
            act = self._entry(draw, who)
        else:
            act = self._call(draw, who)
        if later:
            soon = draw(self.whiles if draw(st.booleans()) else self.gaps)
            return [(draw(self.gaps), toggle), (draw(self.gaps), toggle), (soon, act)]
        return [(draw(self.gaps), move) for move in (toggle, act, toggle)]

    def elsewhere(self, draw: Draw) -> list[Move]:
        """A member is away, perhaps as it has just entered; its user enters on another device; the member is back."""
        member = draw(st.sampled_from(list(self.twins)))
        other = draw(st.sampled_from(self.twins[member]))
        entry = self._entry(draw, member)
        again = replace(entry, member=other) if draw(_EITHER) else self._entry(draw, other)
        toggle = Toggle(member, draw(self.losses))
        moves: list[Act | Toggle] = [*([entry] if draw(_EITHER) else []), toggle, again, toggle]
        return [(draw(self.gaps), move) for move in moves]

    def for_long(self, draw: Draw) -> list[Move]:
        """An outage that outlasts every limit; the member may ask to enter as it begins, and call or enter after it."""
        toggle = self._toggle(draw)
        member = str(toggle.member)
        moves: list[Move] = [(draw(self.gaps), toggle)]
        if self.entering and draw(st.booleans()):
            moves.append((draw(self.moments), self._entry(draw, member)))
        moves.append((self.longest, toggle))
        if self.calling and draw(st.booleans()):
            moves.append((draw(self.whiles), self._call_or_entry(draw, member)))
        return moves

    def pile(self, draw: Draw) -> list[Move]:
        """A fault, whatever the link already has."""
        return [(draw(self.gaps), Fault(draw(self.members), draw(self.kinds)))]

    def overlap(self, draw: Draw) -> list[Move]:
        """Two members a moment apart."""
        return [(draw(self.gaps), self._toggle(draw)), (draw(self.moments), self._toggle(draw))]

    def flap(self, draw: Draw) -> list[Move]:
        """Up and down again and again, a moment apart or longer."""
        toggle = self._toggle(draw)
        moves: list[Move] = []
        for _ in range(draw(_FLAPS)):
            soon = bool(moves) and draw(_EITHER)
            moves.append((draw(self.whiles if soon else self.gaps), toggle))
            moves.append((draw(self.moments if draw(st.booleans()) else self.gaps), toggle))
        return moves

    def restart(self, draw: Draw) -> list[Move]:
        server = Toggle(None, FaultKind.SERVER_RESTART)
        return [(draw(self.gaps), server), (draw(self.gaps), server)]

    def _call(self, draw: Draw, member: str) -> Call:
        operation = draw(self.calls)
        return Call(member, operation.name, self.arguments(draw, operation, _mostly_first))

    def _entry(self, draw: Draw, member: str) -> Call:
        operation = draw(self.entries)
        return Call(member, operation.name, self.arguments(draw, operation, _mostly_first))

    def _call_or_entry(self, draw: Draw, member: str) -> Call:
        return self._entry(draw, member) if self.entering and draw(st.booleans()) else self._call(draw, member)

    def _act(self, draw: Draw) -> Admin:
        operation = draw(self.admin)
        return Admin(operation.name, self.arguments(draw, operation, _mostly_first))

    def _upon(self, draw: Draw, member: str) -> Admin:
        """An act of the backend upon this member's user."""
        act = self._act(draw)
        return replace(act, args={**act.args, **dict.fromkeys(self.acts[act.operation], self.user[member])})

    def _toggle(self, draw: Draw) -> Toggle:
        return Toggle(draw(self.members), draw(self.kinds))

    def _beside(self, draw: Draw, *acts: Act | Toggle) -> list[Move]:
        first, second = acts if draw(st.booleans()) else acts[::-1]
        return [(draw(self.gaps), first), (draw(self.moments), second)]


_EITHER = st.booleans()
_FLAPS = st.integers(2, FLAPS)
_TURNS = st.integers(2, TURNS)


@lru_cache(256)
def _mostly_first(lawful: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """The default more often than all the rest."""
    return st.sampled_from([lawful[0]] * (MOSTLY * len(lawful[1:]) or 1) + list(lawful[1:]))


@lru_cache(256)
def _evenly(lawful: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from(lawful)


def _places(rooms: tuple[str, ...], count: int) -> list[tuple[str, ...]]:
    """Different rooms for so many arguments, the first ones more often."""
    orders = list(permutations(rooms, count))
    return [order for i, order in enumerate(orders) for _ in range(len(orders) - i)]
