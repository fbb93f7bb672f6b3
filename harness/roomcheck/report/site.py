"""What many runs say together: who keeps which contract, and what changed. Values only; site_pages.py shows them.

An implementation is what streams call their target; its version is the name that the room gave. Of each case the
newest result counts, among the runs of the newest version and of the newest revision of the contract: so shards, a run
of some cases and one that was cut short add up, and what an older version did is history. What conforms, and violated
the contract in another run of the same version, is unsteady: that it went well last proves nothing.

A requirement is violated where it was the first finding of a case: what a room tells after it went wrong is neither
lawful nor unlawful on its own.

Nothing here depends on a clock or on the order in which the streams are given.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from roomcheck.model.verdict import CaseResult, Outcome, RunHeader
from roomcheck.report.console import NO_VERDICT, by_requirement, meaning
from roomcheck.report.explain import CUT_SHORT, EXPECTED, progress
from roomcheck.report.html import anchors, ended
from roomcheck.report.known import KNOWN_FAILURES
from roomcheck.report.merge import Part
from roomcheck.report.text import clipped, visible

FORMAT = 1
VIOLATES, INCONCLUSIVE = Outcome.VIOLATES.value, Outcome.INCONCLUSIVE.value
CONFORMS, NOT_APPLICABLE = Outcome.CONFORMS.value, Outcome.NOT_APPLICABLE.value
NOT_CHECKED = "not checked"
UNSTEADY = "unsteady"
ENDINGS = (
    VIOLATES,
    UNSTEADY,
    EXPECTED,
    NO_VERDICT,
    INCONCLUSIVE,
    CONFORMS,
    NOT_APPLICABLE,
    NOT_CHECKED,
)  # the first counts
NEVER_ANSWERED = "never answered"
UNNAMED = "(no requirement)"  # a violation of which the judge could not say what it breaks
ADDRESS = re.compile(r"https?://[!-~]+")  # what a page may link to
ID = 12  # digits of a run's name


@dataclass(frozen=True, slots=True)
class Stream:
    """A run as it was read, its traces as seen from its own folder in the site.

    `id` is made of its bytes, so that a run has the same address wherever and whenever it is shown.
    """

    id: str
    name: str
    part: Part


@dataclass(frozen=True, slots=True)
class Problem:
    """A stream that is not shown, or only in part, and why."""

    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A sentence of a contract, and where the document says it, or what it was inferred from."""

    id: str
    level: str
    says: str
    cite: str
    inferred: bool


@dataclass(frozen=True, slots=True)
class Contract:
    """What implementations are held against, in the newest revision that a run knew."""

    id: str
    title: str
    revision: str
    document: str
    url: str
    page: str
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """How a case ended last; of one that is unsteady, where it violated the contract last.

    It violated it in `violated` of the `played` runs of this version.
    """

    name: str
    title: str
    ending: str
    requirement: str  # that was broken first
    seen: str
    known: str
    violated: int
    played: int
    steps: int  # of its schedule
    run: str
    report: str  # its place in the run's report, with the picture
    trace: str
    repeat: str
    requirements: tuple[tuple[str, str], ...]  # each that it checked, and how that ended


@dataclass(frozen=True, slots=True)
class Cell:
    """A requirement of an implementation: how it ended, in `counts` of the `cases` that checked it; the one to see."""

    requirement: str
    ending: str
    count: int
    cases: int
    case: str
    report: str


@dataclass(frozen=True, slots=True)
class Change:
    """A case that ended otherwise than when it was last played before."""

    case: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run in an implementation's history. `added` counts cases that no run before had played."""

    id: str
    started: str
    version: str
    revision: str
    roomcheck: str
    toxiproxy: str
    scale: float
    shard: str
    ended: str
    complete: bool
    counts: dict[str, int]
    added: int
    changes: tuple[Change, ...]
    report: str


@dataclass(frozen=True, slots=True)
class Badge:
    """A line about a standing that a README can show; the colour is one that shields.io knows."""

    label: str
    message: str
    color: str
    file: str  # without its ending


