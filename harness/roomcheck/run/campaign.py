"""A search that lasts: what it played, met and found is kept in a folder, and another process goes on with it.

Written down are a chunk's schedules when it begins, and each result when it is final. Whoever goes on searches the
begun chunk again as the one before did, and is given those results in place of plays: so it stands where that one was
ended, in the middle of confirming or shrinking too, without any other code for it. When a chunk is done its schedules
and results are dropped, and what remains is counts, coverage and findings; so a campaign of any length takes as long to
take up as one chunk.

SQLite writes ahead (WAL): a process may be killed at any moment, and a reader disturbs nobody. Nothing of the file is
ever run: schedules and results are JSON, which is read like a stream of others.
"""

import contextlib
import hashlib
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roomcheck.errors import HarnessError, UsageError
from roomcheck.generate import schedules
from roomcheck.generate.collect import Memory, known
from roomcheck.judge.coverage import Coverage, Triple, met
from roomcheck.model.schedule import Schedule
from roomcheck.model.trace import Trace
from roomcheck.model.verdict import CaseResult, Check, Outcome, Verdict
from roomcheck.report.campaign import Point, Row, Standing, seconds_between
from roomcheck.report.ndjson import read_result, read_schedule, result_data, schedule_data
from roomcheck.run.fuzz import Again, Chunk, Found, Fuzz, Kind, Player, kind_of, kinds_of
from roomcheck.spec.case import Case

