"""Results of every kind, and strings that try to break out of a report."""

from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.model.verdict import Blame, CaseResult, Check, Finding, Outcome, RunFooter, RunHeader, Verdict, Window

HOSTILE = (
    "\x1b[2J\x1b[31mred\x07",
    "[bold red]markup[/bold red][/]",
    "]]><failure message='x'/>",
    "a\nb\r\nc\td",
    "\x00\x08\ud800\ufffe\u202egnp.exe",
    "[[ATTACHMENT|/secret]]",
    ":bomb: & < > \" '",
)

HEADER = RunHeader(
    target="reference",
    spec="vendor/status",
    revision="2026-11",
    room="reference room 1.0",
    toxiproxy="2.12.0",
    scale=100.0,
    started="2026-11-24T02:00:00+00:00",
    roomcheck="0.1.0",
    cases=4,
    sentences={"R-1": "A lost link is told.", "R-2": "A returning member is announced.", "R-3": "Never looked at."},
    levels={"R-1": "must", "R-2": "should", "R-3": "may"},
    cites={"R-1": "Connection status, case 1"},
)
FOOTER = RunFooter(exit_code=1, seconds=3.25, lateness_p99=3_000, lateness_max=12_500, complete=True)

SCHEDULE = Schedule(
    members=(Member("A", "A"), Member("B", "B")),
    rooms=("R",),
    steps=(
        Step(Call("B", "login", {"room": "R"})),
        Step(Call("A", "login", {"room": "R"}), label="T0"),
        Step(Fault("A", FaultKind.CUT), When(None, 1_500_000), "T3"),
        Step(Heal("A"), When("T3", 2_000_000), "T5"),
        Step(Admin("kick", {"user": "A", "room": "R"}), When("T5", -100_000)),
        Step(Fault(None, FaultKind.SERVER_RESTART)),
        Step(Wait(), label="W"),
    ),
    watch=1_000_000,
)
FINDING = Finding(
    requirement="R-1",
    view="B about A",
    at=3_204_000,
    expected="DELETE within 1 s of T3",
    seen="DELETE came 1.204 s after T3, 204 ms too late",
    miss=204_000,
    misses=("DELETE came 1.204 s after T3, 204 ms too late", "ADD never came"),
    where="status.yaml:34",
    window=Window("DELETE after T3", 2_000_000, 3_000_000),
)
CHECKS = (
    Check("R-1", "B: DELETE", Outcome.VIOLATES),
    Check("R-2", "B: ADD", Outcome.CONFORMS, "", 20_000),
    Check("R-2", "B: ADD again", Outcome.NOT_APPLICABLE, "called off"),
)


def result(
    case: str = "vendor/status/back/cut",
    outcome: Outcome | None = Outcome.CONFORMS,
    *,
    blame: Blame | None = None,
    message: str = "",
    verdict: Verdict | None = None,
    requirements: tuple[str, ...] = ("R-1", "R-2"),
    schedule: Schedule | None = SCHEDULE,
    title: str = "Back after a cut",
    trace_file: str = "roomcheck-report/traces/back.cut.jsonl",
    log: tuple[str, ...] = (),
) -> CaseResult:
    return CaseResult(
        case=case,
        scenario=case.split("/")[2],
        title=title,
        fault=case.split("/")[3] if case.count("/") > 2 else None,
        outcome=outcome,
        blame=blame,
        message=message,
        verdict=verdict,
        seconds=0.1 + 0.2,
        attempts=1,
        requirements=requirements,
        file="specs/vendor/status.yaml",
        line=120,
        trace_file=trace_file,
        repeat=f"roomcheck run -k {case}",
        lateness=2_500,
        log=log,
        schedule=schedule,
    )


def good(case: str = "vendor/status/back/cut") -> CaseResult:
    checks = (Check("R-1", "B: DELETE", Outcome.CONFORMS), Check("R-2", "B: ADD", Outcome.CONFORMS))
    return result(case, verdict=Verdict(Outcome.CONFORMS, checks=checks, leniency=("R-2 leaves the order open",)))


def violating(case: str = "vendor/status/back/cut", finding: Finding = FINDING) -> CaseResult:
    verdict = Verdict(Outcome.VIOLATES, (finding,), CHECKS)
    return result(case, Outcome.VIOLATES, blame=Blame.ROOM, message=f"{finding.view}: {finding.seen}", verdict=verdict)


def doubtful(case: str = "vendor/status/back/stall") -> CaseResult:
    checks = (Check("R-1", "B: DELETE", Outcome.INCONCLUSIVE),)
    verdict = Verdict(Outcome.INCONCLUSIVE, (FINDING,), checks)
    return result(case, Outcome.INCONCLUSIVE, blame=Blame.MACHINE, message="B: too close", verdict=verdict)


def broken(case: str = "vendor/status/back/ghost", blame: Blame = Blame.ADAPTER) -> CaseResult:
    return result(case, None, blame=blame, message="the adapter died", log=("Traceback", "boom"))


def absent(case: str = "vendor/status/kick/cut") -> CaseResult:
    return result(case, Outcome.NOT_APPLICABLE, message="the target has no kick", schedule=None, trace_file="")


ALL = (good("vendor/status/join"), violating(), doubtful(), broken(), absent())


def hostile(text: str) -> CaseResult:
    """A violation whose every text came from a hostile room."""
    finding = Finding("R-1", text, 1, text, text, 1, (text, text + "2"), text)
    verdict = Verdict(Outcome.VIOLATES, (finding, finding), (Check("R-1", text, Outcome.VIOLATES, text),), (text,))
    return result(
        outcome=Outcome.VIOLATES, blame=Blame.ROOM, message=text, verdict=verdict, title=text, log=(text, text)
    )