@dataclass(frozen=True, slots=True)
class Standing:
    """How an implementation stands by a contract. `whole`: some run of this version was played to its end."""

    implementation: str
    contract: str
    version: str
    revision: str
    whole: bool
    counts: dict[str, int]  # of requirements
    badge: Badge
    cells: tuple[Cell, ...]  # as the contract's requirements, then those that it does not know any more
    cases: tuple[Case, ...]  # the worst first
    runs: tuple[Run, ...]  # the newest first


@dataclass(frozen=True, slots=True)
class Implementation:
    """A room with its client and server, as its runs name it."""

    name: str
    page: str


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that is shown."""

    format: int
    contracts: tuple[Contract, ...]
    implementations: tuple[Implementation, ...]
    standings: tuple[Standing, ...]
    problems: tuple[Problem, ...]


def site_of(streams: Iterable[Stream], problems: Sequence[Problem] = ()) -> Site:
    """All that these streams say. `problems` are those of streams that could not be read."""
    groups: dict[tuple[str, str], list[Stream]] = {}
    for stream in sorted(streams, key=_when):
        header = stream.part[0]
        groups.setdefault((header.spec, header.target), []).append(stream)
    contracts = {name: _contract(name, [s for (spec, _), g in groups.items() if spec == name for s in g])
                 for name in sorted({spec for spec, _ in groups})}  # fmt: skip
    standings = [_standing(name, contracts[spec], group) for (spec, name), group in sorted(groups.items())]
    names = sorted({name for _, name in groups})
    return Site(
        format=FORMAT,
        contracts=tuple(contracts.values()),
        implementations=tuple(Implementation(visible(n), f"implementations/{slug(n)}.html") for n in names),
        standings=tuple(standings),
        problems=tuple(sorted(problems, key=lambda p: (p.stream, p.text))),
    )


def name_of(header: RunHeader) -> str:
    """What a run is called where its stream is not at hand."""
    shard = f", part {header.shard}" if header.shard else ""
    return visible(f"{header.target} on {header.started}, {header.spec}{shard}")


def stream_id(content: bytes) -> str:
    """The name of a run: the same for the same bytes."""
    return hashlib.sha256(content).hexdigest()[:ID]


def slug(name: str) -> str:
    """A file's name for this one, safe wherever files are kept; no two names have the same."""
    plain = re.sub(r"[^a-z0-9_.-]+", "-", name.lower().replace("/", "."))[:60].strip(".-")
    if plain and plain == name.replace("/", ".") and "." not in name:
        return plain
    return f"{plain or 'x'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def report_of(run: str) -> str:
    """Where the report of a run is, as seen from the site."""
    return f"runs/{run}/report.html"


def _when(stream: Stream) -> tuple[str, str]:
    return stream.part[0].started, stream.id


def _contract(name: str, streams: Sequence[Stream]) -> Contract:
    """The requirements in the order of the document, as the newest stream tells it, then those of older revisions."""
    newest = max(streams, key=_when).part[0]
    return Contract(
        id=visible(name),
        title=clipped(newest.title),
        revision=visible(newest.revision),
        document=clipped(newest.document),
        url=newest.url if ADDRESS.fullmatch(newest.url) else "",
        page=f"contracts/{slug(name)}.html",
        requirements=tuple(
            Requirement(
                id=visible(key),
                level=visible(newest.levels.get(key, "")),
                says=clipped(says),
                cite=clipped(newest.cites.get(key, "")),
                inferred=key in newest.inferred,
            )
            for key, says in newest.sentences.items()
        ),
    )