FILE = "campaign.sqlite"
VERSION = "1"
APPLICATION = 0x726F6F6D  # "room": what SQLite writes into the file's head for whoever asks what it is
TABLES = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE sitting (began TEXT, until TEXT, played INTEGER);
CREATE TABLE chunk (number INTEGER PRIMARY KEY, name TEXT, seed INTEGER, want INTEGER, chosen BLOB);
CREATE TABLE play ("case" TEXT PRIMARY KEY, schedule TEXT, result BLOB);
CREATE TABLE tally (outcome TEXT PRIMARY KEY, count INTEGER);
CREATE TABLE other ("case" TEXT PRIMARY KEY, result TEXT);
CREATE TABLE met (sort TEXT, what TEXT, count INTEGER, first INTEGER, at TEXT, PRIMARY KEY (sort, what));
CREATE TABLE finding (
  kind TEXT PRIMARY KEY, name TEXT, count INTEGER, first TEXT, last TEXT, confirmed TEXT, result TEXT, schedule TEXT,
  again TEXT, steps INTEGER, rounds INTEGER, seconds REAL, file TEXT, repeat TEXT, settled INTEGER
);
CREATE TABLE knew (schedule TEXT PRIMARY KEY);
"""


def digest(schedule: Schedule) -> str:
    """What two equal schedules share, and hardly any others."""
    return hashlib.sha256(repr(schedule).encode()).hexdigest()[:32]


@contextlib.contextmanager
def opened(folder: Path, facts: Mapping[str, str], command: str) -> Iterator["Store"]:
    """The campaign of a folder, begun if there is none, for the only process that writes it, with this command.

    UsageError: it is another one than these facts say, cannot be written, or is no campaign.
    """
    path = folder / FILE
    with _telling(path):
        store = Store(_connect(path, f"{path.resolve().as_uri()}?mode=rwc"), path)
    try:
        with _telling(path):
            store.begin(facts, command)
        yield store
    finally:
        with contextlib.suppress(sqlite3.Error):
            store.file.close()


@contextlib.contextmanager
def reading(folder: Path) -> Iterator["Store"]:
    """The campaign of a folder, also while it is searched. UsageError: there is none."""
    path = folder / FILE
    if not path.exists():
        raise UsageError(f"there is no campaign in {folder}: begin one with `roomcheck fuzz --campaign {folder}`")
    address = path.resolve().as_uri()
    with _telling(path):
        try:
            file = _connect(path, f"{address}?mode=ro")
        except sqlite3.OperationalError:  # a folder that cannot be written: readers want a file beside it
            file = _connect(path, f"{address}?immutable=1")
    try:
        with _telling(path):
            store = Store(file, path)
            store.check()
            yield store
    finally:
        file.close()


def _connect(path: Path, address: str) -> sqlite3.Connection:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: choose another --campaign")
    # one that is killed leaves nothing locked; who reads waits for a writer's moment
    file = sqlite3.connect(address, uri=True, timeout=60, isolation_level=None, check_same_thread=False)
    try:
        file.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.Error:
        file.close()
        raise
    return file


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    """What SQLite says, in one line for whoever must act."""
    try:
        yield
    except sqlite3.OperationalError as e:
        if e.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            raise HarnessError(f"cannot write {path}: {e}; free some space, and the same command goes on") from e
        raise UsageError(f"cannot use {path}: {e}; choose another --campaign") from e
    except (sqlite3.Error, ValueError, KeyError, TypeError, zlib.error) as e:
        said = " ".join(str(e).split())[:200]
        raise UsageError(f"{path} is damaged, or no campaign: {said}; remove it, or choose another --campaign") from e


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(slots=True)
class Store:
    """The file."""

    file: sqlite3.Connection
    path: Path

    def rows(self, what: str, *values: object) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with _telling(self.path):
            return self.file.execute(what, values).fetchall()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read meanwhile is of one moment."""
        with _telling(self.path):
            self.file.execute("BEGIN")
        yield
        with _telling(self.path):
            self.file.execute("ROLLBACK")

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """All of it is written, or nothing."""
        with _telling(self.path):
            self.file.execute("BEGIN IMMEDIATE")
            try:
                yield self.file
                self.file.execute("COMMIT")
            except BaseException:
                if self.file.in_transaction:
                    self.file.execute("ROLLBACK")
                raise

    @property
    def facts(self) -> dict[str, str]:
        """What the campaign is about."""
        return dict(self.rows("SELECT name, value FROM fact"))

    def check(self) -> None:
        """UsageError: the file is no campaign."""
        if self.rows("PRAGMA application_id") != [(APPLICATION,)] or self.facts.get("format") != VERSION:
            raise UsageError(f"{self.path} is no campaign of this roomcheck: choose another --campaign")

    def begin(self, facts: Mapping[str, str], command: str) -> None:
        """Make the tables, or see that they are of this campaign."""
        if not self.rows("SELECT name FROM sqlite_schema"):
            self.file.execute("PRAGMA journal_mode = WAL")
            with self.writing() as file:
                for table in filter(str.strip, TABLES.split(";")):
                    file.execute(table)
                file.execute(f"PRAGMA application_id = {APPLICATION}")
                told = {"format": VERSION, "began": _now(), "expected": "", "number": "", **facts}
                file.executemany("INSERT INTO fact VALUES (?, ?)", told.items())
        self.check()
        self.file.execute("PRAGMA synchronous = NORMAL")
        there = self.facts
        for name, wanted in facts.items():
            if there.get(name) != wanted:
                raise UsageError(
                    f"{self.path.parent} holds a campaign with another {name}: {there.get(name) or 'none'}, and this is"
                    f" {wanted or 'none'}; choose another --campaign"
                )
        with self.writing() as file:
            file.execute("INSERT INTO sitting VALUES (?, ?, 0)", (_now(), _now()))
            file.execute("INSERT OR REPLACE INTO fact VALUES ('command', ?)", (command,))


Triples = tuple[frozenset[Triple], Verdict]


