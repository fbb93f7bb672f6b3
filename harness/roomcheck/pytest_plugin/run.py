"""What the plugin does once there is a target: binds it to a spec, collects, plays, and ends everything."""

import re
import shlex
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from roomcheck.cli.known import open_known
from roomcheck.cli.pinned import pinned
from roomcheck.cli.playing import Bound, Choice, header_of
from roomcheck.cli.run import JOBS, lacking
from roomcheck.errors import RoomcheckError
from roomcheck.model.schedule import Schedule
from roomcheck.model.verdict import CaseResult, Outcome, RunHeader
from roomcheck.prove import asked
from roomcheck.pytest_plugin.background import Background
from roomcheck.pytest_plugin.by_hand import Room
from roomcheck.pytest_plugin.cases import NOTHING, CaseItem, Cases, SpecCollector, part_of
from roomcheck.report.exitcode import checks
from roomcheck.report.explain import explain, headline
from roomcheck.report.traces import TraceFolder
from roomcheck.run.session import Session
from roomcheck.spec.case import Case
from roomcheck.spec.where import Where

ROOM: pytest.StashKey[Room] = pytest.StashKey()
NOTHING_DONE = Schedule((), (), (), 0)
LONGEST = 150  # characters of a test's name that its trace has in its name: file systems take 255 bytes
WHOLE, WORKERS = "roomcheck_whole", "workercount"  # keys of xdist's workerinput; the second one is its own