def _standing(name: str, contract: Contract, streams: Sequence[Stream]) -> Standing:
    """`streams` from the oldest to the newest, all of this implementation and contract."""
    newest = next((s for s in reversed(streams) if s.part[0].room), streams[-1]).part[0]
    same = [s for s in streams if (s.part[0].room, s.part[0].revision) == (newest.room, newest.revision)]
    cases = _cases(same, last=streams[-1])
    known = [r.id for r in contract.requirements]
    others = sorted({r for c in cases for r, _ in c.requirements} - set(known))
    cells = tuple(_cell(requirement, cases) for requirement in (*known, *others))
    whole = _whole(same)
    counts = Counter(cell.ending for cell in cells)
    return Standing(
        implementation=visible(name),
        contract=contract.id,
        version=clipped(newest.room or NEVER_ANSWERED),
        revision=visible(newest.revision),
        whole=whole,
        counts={ending: counts[ending] for ending in ENDINGS if counts[ending]},
        badge=_badge(contract.id, f"{slug(name)}.{slug(contract.id)}", counts, cases, whole=whole),
        cells=cells,
        cases=tuple(sorted(cases, key=_weight)),
        runs=tuple(reversed(_history(streams))),
    )


def _weight(case: Case) -> tuple[int, int, str]:
    """The worst first, of these the shortest, as it is the easiest to understand."""
    return ENDINGS.index(case.ending), case.steps, case.name


def _whole(streams: Sequence[Stream]) -> bool:
    """Whether a run was played to its end: one that is no part of another, or all the shards of one."""
    done = [header.shard for header, _, footer in (s.part for s in streams) if footer and footer.complete]
    numbers: dict[str, set[str]] = {}
    for shard in done:
        number, _, count = shard.partition("/")
        numbers.setdefault(count, set()).add(number)
    return "" in numbers or any(len(found) >= int(count) for count, found in numbers.items() if count.isdecimal())


def _cases(streams: Sequence[Stream], last: Stream) -> list[Case]:
    """The newest result of each case; of those that tell of a list of known failures only the last run's."""
    newest: dict[str, tuple[Stream, CaseResult]] = {}
    broken: dict[str, tuple[Stream, CaseResult]] = {}  # the last time that it violated the contract
    played: Counter[str] = Counter()
    violated: Counter[str] = Counter()
    for stream in streams:
        for result in stream.part[1]:
            if result.scenario == KNOWN_FAILURES and stream is not last:
                continue
            newest[result.case] = stream, result
            played[result.case] += 1
            if result.outcome is Outcome.VIOLATES:
                violated[result.case] += 1
                broken[result.case] = stream, result
    places = {stream.id: anchors(stream.part[1]) for stream in streams}
    cases: list[Case] = []
    for name, (stream, result) in newest.items():
        shown, told = (stream, result) if result.outcome is not Outcome.CONFORMS else broken.get(name, (stream, result))
        case = _case(shown, told, places[shown.id][name], violated[name], played[name])
        if told is not result:
            seen = {visible(r): ending for r, ending in _checked(result).items()} | {case.requirement: UNSTEADY}
            case = replace(case, ending=UNSTEADY, requirements=tuple(seen.items()))
        cases.append(case)
    return cases


def _case(stream: Stream, result: CaseResult, place: str, violated: int, played: int) -> Case:
    first = result.verdict.findings[0] if result.verdict and result.verdict.findings else None
    return Case(
        name=visible(result.case.removeprefix(f"{stream.part[0].spec}/")),
        title=clipped(result.title),
        ending=ended(result),
        requirement=visible((first.requirement if first else None) or UNNAMED) if first else "",
        seen=clipped(result.message),
        known=clipped(result.known),
        violated=violated,
        played=played,
        steps=len(result.schedule.steps) if result.schedule else 0,
        run=stream.id,
        report=f"{report_of(stream.id)}#{place}",
        trace=f"runs/{stream.id}/{result.trace_file}" if result.trace_file else "",
        repeat=visible(result.repeat),
        requirements=tuple((visible(name), ending) for name, ending in _checked(result).items()),
    )


