"""What the judge says of a trace, and what a run says of a case."""

from dataclasses import dataclass, field
from enum import StrEnum

from roomcheck.model.plain import Plain
from roomcheck.model.schedule import Schedule


class Outcome(StrEnum):
    """Of a check or a whole case. In a case the worst wins: violates, then inconclusive, then conforms."""

    CONFORMS = "conforms"
    VIOLATES = "violates"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"


class Blame(StrEnum):
    """Who a case that did not conform points at; LIST is that of known failures, which does not hold."""

    ROOM = "room"
    ADAPTER = "adapter"
    HARNESS = "harness"
    MACHINE = "machine"
    TARGET = "target"
    LIST = "known failures"


@dataclass(frozen=True, slots=True)
class Window(Plain):
    """When something may be received: from `opens` to `closes`, in microseconds."""

    what: str
    opens: int
    closes: int

    def since(self, start: int) -> "Window":
        """The same, counted from another moment."""
        return Window(self.what, self.opens - start, self.closes - start)


@dataclass(frozen=True, slots=True)
class Finding(Plain):
    """One refusal: in which view, at which moment (microseconds since the trace's first act), and why.

    `misses` are the reasons nearest first, each a sentence; `miss` is the nearest one's distance in microseconds.
    """

    requirement: str | None
    view: str
    at: int
    expected: str
    seen: str
    miss: int | None = None
    misses: tuple[str, ...] = ()
    where: str = ""  # file:line of the rule or entry
    window: Window | None = None  # since the first act too: of what never came, or came too early or too late


@dataclass(frozen=True, slots=True)
class Check(Plain):
    """One thing that was armed, and how it ended. `margin`: least distance to a window's edge, in microseconds."""

    requirement: str | None
    what: str
    outcome: Outcome
    reason: str = ""
    margin: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict(Plain):
    """`leniency` says where the spec is silent and the judge therefore let several futures pass."""

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
    leniency: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult(Plain):
    """How one case of a run ended. `blame` is None when it conformed or did not apply; `seconds` is wall time."""

    case: str  # spec/scenario/fault, unique in the run
    scenario: str
    title: str
    fault: str | None
    outcome: Outcome | None  # None: no verdict, see blame and message
    blame: Blame | None
    message: str
    verdict: Verdict | None
    seconds: float
    attempts: int
    requirements: tuple[str, ...] = ()
    file: str = ""
    line: int = 0
    trace_file: str = ""
    repeat: str = ""  # the command that repeats it
    lateness: int = 0
    scale: float | None = None  # how much faster than documented it was played when it was decided; None: as the run
    advice: str = ""  # what would have decided it
    log: tuple[str, ...] = ()
    schedule: Schedule | None = None
    known: str = ""  # why this violation is expected; the room breaks its contract all the same


@dataclass(frozen=True, slots=True)
class RunHeader(Plain):
    """What was run, on what; times of day as ISO 8601 text, handed in."""

    target: str
    spec: str
    revision: str
    room: str  # name and version that the adapter gave
    toxiproxy: str
    scale: float
    started: str
    roomcheck: str
    cases: int
    sentences: dict[str, str] = field(default_factory=dict)  # requirement id -> its sentence
    levels: dict[str, str] = field(default_factory=dict)
    cites: dict[str, str] = field(default_factory=dict)
    inferred: tuple[str, ...] = ()  # requirements that the document does not say itself
    title: str = ""  # of the spec
    document: str = ""  # that the spec was written from
    url: str = ""
    file: str = ""  # of the spec, where it does not ship with the package
    shard: str = ""  # 2/4, where it is a part of a run
    unhidden: tuple[str, ...] = ()  # secrets that may stand in the reports, each with the reason


@dataclass(frozen=True, slots=True)
class RunFooter(Plain):
    """The end of a run: exit code, seconds, worst and p99 lateness in microseconds; `complete` False after Ctrl-C.

    `died`: what died meanwhile and was started again, a line each; its cases were played once more.
    """

    exit_code: int
    seconds: float
    lateness_p99: int
    lateness_max: int
    complete: bool
    died: tuple[str, ...] = ()
