"""Which act may come when: the links as a schedule leaves them, step by step.

A link that is down can only be kept down, a heal needs a fault, and the backend of a server that is down answers
nobody. Whoever breaks one of these gets an error from the runner instead of a trace (faults/link.py, run/play.py).
A half-open link holds closes back, so that no other fault can break what is connected for both ends: until its heal it
takes none that would.
"""

from dataclasses import dataclass, field

from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Wait

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