def _checked(result: CaseResult) -> dict[str, str]:
    """Requirement -> how it ended in this case; those that were broken after another one are left out."""
    first = result.verdict.findings[0].requirement if result.verdict and result.verdict.findings else None
    endings: dict[str, str] = {}
    for requirement, count in by_requirement([result]).items():
        (outcome,) = count
        if outcome is Outcome.VIOLATES and requirement != first:
            continue
        endings[requirement] = outcome.value if outcome else NO_VERDICT
        if outcome is Outcome.NOT_APPLICABLE and result.outcome is not outcome:
            endings[requirement] = NOT_CHECKED  # it would have applied; something else came first, or nothing asked
    if result.outcome is Outcome.VIOLATES:
        endings[first or UNNAMED] = EXPECTED if result.known else VIOLATES
    return endings


def _cell(requirement: str, cases: Sequence[Case]) -> Cell:
    """The worst of the cases that checked it; of those the first by name is the one to look at."""
    met = sorted(
        (ENDINGS.index(ending), c.name, c.report)
        for c in cases
        for name, ending in c.requirements
        if name == visible(requirement)
    )
    if not met:
        return Cell(visible(requirement), NOT_CHECKED, 0, 0, "", "")
    worst, case, report = met[0]
    looked = sum(index < ENDINGS.index(NOT_APPLICABLE) for index, _, _ in met) or len(met)
    return Cell(visible(requirement), ENDINGS[worst], sum(i == worst for i, _, _ in met), looked, case, report)


def _badge(label: str, file: str, counts: Mapping[str, int], cases: Sequence[Case], *, whole: bool) -> Badge:
    """How many requirements are kept. It is green only if nothing else is to be said."""
    asked = sum(counts[e] for e in ENDINGS if e in counts and e not in (NOT_APPLICABLE, NOT_CHECKED))
    said = [f"{counts[CONFORMS]} of {asked} kept"]
    said += [f"{counts[VIOLATES]} violated"] if counts.get(VIOLATES) else []
    said += [f"{counts[UNSTEADY]} unsteady"] if counts.get(UNSTEADY) else []
    said += [f"{counts[EXPECTED]} known failure{'s' * (counts[EXPECTED] != 1)}"] if counts.get(EXPECTED) else []
    bad = {case.ending for case in cases}
    if not asked:
        return Badge(label, "nothing checked", "lightgrey", file)
    if not whole:
        return Badge(label, ", ".join([*said, "not complete"]), "red" if VIOLATES in bad else "lightgrey", file)
    if VIOLATES in bad:
        color = "red"
    elif bad & {UNSTEADY, NO_VERDICT, INCONCLUSIVE}:
        color = "yellow"
    else:
        color = "orange" if EXPECTED in bad else "brightgreen"
    return Badge(label, ", ".join(said), color, file)


def _history(streams: Sequence[Stream]) -> list[Run]:
    """Each run, the oldest first, with what changed since each of its cases was played before."""
    before: dict[str, str] = {}
    runs: list[Run] = []
    for stream in streams:
        header, results, footer = stream.part
        now = {r.case: ended(r) for r in results if r.scenario != KNOWN_FAILURES}
        changes = [
            Change(visible(case.removeprefix(f"{header.spec}/")), before[case], after)
            for case, after in sorted(now.items())
            if before.get(case, after) != after
        ]
        counts = Counter(ended(r) for r in results)
        if footer is None:
            said = f"{CUT_SHORT}; {progress(header, results)}"
        else:
            said = f"{meaning(results, footer)} (exit code {footer.exit_code})"
            said += "" if footer.complete else f"; not complete: {progress(header, results)}"
        runs.append(
            Run(
                id=stream.id,
                started=visible(header.started),
                version=clipped(header.room or NEVER_ANSWERED),
                revision=visible(header.revision),
                roomcheck=visible(header.roomcheck),
                toxiproxy=visible(header.toxiproxy),
                scale=header.scale,
                shard=visible(header.shard),
                ended=said,
                complete=footer is not None and footer.complete,
                counts={ending: counts[ending] for ending in ENDINGS if counts[ending]},
                added=len(now.keys() - before.keys()),
                changes=tuple(changes),
                report=report_of(stream.id),
            )
        )
        before |= now
    return runs
