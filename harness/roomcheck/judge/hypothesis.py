"""The values that the judge passes around: hypotheses about one view, what they owe, and why they are rejected."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from roomcheck.model.time import Instant, show_duration
from roomcheck.model.verdict import Window
from roomcheck.spec.contract import Rule

MAX_HYPOTHESES = 1024  # more are not followed, and the view says nothing any more; random schedules peak at about 20
NEVER = 1 << 62
EMPTY: Mapping[str, Any] = {}
START = Instant(0, 0)


class Mode(Enum):
    """How a window's edge is read where the instants are uncertain."""

    NARROW = "narrow"
    WIDE = "wide"


class Truth(Enum):
    """Whether something was so when a call was made that overlaps what the member was told."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Reception(Enum):
    """Whether an observer can be told anything about others."""

    LIVE = "live"
    CUT_OFF = "cut off"  # its link is down or its list not yet due: anything may come, the list is checked afterwards
    OUT = "out"  # it is not in the room


# Looking a member up on its Enum costs 240 ns in Python 3.11, a global 20; these are looked up for every event.
LIVE, CUT_OFF, OUT = Reception


# Values: never changed once made. Not frozen, as making one would take 590 ns and not 160, and no NamedTuples, as
# reading a field would take 16 ns and not 4 (five fields, Python 3.11); both happen for every event.


@dataclass(slots=True)
class Obligation:
    """An armed rule: the cause's interval, and the later of cause and entry into the rule's `from`."""

    rule: Rule
    cause: Instant
    base: Instant
    args: Mapping[str, Any]
    call: int = -1


@dataclass(slots=True)
class InFlight:
    """An obligation that the room has surely decided, and the state it leads to once told."""

    obligation: Obligation
    to: str


@dataclass(slots=True)
class Hypothesis:
    """One lawful story. `called_off`: obligations that a change of the link cancels if it lasts until that moment."""

    state: str
    entry: Instant
    args: Mapping[str, Any]
    armed: tuple[Obligation, ...] = ()
    in_flight: tuple[InFlight, ...] = ()
    called_off: tuple[tuple[Obligation, int], ...] = ()

    @property
    def moved(self) -> str | None:
        """The state that was taken silently after what was decided last, of which the member is not told yet."""
        last = self.in_flight[-1] if self.in_flight else None
        return last.to if last is not None and last.to != last.obligation.rule.to else None

    @property
    def head(self) -> str:
        """The state after everything that is on its way."""
        return self.in_flight[-1].to if self.in_flight else self.state


class Rejection(NamedTuple):
    """Why a hypothesis was refused: the distance to what would have been lawful (microseconds), and the sentence.

    `expected`: what would have been lawful, where no rule says so.
    `window`: of what never came, or came too early or too late, in the trace's time.
    """

    miss: int
    text: str
    rule: Rule | None
    requirement: str | None = None
    expected: str = ""
    window: Window | None = None


class Debt(NamedTuple):
    """What may still come: the requirement that it is part of, and until when (microseconds; -1: not any more)."""

    requirement: str | None
    until: int


@dataclass(slots=True)
class LinkState:
    """The subject's link: down or up since an instant. `mute`: down, but the subject hears what the server sends."""

    down: bool
    since: Instant
    mute: bool = False

    @property
    def deaf(self) -> bool:
        """Whether nothing comes from the server."""
        return self.down and not self.mute


class Tally:
    """What became of one rule in one view: how often armed and met, and the least distance to an edge."""

    __slots__ = ("armed", "margin", "met")

    def __init__(self) -> None:
        self.armed = 0
        self.met = 0
        self.margin: int | None = None

    def note(self, margin: int) -> None:
        """A distance to an edge: the least is kept."""
        if self.margin is None or margin < self.margin:
            self.margin = margin


def later(a: Instant, b: Instant) -> Instant:
    """The later of two uncertain instants."""
    if a.lo >= b.lo:
        return a if a.hi >= b.hi else Instant(a.lo, b.hi)
    return b if b.hi >= a.hi else Instant(b.lo, a.hi)


def subsumes(a: Hypothesis, b: Hypothesis) -> bool:
    """Whether `a` subsumes `b`, in the same state with as many rules armed: whatever `b` accepts later, `a` accepts.

    It does if they differ at most in that `a` waits longer.
    """
    if a.in_flight != b.in_flight or a.called_off != b.called_off or a.args != b.args:
        return False
    if a.entry.lo < b.entry.lo or a.entry.hi < b.entry.hi:
        return False
    for p, q in zip(a.armed, b.armed, strict=True):
        if p is not q and (
            p.rule is not q.rule
            or p.call != q.call
            or p.cause != q.cause
            or p.args != q.args
            or p.base.lo < q.base.lo
            or p.base.hi < q.base.hi
        ):
            return False
    return True


def sort_of(h: Hypothesis) -> tuple[Any, ...]:
    """What `subsumes` wants to be equal of two hypotheses, as far as it can be hashed."""
    return h.state, tuple([(p.rule.id, p.call) for p in h.armed])


def without(armed: Iterable[Obligation], one: Obligation) -> tuple[Obligation, ...]:
    """All of these but this very one."""
    return tuple([p for p in armed if p is not one])


def staying(armed: Iterable[Obligation], state: str) -> tuple[Obligation, ...]:
    """Those whose rules stay armed when the view takes this state."""
    return tuple([p for p in armed if state in p.rule.armed_in])


def asked_with(given: Mapping[str, tuple[Any, ...]], args: Mapping[str, Any]) -> bool:
    """Whether the call that led here had what a rule wants of it."""
    for name, values in given.items():  # noqa: SIM110 - as above
        if args.get(name) not in values:
            return False
    return True


def came(at: Instant, cause: Instant, named: str, miss: int, mode: Mode, extra: int = 0, *, early: bool) -> str:
    """How long after its cause (`named` so) something came, and by how much that is wrong: by the bound that decides.

    Both bounds, and perhaps, where it would be right by the other. `extra`: what the machine may have taken.
    """
    least, most = max(0, at.lo - cause.hi), at.hi - cause.lo
    wrong = f"{show_duration(miss)} too {'early' if early else 'late'}"
    if mode is Mode.NARROW:
        when = f"{show_duration(least)} to {show_duration(most)}" if least < most else show_duration(most)
        return f"{when} after {named}, {'perhaps ' if least < most else ''}{wrong}"
    took = f" (this machine may have taken {show_duration(extra)} of it)" if extra and not early else ""
    return f"{show_duration(most if early else least)} after {named}{took}, {wrong}"


def fits(pattern: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    """Whether every field that the pattern names has that value."""
    for name, value in pattern.items():  # noqa: SIM110 - all() costs twice as much, for every callback
        if name not in fields or fields[name] != value:
            return False
    return True


def waiting(armed: Iterable[Obligation], at: Instant) -> tuple[Obligation, ...]:
    """These, with the time for them not before the state was told."""
    return tuple([Obligation(p.rule, p.cause, later(p.base, at), p.args, p.call) for p in armed])


def still_off(called_off: Iterable[tuple[Obligation, int]], state: str) -> tuple[tuple[Obligation, int], ...]:
    return tuple([c for c in called_off if state in c[0].rule.armed_in])