@dataclass(slots=True)
class Campaign:
    """Stands between a search and its player: what was played before is not played again (Player, Diary)."""

    store: Store
    player: Player
    memory: Memory  # what anybody found to violate
    kin_of: Callable[[Schedule], Sequence[Schedule]] = lambda drawn: [drawn]  # what is played of one
    search: Fuzz = field(init=False)
    _pending: dict[str, list[Triples]] = field(default_factory=dict)  # of cases without their final result
    _playing: dict[str, str] = field(default_factory=dict)  # case -> its schedule's digest
    _repeats: dict[Kind, str] = field(default_factory=dict)

    # --- the player's hooks -------------------------------------------------------------------------------------------

    def met(self, case: Case, trace: Trace, verdict: Verdict) -> None:
        """A trace was judged."""
        name = f"{self.search.contract.spec}/{case.id}"
        self._pending.setdefault(name, []).append((met(self.search.contract, trace), verdict))

    def add(self, triples: Iterable[Triple], verdict: Verdict) -> None:
        """The same, of the case whose result comes next."""
        self._pending.setdefault("", []).append((frozenset(triples), verdict))

    def hear(self, result: CaseResult) -> None:
        """A case has its final result: it is written down before anybody hears of it."""
        traces = [*self._pending.pop("", ()), *self._pending.pop(result.case, ())]
        searched = self.search.searches(result)
        news = Coverage(self.search.contract)
        for triples, verdict in traces if searched else ():
            news.add(triples, verdict)
            self.search.coverage.add(triples, verdict)
        at = _now()
        with self.store.writing() as file:
            file.execute("UPDATE sitting SET until = ? WHERE rowid = (SELECT max(rowid) FROM sitting)", (at,))
            row = (result.case, self._playing.pop(result.case, ""), _result(result, whole=searched))
            file.execute("INSERT OR REPLACE INTO play VALUES (?, ?, ?)", row)
            kind = kind_of(result)
            if searched:
                self._count(file, result, kind, news, at)
            else:
                again = [(at, each) for each in kinds_of(result)]
                file.executemany("UPDATE finding SET confirmed = ? WHERE kind = ?", again)
        self.search.hear(result)

    def _count(self, file: sqlite3.Connection, result: CaseResult, kind: Kind | None, news: Coverage, at: str) -> None:
        number = self.search.played + 1
        file.execute("UPDATE sitting SET played = played + 1 WHERE rowid = (SELECT max(rowid) FROM sitting)")
        outcome = result.outcome.value if result.outcome else "no verdict"
        file.execute("INSERT INTO tally VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1", (outcome,))
        counts: dict[str, Counter[Any]] = {
            "triple": Counter(news.triples),
            "rule": news.rules,
            "requirement": news.requirements,
        }
        file.executemany(
            "INSERT INTO met VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(sort, _text(what), n, number, at) for sort, each in counts.items() for what, n in each.items()],
        )
        if kind is not None:
            file.execute(
                "INSERT INTO finding (kind, name, count, first, last, result, settled) VALUES (?, ?, 1, ?, ?, ?, 0)"
                " ON CONFLICT DO UPDATE SET count = count + 1, last = excluded.last",
                (kind, result.case, at, at, _text(result_data(result))),
            )
        elif result.outcome not in {Outcome.CONFORMS, Outcome.NOT_APPLICABLE}:
            file.execute("INSERT OR REPLACE INTO other VALUES (?, ?)", (result.case, _text(result_data(result))))

    # --- Player -------------------------------------------------------------------------------------------------------

    async def play(
        self, cases: Iterable[Case], attempts: int = 1, over: Callable[[Case], bool] | None = None
    ) -> list[CaseResult]:
        """What was played before is told as it ended then; the others are played."""
        wanted = {f"{self.search.contract.spec}/{case.id}": case for case in cases}
        digests = {name: digest(case.schedule) for name, case in wanted.items()}
        told: dict[str, CaseResult] = {}
        for name, schedule in self.store.rows('SELECT "case", schedule FROM play ORDER BY rowid') if wanted else ():
            if digests.get(name) == schedule:
                ((text,),) = self.store.rows('SELECT result FROM play WHERE "case" = ?', name)
                with _telling(self.store.path):
                    told[name] = replace(read_result(json.loads(zlib.decompress(text))), schedule=wanted[name].schedule)
        for result in told.values():
            self.search.hear(result)
        left = {name: case for name, case in wanted.items() if name not in told}
        self._playing |= {name: digests[name] for name in left}
        return [*told.values(), *(await self.player.play(left.values(), attempts, over) if left else ())]

    # --- Diary --------------------------------------------------------------------------------------------------------

    def take_up(self, search: Fuzz) -> None:
        """Put a new search where the last one's finished chunks have left it."""
        self.search = search
        store, facts = self.store, self.store.facts
        with _telling(store.path):
            for sort, what, count in store.rows("SELECT sort, what, count FROM met"):
                value = json.loads(what)
                match sort:
                    case "triple":
                        search.coverage.triples[Triple(*value)] = count
                    case "rule":
                        search.coverage.rules[value] = count
                    case _:
                        search.coverage.requirements[value] = count
            search.newest = store.rows("SELECT coalesce(max(first), 0) FROM met WHERE sort = 'triple'")[0][0]
            search.known_triples = len(search.coverage.triples)
            search.chunks = store.rows("SELECT count(*) FROM chunk")[0][0]
            search.number = int(facts["number"] or search.number)
            search.expected = _expected(facts["expected"])
            search.played = int(facts.get("played", 0))
            search.found = dict(self._settled())
            others = store.rows('SELECT result FROM other WHERE "case" NOT IN (SELECT "case" FROM play)')
            reported = [read_result(json.loads(text)) for (text,) in others]
        if search.played > len(reported) + search.violations:
            reported.append(self._earlier())
        for result in [*reported, *(search.told(found, self._repeats[kind]) for kind, found in search.found.items())]:
            search.report(result)

    def _earlier(self) -> CaseResult:
        """All that was played in chunks that are done and did what it should, as one case of this run's reports."""
        name = f"{self.search.contract.spec}/random/earlier"
        checks = tuple(Check(requirement, "", Outcome.CONFORMS) for requirement in self.search.coverage.requirements)
        return CaseResult(
            case=name, scenario="random", title=f"{self.search.played} schedules that this campaign played before",
            fault=None, outcome=Outcome.CONFORMS, blame=None, message="", verdict=Verdict(Outcome.CONFORMS, (), checks),
            seconds=0.0, attempts=1, requirements=tuple(self.search.coverage.requirements),
        )  # fmt: skip

    def _settled(self) -> Iterator[tuple[Kind, Found]]:
        for kind, name, result, schedule, again, steps, rounds, seconds, count, repeat in self.store.rows(
            "SELECT kind, name, result, schedule, again, steps, rounds, seconds, settled, repeat FROM finding"
            " WHERE settled"
        ):
            self._repeats[kind] = repeat
            found = read_result(json.loads(result))
            tries = Again(*json.loads(again))
            yield kind, Found(kind, name, found, _schedule(schedule), tries, steps, count, rounds, seconds)

    def begun(self) -> Chunk | None:
        """The chunk whose schedules are still there."""
        rows = self.store.rows("SELECT name, seed, want, chosen FROM chunk WHERE chosen IS NOT NULL")
        if not rows:
            return None
        name, seed, want, chosen = rows[0]
        with _telling(self.store.path):
            pairs = json.loads(zlib.decompress(chosen))
            return Chunk(name, seed, [(read_schedule(one), read_schedule(drawn or one)) for one, drawn in pairs], want)

    def begin(self, chunk: Chunk, expected: Counter[object]) -> None:
        """A chunk that knows its schedules is begun."""
        chosen = [
            (schedule_data(one), None if drawn == one else schedule_data(drawn)) for one, drawn in chunk.chosen
        ]  # fmt: skip
        packed = zlib.compress(_text(chosen).encode(), 1)
        with self.store.writing() as file:
            row = (self.search.chunks, chunk.name, chunk.number, chunk.want, packed)
            file.execute("INSERT INTO chunk VALUES (?, ?, ?, ?, ?)", row)
            if chunk.number is None:
                knew = [(digest(drawn),) for _, drawn in chunk.chosen]
                file.executemany("INSERT OR IGNORE INTO knew VALUES (?)", knew)
            self._state(file, number=str(self.search.number), expected=_packed(expected))

    def ended(self, search: Fuzz) -> None:
        """Only what counts for the next chunk is kept."""
        with self.store.writing() as file:
            file.execute("UPDATE chunk SET chosen = NULL")
            file.execute("DELETE FROM play")
            for found in search.found.values():
                file.execute(
                    "UPDATE finding SET name = ?, result = ?, schedule = ?, again = ?, steps = ?, rounds = ?,"
                    " seconds = ?, settled = ? WHERE kind = ?",
                    (
                        found.name, _text(result_data(found.result)), _text(schedule_data(found.schedule)),
                        _text([found.again.shown, found.again.doubts, found.again.times]), found.steps_before,
                        found.rounds, found.seconds, found.count, found.kind,
                    ),
                )  # fmt: skip
            self._state(file, played=str(search.played))

    def remembering(self, drawn: Iterable[Schedule]) -> None:
        """These of its own are going to others, and are no news when they come back."""
        with self.store.writing() as file:
            file.executemany("INSERT OR IGNORE INTO knew VALUES (?)", [(digest(one),) for one in drawn])

    def news(self) -> Sequence[tuple[Schedule, Schedule]]:
        """What others have found since."""
        knew = {each for (each,) in self.store.rows("SELECT schedule FROM knew")}
        fresh = [drawn for drawn in known(schedules(self.search.contract), self.memory) if digest(drawn) not in knew]
        return [(kin, drawn) for drawn in fresh for kin in self.kin_of(drawn)]

    # --- findings -----------------------------------------------------------------------------------------------------

    def kept(self, found: Found, file_name: str, repeat: str) -> None:
        """A finding was worked on, and is a file now."""
        self._repeats[found.kind] = repeat
        again = _text([found.again.shown, found.again.doubts, found.again.times])
        with self.store.writing() as file:
            file.execute(
                "UPDATE finding SET again = ?, file = ?, repeat = ?, steps = ?, result = ?, schedule = ?"
                " WHERE kind = ?",
                (
                    again, file_name, repeat, found.steps_before, _text(result_data(found.result)),
                    _text(schedule_data(found.schedule)), found.kind,
                ),
            )  # fmt: skip

    def _state(self, file: sqlite3.Connection, **values: str) -> None:
        file.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", values.items())


