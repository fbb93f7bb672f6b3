"""Which act may come when: the links as a schedule leaves them, step by step.

A link that is down can only be kept down, a heal needs a fault, and the backend of a server that is down answers
nobody. Whoever breaks one of these gets an error from the runner instead of a trace (faults/link.py, run/play.py).
A half-open link holds closes back, so that no other fault can break what is connected for both ends: until its heal it
takes none that would.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Step, Wait, When
from roomcheck.spec.contract import Contract

Act = Call | Admin | Fault | Heal | Wait
HALF_OPEN = frozenset({FaultKind.HALF_OPEN_CLIENT_TOLD, FaultKind.HALF_OPEN_SERVER_TOLD})


@dataclass(slots=True)
class Links:
    """The faulted links and whether each is down; the member None is the server."""

    faulted: dict[str | None, bool] = field(default_factory=dict)
    half_open: set[str | None] = field(default_factory=set)

    def down(self, member: str | None) -> bool:
        """Whether nothing passes between the member and the server."""
        return None in self.faulted or self.faulted.get(member, False)

    def allow(self, act: Act) -> bool:
        """Whether the act may come now."""
        match act:
            case Fault(member=None) | Admin():
                return None not in self.faulted
            case Fault(member=member, kind=kind):
                effect = EFFECT[kind]
                if effect is Effect.BROKEN and member in self.half_open:
                    return False
                return effect is Effect.DOWN or not self.down(member)
            case Heal(member=member):
                return member in self.faulted
            case _:
                return True

    def take(self, act: Act) -> None:
        """The act happens."""
        match act:
            case Fault(member=member, kind=kind):
                self.faulted[member] = EFFECT[kind] is Effect.DOWN or self.faulted.get(member, False)
                if kind in HALF_OPEN:
                    self.half_open.add(member)
            case Heal(member=member):
                del self.faulted[member]
                self.half_open.discard(member)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Toggle:
    """A fault on a link that has none, else its heal."""

    member: str | None
    kind: FaultKind


Move = tuple[int, Act | Toggle]  # after a gap


def kinds_on_links(contract: Contract) -> list[FaultKind]:
    """What the contract lists of faults on a link."""
    return [kind for kind in FaultKind if kind in contract.faults and kind is not FaultKind.SERVER_RESTART]


def keeping_down(kinds: Sequence[FaultKind]) -> FaultKind | None:
    """What may be added to a link that is down already."""
    return next((kind for kind in kinds if EFFECT[kind] is Effect.DOWN), None)


def lay_out(moves: Sequence[Move], most: int, down: FaultKind | None) -> tuple[Step, ...]:
    """The moves as steps, as far as the links allow them."""
    links = Links()
    steps: list[Step] = []
    for gap, move in moves:
        act = _fit(move, links, down)
        if act is not None and len(steps) < most:
            links.take(act)
            before = steps[-1].label if steps else None
            steps.append(Step(act, When(before, gap if before else 0), f"S{len(steps) + 1}"))
    return tuple(steps)


def _fit(move: Act | Toggle, links: Links, down: FaultKind | None) -> Act | None:
    """The act that the move is now; None if it cannot be."""
    if isinstance(move, Toggle):
        move = Heal(move.member) if move.member in links.faulted else Fault(move.member, move.kind)
    if isinstance(move, Fault) and down and not links.allow(move):
        move = Fault(move.member, down)
    return move if links.allow(move) else None