class RoomRun:
    """One run of pytest with a target."""

    def __init__(self, config: pytest.Config, bound: Bound, cases: Cases, words: str) -> None:
        self.config = config
        self.bound = bound
        self.cases = cases
        self.words = words  # a command that plays these cases
        self.background = Background(self._session, self._header, cases.known.lists)
        self.ids: frozenset[str] | None = frozenset()  # None: all cases
        self.by_hand: dict[str, str] = {}  # case of a hand-written test -> its nodeid
        self.skipped = self.judged = 0
        self.stuck = False  # the room did not start, and that was told
        self.lost = ""  # what went wrong at the end
        for requirement in bound.contract.requirements.values():
            config.addinivalue_line("markers", f"{requirement.id}: {requirement.says}")

    @classmethod
    def of(cls, config: pytest.Config) -> "RoomRun":
        """For the options that were given; pytest.UsageError says what does not fit."""
        target, spec = config.getoption("room_target"), config.getoption("room_spec")
        choice = Choice(target=target)
        try:
            bound = Bound.of(choice, spec)
            saved, unsaved = pinned(bound)
            known = open_known(
                None,
                bound.target,
                bound.contract.spec,
                whole=False,
                update=False,
                requirements=bound.contract.requirements,
            )
        except RoomcheckError as e:
            raise pytest.UsageError(str(e)) from e
        room = bound.target
        absent = (*bound.spec.not_applicable(room.options, room.faults, room.lacks), *unsaved)
        every = (*bound.contract.cases, *saved)
        cases = Cases(
            bound.contract.spec,
            bound.file.absolute(),
            every,
            {case.id: asked(bound.contract, case) for case in every},
            [lacking(bound.contract, *each) for each in absent],
            known.failures,
        )
        return cls(config, bound, cases, " ".join(["roomcheck run", *([spec] if spec else []), *choice.words]))

    # --- collecting -------------------------------------------------------------------------------------------------

    def pytest_report_header(self) -> str:
        contract = self.bound.contract
        speed = f"{contract.scale:g} times as fast as documented"
        text = f"room: {self.bound.target.name}, {contract.spec} {contract.revision}, {speed}"
        if not self._whole() and not self._named():
            text += f"; its cases are not among the paths: add {contract.spec}"
        return text

    def _named(self) -> list[str]:
        """The arguments that name the spec, or a case of it."""
        return [arg for arg in self.config.args if arg.split("::")[0] == self.cases.spec]

    def _whole(self) -> bool:
        """Without paths on the command line, everything is collected, the spec too."""
        given: dict[str, Any] = getattr(self.config, "workerinput", {})
        return bool(given.get(WHOLE, self.config.args_source is not pytest.Config.ArgsSource.ARGS))

    @property
    def asked(self) -> bool:
        """Whether any case is to be collected; known once collecting begins."""
        return self.ids is None or bool(self.ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Take what names the spec out of the paths, which pytest would look for on the disk."""
        named = self._named()
        ids = {arg.partition("::")[2] for arg in named}
        self.ids = None if "" in ids or (not named and self._whole()) else frozenset(ids)
        self.config.args[:] = [arg for arg in self.config.args if arg not in named]

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if isinstance(collector, pytest.Session) and report.passed and self.asked:
            spec = SpecCollector.from_parent(
                collector, name=self.cases.spec, nodeid=self.cases.spec, path=self.cases.file, cases=self.cases,
                player=self, ids=self.ids,
            )  # fmt: skip
            report.result = [*report.result, spec]
        return report

    # --- pytest-xdist -----------------------------------------------------------------------------------------------

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """What a worker cannot see: its paths are those of the whole run, whoever gave them."""
        node.workerinput[WHOLE] = self._whole()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        if not self.asked:
            return None
        from roomcheck.pytest_plugin.parts import scheduler  # noqa: PLC0415  only where xdist is

        return scheduler(config, log, self.cases.spec)

    def _mine(self, asked: CaseItem) -> Iterator[CaseItem]:
        """What this process will be asked for, from this item on."""
        parts = getattr(self.config, "workerinput", {}).get(WORKERS, 1)
        items = asked.session.items
        for item in items[items.index(asked) :]:
            if isinstance(item, CaseItem) and part_of(item.nodeid, parts) == part_of(asked.nodeid, parts):
                yield item

    # --- playing ----------------------------------------------------------------------------------------------------

    def result(self, item: CaseItem) -> CaseResult:
        name = f"{self.cases.spec}/{item.case.id}"
        if self.stuck:
            pytest.fail(f"{name}: no verdict, since the run could not start; the first error says why", pytrace=False)
        try:
            if not self.background.playing(name):
                self.background.play([each.case for each in self._mine(item)])
            return self.background.result(name)
        except RoomcheckError as e:
            why = str(e)
        self.stuck = not self.background.started
        pytest.fail(f"{name}: no verdict\n  {why}", pytrace=False)

    def explain(self, result: CaseResult) -> str:
        return "\n".join(explain(result, self.background.header))

    def room(self, item: pytest.Item) -> Iterator[Room]:
        """The fixture. What kept the test from proving anything is an error at its end."""
        path, line, _ = item.location
        name = re.sub(r"[^\w.-]+", ".", item.nodeid)[-LONGEST:]
        self.by_hand[name] = item.nodeid
        case = Case(name, "", item.nodeid, None, NOTHING_DONE, (), (), where=Where(path, (line or 0) + 1))
        why = ""
        try:
            room = item.stash[ROOM] = Room(self.background, case)
        except RoomcheckError as e:
            why = str(e)
        if why:
            pytest.fail(f"there is no room: {why}", pytrace=False)
        yield room
        if not self.background.stopped:
            room.finish(watch=False)
        if room.doubt:
            pytest.fail(room.doubt, pytrace=False)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """A test that passed with a room passes if the judge agrees; to one that failed, the verdict is added."""
        room = item.stash.get(ROOM, None)
        try:
            done = yield
        except (Exception, pytest.fail.Exception):
            result = room.finish(watch=True) if room else None
            if result and result.outcome is not Outcome.CONFORMS:
                item.add_report_section("call", "room", self.explain(result))
            raise
        if room:
            self._judge(room)
        return done

    def _judge(self, room: Room) -> None:
        result = room.finish(watch=True)
        match result.outcome:
            case Outcome.VIOLATES:
                pytest.fail(self.explain(result), pytrace=False)
            case Outcome.NOT_APPLICABLE:
                pytest.skip(result.message)
            case None | Outcome.INCONCLUSIVE:
                room.doubt = self.explain(result)
                pytest.skip(headline(result))
        if not checks([result]):
            pytest.fail(NOTHING, pytrace=False)

    def _session(self) -> Session:
        traces = TraceFolder(self._folder(), every=False)
        return Session(self.bound.plan(self._say, traces, jobs=JOBS, repeat=self._repeat, tell=self._say))

    def _repeat(self, case: Case) -> str:
        if case.id not in self.by_hand:
            return f"{self.words} -k {case.id}"
        options = {
            "--room-target": self.config.getoption("room_target"),
            "--room-spec": self.config.getoption("room_spec"),
        }
        return shlex.join(["pytest", *(f"{k}={v}" for k, v in options.items() if v), self.by_hand[case.id]])

    def _folder(self) -> Path:
        """Where traces are kept: in pytest's cache, or for this run only."""
        cache = getattr(self.config, "cache", None)
        return Path(tempfile.mkdtemp(prefix="roomcheck-")) if cache is None else Path(cache.mkdir("roomcheck"))

    def _say(self, text: str) -> None:
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = self.config.pluginmanager.get_plugin("capturemanager")
        if reporter is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                reporter.write_line(f"roomcheck: {text}")

    def _header(self, room: str, toxiproxy: str) -> RunHeader:
        return header_of(self.bound, room, toxiproxy, 0)

    # --- the end ----------------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A case took as long as it was played, however long its item waited."""
        report = yield
        if isinstance(item, CaseItem):
            last = call.when == "call" or (call.when == "setup" and not report.passed)
            report.duration = item.outcome.seconds if last and item.outcome else 0.0
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid.startswith(f"{self.cases.spec}::"):
            expected = hasattr(report, "wasxfail")
            self.skipped += report.skipped and not expected
            self.judged += report.failed or expected or (report.passed and report.when == "call")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Nothing of the run is left; what it lost, or a run that checked nothing, is no success."""
        try:
            self.background.stop()
        except RoomcheckError as e:
            self.lost = str(e)
        if session.exitstatus == pytest.ExitCode.OK and self.lost:
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        elif session.exitstatus == pytest.ExitCode.OK and self.nothing:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

    @property
    def nothing(self) -> bool:
        """Whether cases were asked for and none of them could be played."""
        return bool(self.skipped) and not self.judged

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.lost:
            terminalreporter.write_line(f"roomcheck: {self.lost}", red=True)
        if self.nothing:
            terminalreporter.write_line(
                f"roomcheck: nothing was checked: all {self.skipped} cases were skipped", red=True
            )

    def pytest_unconfigure(self) -> None:
        self.background.stop()