def _text(value: object) -> str:
    return json.dumps(value, default=dict, separators=(",", ":"))


def _result(result: CaseResult, *, whole: bool) -> bytes:
    """Without its schedule, which is the case's; `whole`: with what only a report says of one that conforms."""
    if result.verdict is not None and result.outcome is not Outcome.VIOLATES and not whole:
        result = replace(result, verdict=replace(result.verdict, checks=(), leniency=()))
    return zlib.compress(_text(result_data(replace(result, schedule=None))).encode(), 1)


def _schedule(text: str) -> Schedule:
    return read_schedule(json.loads(text))


def _packed(expected: Counter[object]) -> str:
    """Triples and pairs of triples, with how often each was expected."""
    plain = [[what, count] for what, count in expected.items()]
    return zlib.compress(_text(plain).encode(), 1).hex()


def _expected(packed: str) -> Counter[object]:
    if not packed:
        return Counter()
    plain = json.loads(zlib.decompress(bytes.fromhex(packed)))
    return Counter({_thing(what): int(count) for what, count in plain})


def _thing(what: Sequence[Any]) -> object:
    return tuple(Triple(*each) for each in what) if isinstance(what[0], list) else Triple(*what)


def standing(store: Store) -> Standing:
    """Where a campaign stands, for its reports."""
    facts = store.facts
    with store.snapshot():
        sittings = store.rows("SELECT began, until, played FROM sitting")
        met_first = store.rows(
            "SELECT first, min(at), count(*) FROM met WHERE sort = 'triple' GROUP BY first ORDER BY first"
        )
        sorts = dict(store.rows("SELECT sort, count(*) FROM met GROUP BY sort"))
        tally = dict(store.rows("SELECT outcome, count FROM tally ORDER BY count DESC, outcome"))
        found = store.rows(
            "SELECT kind, name, count, first, last, confirmed, result, schedule, again, steps, file, repeat"
            " FROM finding ORDER BY count DESC, kind"
        )
    curve: list[Point] = []
    for number, at, fresh in met_first:
        curve.append(Point(number, at, fresh + (curve[-1].triples if curve else 0)))
    played = sum(tally.values())
    with _telling(store.path):
        return Standing(
            folder=str(store.path.parent),
            facts={name: facts.get(name, "") for name in ("target", "spec", "revision", "rooms", "seed", "roomcheck")},
            began=facts.get("began", ""),
            until=max((until for _, until, _ in sittings), default=""),
            sittings=len(sittings),
            seconds=sum(seconds_between(began, until) for began, until, _ in sittings),
            played=played,
            outcomes=tally,
            triples=sorts.get("triple", 0),
            rules=sorts.get("rule", 0),
            requirements=sorts.get("requirement", 0),
            quiet=played - (curve[-1].schedules if curve else 0),
            curve=curve,
            findings=[_row(*one) for one in found],
            more=facts.get("command", ""),
        )


def _row(
    kind: str, name: str, count: int, first: str, last: str, confirmed: str | None, result: str, schedule: str | None,
    again: str | None, steps: int | None, file: str | None, repeat: str | None,
) -> Row:  # fmt: skip
    told = read_result(json.loads(result))
    now = len(_schedule(schedule).steps) if schedule else 0
    return Row(
        kind, name, told.message, count, first, last, confirmed or "", str(Again(*json.loads(again))) if again else "",
        (steps, now) if steps and now else None, file or "", repeat or told.repeat,
    )  # fmt: skip
