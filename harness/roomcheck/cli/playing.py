"""What every command that plays something shares: its options, what they bind, and the reports around it."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from roomcheck.cli.ending import as_ours, cancelled_by_signals
from roomcheck.cli.files import REFERENCE, find_spec, read_spec, spec_names, spec_of
from roomcheck.cli.folder import held
from roomcheck.cli.going_on import going_on, some
from roomcheck.cli.known import KnownFile
from roomcheck.cli.shards import Shard, read_part, set_aside
from roomcheck.cli.speed import restarts_anywhere, scale_option
from roomcheck.cli.targets import open_target
from roomcheck.cluster import on_sockets, simulated
from roomcheck.errors import AdapterError, HarnessError, RoomcheckError, TargetError, UsageError
from roomcheck.faults import provision
from roomcheck.judge.coverage import Coverage
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, RunFooter, RunHeader
from roomcheck.reference import defects
from roomcheck.report.console import Console
from roomcheck.report.exitcode import exit_code
from roomcheck.report.html import Pictures, write_html
from roomcheck.report.junit import write_junit
from roomcheck.report.merge import Part, merged
from roomcheck.report.ndjson import StreamWriter
from roomcheck.report.traces import TraceFolder
from roomcheck.resources import node_kit
from roomcheck.run.hidden import secrets_of
from roomcheck.run.install import provide
from roomcheck.run.session import Plan
from roomcheck.simulate import Virtual, speaks
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import Spec
from roomcheck.spec.target import Target
from roomcheck.spread import Spread, here

DEFAULT_SPEC = "zego-express/room-status"
INTERRUPTED = 130
NOTHING_SET: Mapping[str, str] = {}
VIRTUAL = "none (virtual time)"


def _warn(text: str) -> None:
    click.echo(text, err=True)


_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option("--target", default=REFERENCE, show_default=True, metavar="NAME[@VERSION] | SERVER+CLIENT",
                 help="A target.yaml, its folder or a known name, with another version than it pins; or two parts."),
    click.option("--report-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("roomcheck-report"),
                 show_default=True, help="Where report.html, junit.xml, run.ndjson and traces/ go."),
    click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="The page for people, elsewhere."),
    click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="The JUnit file, elsewhere."),
    click.option("--junit-strict", is_flag=True, help="Leave out of the JUnit file what the strictest schema forbids."),
    click.option("--ndjson", type=click.Path(dir_okay=False, path_type=Path), help="The NDJSON stream, elsewhere."),
    click.option("--jobs", type=click.IntRange(1), help="Cases in flight at once."),
    scale_option(),
    click.option("--real-time", is_flag=True, help="Run with the documented times; the same as --scale 1."),
    click.option("--defect", metavar="NAME", help="Pass --defect NAME on to the target's programs: see a run fail."),
    click.option("--simulate", is_flag=True, help="In virtual time, on the reference or a model room: no sockets."),
    click.option("-q", "--quiet", is_flag=True, help="Only findings and the summary."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """The options that commands share, as they were given."""

    target: str = REFERENCE
    report_dir: Path = Path("roomcheck-report")
    html: Path | None = None
    junit: Path | None = None
    junit_strict: bool = False
    ndjson: Path | None = None
    jobs: int | None = None
    scale: float | None = None
    real_time: bool = False
    defect: str | None = None
    simulate: bool = False
    quiet: bool = True

    @property
    def words(self) -> list[str]:
        """Those that decide what is played, as a person writes them."""
        return [
            *([f"--target {self.target}"] if self.target != REFERENCE else []),
            *([f"--scale {self.scale:g}"] if self.scale else []),
            *(["--real-time"] if self.real_time else []),
            *([f"--defect {self.defect}"] if self.defect else []),
            *(["--simulate"] if self.simulate else []),
        ]


def playing(command: Callable[..., int]) -> Callable[..., Any]:
    """Gives a command the shared options, as its first argument `choice`."""

    def with_choice(**given: Any) -> int:
        choice = Choice(**{name: given.pop(name) for name in Choice.__dataclass_fields__})
        return command(choice, **given)

    with_choice.__doc__ = command.__doc__
    with_choice.__name__ = command.__name__
    wrapped: Callable[..., Any] = with_choice
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


@dataclass(frozen=True, slots=True)
class Bound:
    """A spec bound to a target: what can be played."""

    choice: Choice
    target: Target
    spec: Spec
    contract: Contract
    file: Path  # of the spec

    def plan(
        self, say: Callable[[str], None], traces: TraceFolder, *, jobs: int,
        repeat: Callable[[Case], str] | None = None, tell: Callable[[str], None] = _warn,
    ) -> Plan:  # fmt: skip
        """What starts the target, once Toxiproxy and all that the target needs are in place.

        `say` hears of what takes long, `tell` of where an adapter has to dial in.
        """
        extra = ("--defect", self.choice.defect) if self.choice.defect else ()
        toxiproxy = provision(say)
        return Plan(
            contract=self.contract, cases=(), target=provide(self.target, say), toxiproxy=toxiproxy, traces=traces,
            jobs=self.choice.jobs or jobs, adapter_extra=extra, server_extra=extra,
            repeat=repeat or (lambda case: " ".join(["roomcheck run", *self.choice.words, f"-k {case.id}"])),
            announce=lambda address, token: announce(address, token, tell),
            slower=self.at if self.paced else None,
        )  # fmt: skip

    @property
    def paced(self) -> bool:
        """Whether a run may choose its speed: nobody fixed it, and a second server can be started beside the first."""
        fixed = self.choice.real_time or self.choice.scale is not None or self.contract.scale <= 1
        return not fixed and restarts_anywhere(self.target)

    def at(self, scale: float) -> Contract:
        """The contract so many times faster than documented."""
        if scale == self.contract.scale:
            return self.contract
        return _bound(self.spec, self.target, scale)

    @classmethod
    def of(
        cls, choice: Choice, spec: str | None = None, constants: Mapping[str, str] = NOTHING_SET,
        fastest: float | None = None,
    ) -> "Bound":  # fmt: skip
        """Read both; UsageError or SpecError say what does not fit. `constants` go before the target's.

        `fastest` is the speed where nobody fixes one, in place of the target's.
        """
        if choice.real_time and choice.scale is not None:
            raise UsageError("--real-time and --scale exclude each other")
        target = open_target(choice.target)
        file = find_spec(spec) if spec else spec_of(target)
        loaded = read_spec(file)
        scale = 1.0 if choice.real_time else choice.scale or fastest or target.scale or 1.0
        target = replace(target, constants={**target.constants, **constants})
        return cls(choice, target, loaded, _bound(loaded, target, scale), file)

    def under(self, options: Mapping[str, str]) -> Contract:
        """The contract, if the target had these options instead of its own."""
        return _bound(self.spec, replace(self.target, options=options), self.contract.scale)

    def virtual(self, traces: TraceFolder | None = None) -> Virtual:
        """The reference room in virtual time, with the chosen defect; or a model room for another contract."""
        if self.choice.defect and not speaks(self.contract):
            raise UsageError(f"--defect is one of the reference room, which does not speak {self.contract.spec}")
        try:
            client, server = defects.client(self.choice.defect), defects.server(self.choice.defect)
        except LookupError as e:
            known = ", ".join(sorted(defects.DEFECTS))
            raise UsageError(f"unknown defect {self.choice.defect!r}; there are: {known}") from e
        virtual = Virtual(self.contract, client, server)
        if traces is not None:
            virtual.keep = traces.keep
        return virtual


def _bound(spec: Spec, target: Target, scale: float) -> Contract:
    return spec.bind(
        constants=target.constants, options=target.options, scale=scale, faults=target.faults, lacks=target.lacks,
        places=target.places,
    )  # fmt: skip


@dataclass(slots=True)
class Reports:
    """The stream, the console and the list that every result goes to."""

    stream: StreamWriter
    console: Console
    known: KnownFile | None = None
    results: list[CaseResult] = field(default_factory=list)

    def result(self, result: CaseResult) -> None:
        result = self.known.failures.mark(result) if self.known else result
        self.results.append(result)
        self.stream.result(result)
        self.console.case(result)


Work = Callable[[Any, Reports], Awaitable[None]]


def still_played(player: Any, reports: Reports) -> AbstractContextManager[None]:
    """In this block the console says every ten seconds what is still being played."""

    def text() -> str:
        names = [*getattr(player, "playing", ())]  # in virtual time nothing takes so long
        return f"{len(reports.results)} done, still played: {some(names)}" if names else ""

    return going_on(text, reports.console.goes_on)


def play(
    bound: Bound, work: Work, *, cases: int, repeat: Callable[[Case], str], jobs: int, every_trace: bool = True,
    coverage: Callable[[], Coverage | None] = lambda: None, known: KnownFile | None = None,
    shard: Shard | None = None, spread: Spread = here,
) -> int:  # fmt: skip
    """Open a player, do the work on it, and write the reports whatever happens; returns the exit code.

    `cases`: how many results are expected, 0 if that is not known. `repeat`: the command that repeats a case. `shard`:
    which part of a run this is; the reports hold the others that were played into the same folder, too. `spread`: it is
    played where this does its work.
    """
    choice = bound.choice
    with held(choice.report_dir):
        folder = choice.report_dir / "traces"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as e:
            raise UsageError(f"cannot write to {choice.report_dir}: {e}; choose another --report-dir") from e
        traces = TraceFolder(folder, every_trace)
        player: Any
        if choice.simulate:
            player = simulated(bound.virtual(traces), spread, lambda: traces.wants_conforming)
            toxiproxy = VIRTUAL
        else:
            say = (lambda _text: None) if choice.quiet else _warn
            plan = bound.plan(say, traces, jobs=jobs, repeat=repeat)
            player, toxiproxy = on_sockets(plan, spread), plan.toxiproxy.version
        header = header_of(bound, "", toxiproxy, cases, shard)
        return asyncio.run(_play(bound, player, work, header, traces, coverage, known, shard))


def together(bound: Bound, jobs: int, spread: Spread) -> int:
    """How many cases are played at once on sockets, by all who play."""
    asked = bound.choice.jobs or jobs
    slots, sessions = getattr(spread, "slots", asked), getattr(spread, "number", 1)
    return min(slots, sessions * (bound.target.jobs or slots))


async def _play(
    bound: Bound, player: Any, work: Work, header: RunHeader, traces: TraceFolder,
    coverage: Callable[[], Coverage | None], known: KnownFile | None, shard: Shard | None,
) -> int:  # fmt: skip
    began = time.monotonic()
    choice = bound.choice
    junit, ndjson = choice.junit or choice.report_dir / "junit.xml", choice.ndjson or choice.report_dir / "run.ndjson"
    html = choice.html or choice.report_dir / "report.html"
    try:
        for old in (junit, html):  # of a run before: if this one is killed, nobody must take them for its own
            if old.is_file():  # never a device, whoever we are
                old.unlink()
        others = set_aside(ndjson, shard) if shard else []
        stream_file = ndjson.open("w", encoding="utf-8")
    except OSError as e:
        raise UsageError(f"cannot write {ndjson}, or remove the reports of the run before: {e}") from e
    cancelled_by_signals()
    begun = interrupted = False
    failure: RoomcheckError | None = None
    console = Console(quiet=choice.quiet)
    with stream_file, console:
        reports = Reports(StreamWriter(stream_file), console, known)
        reports.stream.header(header)  # first of all: whatever kills this run, what it was about is known

        def on_room(room: str, toxiproxy: str) -> None:
            nonlocal header, begun
            header = replace(header, room=room, toxiproxy=toxiproxy)
            begun = True
            reports.stream.room(room, toxiproxy)
            console.start(header)

        player.on_room, player.on_case, player.on_tick = on_room, reports.result, console.tick
        player.on_speed = console.speed
        try:
            async with player.open():
                await work(player, reports)
            for stale in known.settle(reports.results) if known else ():
                reports.result(stale)
        except asyncio.CancelledError:
            interrupted = True
        except Exception as e:  # noqa: BLE001  whatever it was, what was judged until then is reported
            failure = as_ours(e)
        results = reports.results
        troubles: Sequence[RoomcheckError] = getattr(player, "troubles", ())  # in virtual time nothing dies
        judged = exit_code(results, {t.exit_code for t in troubles if isinstance(t, TargetError | AdapterError)})
        code = INTERRUPTED if interrupted else failure.exit_code if failure else judged
        late = player.lateness.percentile
        complete = not interrupted and failure is None
        worst = max([late(1.0), *(result.lateness for result in results)])  # a case counts what else was kept waiting
        died = tuple(map(str, troubles))
        footer = RunFooter(code, time.monotonic() - began, late(0.99), worst, complete, died)
        messages = [*died, *_unclosed(getattr(player, "unclosed", ())), *([str(failure)] if failure else [])]
        if known and known.update and not complete:
            messages.append(f"{known.path} is not updated: the run was not complete")
        # a report that cannot be written costs neither the other reports nor the summary
        try:
            reports.stream.footer(footer)
        except HarnessError as e:
            messages.append(str(e))
            footer = replace(footer, exit_code=e.exit_code)
        if not ndjson.exists():
            messages.append(f"{ndjson} was removed while the run wrote it")
            footer = replace(footer, exit_code=HarnessError.exit_code)
        whole: Part = header, results, footer
        for other in others:
            try:
                whole = merged([whole, read_part(other)])
            except (OSError, ValueError) as e:
                messages.append(f"the reports hold nothing of {other}: {e}")
        try:
            text = write_junit(*whole, strict=choice.junit_strict)
            junit.parent.mkdir(parents=True, exist_ok=True)
            junit.write_text(text, encoding="utf-8")
        except OSError as e:
            messages.append(f"cannot write {junit}: {e}; choose another --report-dir or --junit")
            footer = replace(footer, exit_code=HarnessError.exit_code)
        try:
            pictures = pictures_of(cache(bound.at), html.parent, traces.read(whole[1]))
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(write_html(*whole, pictures), encoding="utf-8")
        except OSError as e:
            messages.append(f"cannot write {html}: {e}; choose another --report-dir or --html")
            footer = replace(footer, exit_code=HarnessError.exit_code)
        if begun:
            console.covered(coverage())
            console.finish(results, footer, {"report": html, "JUnit": junit, "stream": ndjson, "traces": traces.folder})
        if console.lost:
            messages.append(console.lost)
            footer = replace(footer, exit_code=HarnessError.exit_code)
    for message in messages or ([] if begun else ["interrupted"]):
        click.echo(f"roomcheck: {message}", err=True)
    return footer.exit_code


def _unclosed(texts: Sequence[str]) -> Iterator[str]:
    """One line for all cases whose members an adapter did not close, which costs each of them seconds."""
    if texts:
        cases = "1 case" if len(texts) == 1 else f"{len(texts)} cases"
        yield f"members of {cases} were not closed; {texts[0].splitlines()[0]}: see `roomcheck doctor`"


def announce(address: str, token: str, tell: Callable[[str], None] = _warn) -> None:
    """Tell whoever starts the adapter of a target that says `dial: true`."""
    tell(
        "waiting for the adapter; start it with\n"
        f"  ROOMCHECK_DIAL={address} ROOMCHECK_TOKEN={token} ROOMCHECK_NODE_KIT={node_kit()}"
    )


def header_of(bound: Bound, room: str, toxiproxy: str, cases: int, shard: Shard | None = None) -> RunHeader:
    """What a run is, for its reports."""
    contract = bound.contract
    return RunHeader(
        target=" --defect ".join(filter(None, (bound.target.label, bound.choice.defect))),
        spec=contract.spec,
        revision=contract.revision,
        room=room,
        toxiproxy=toxiproxy,
        scale=contract.scale,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        roomcheck=version("roomcheck"),
        cases=cases,
        file="" if _ships(bound) else str(bound.file),
        unhidden=secrets_of(bound.target, contract).unhidden,
        shard=f"{shard[0]}/{shard[1]}" if shard else "",
        **told_of(contract),
        **source_of(bound.spec),
    )


def _ships(bound: Bound) -> bool:
    """Whether the spec's id means this very file; a copy may have the id of the one that it was made from."""
    spec = bound.contract.spec
    return spec in spec_names() and find_spec(spec).resolve() == bound.file.resolve()


def pictures_of(contract: Callable[[float], Contract] | None, folder: Path, traces: Mapping[str, Trace]) -> Pictures:
    """What a page in this folder draws, with links to the traces that hold where everything is moved together."""
    return Pictures(contract, traces, lambda file: Path(os.path.relpath(file, folder)).as_posix())


def told_of(contract: Contract) -> Mapping[str, Any]:
    """What the reports say of a contract's requirements."""
    named: Sequence[tuple[str, str]] = (("sentences", "says"), ("levels", "level"), ("cites", "cite"))
    return {key: {r.id: getattr(r, name) for r in contract.requirements.values()} for key, name in named}


def source_of(spec: Spec) -> Mapping[str, Any]:
    """What the reports say of a spec and of the document that it was written from."""
    source = spec.shape.source
    inferred = tuple(name for name, r in spec.shape.requirements.items() if r.inferred)
    told = {"document": source.document, "url": source.url or ""} if source else {}
    return {"title": spec.title, "inferred": inferred, **told}
