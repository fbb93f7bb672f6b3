"""The text for an upstream issue: what a maintainer needs, in words that need no glossary, and nothing that is mark-up."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from report import samples
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Call, Member, Schedule, Step
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Marked, Record, Told, Trace
from roomcheck.model.verdict import CaseResult, Outcome, Verdict
from roomcheck.report.upstream import FAULTS, sighting, upstream_text

HEADER = replace(
    samples.HEADER,
    room="lobbyd 4.1, lobby-js 2.0",
    document="The Lobby Protocol",
    url="https://lobby.example/spec",
    scale=1.0,
)
OURS = re.compile(
    r"\b(room|contract|scenario|verdict|requirement|judge|schedule|member|view|adapter|told|conforms|violates)\b|R-\d",
    re.IGNORECASE,
)


def bad(case: str = "vendor/status/back/cut") -> CaseResult:
    return samples.violating(case)


def trace(*more: Record) -> Trace:
    """What A and B did and received; B was to receive DELETE within a second of T3."""

    def at(seconds: float) -> Instant:
        micros = round((10 + seconds) * 1e6)
        return Instant(micros, micros)

    records: tuple[Record, ...] = (
        Called(1, "B", "login", {"room": "R"}, at(0)),
        Told("B", 1, "onState", {"state": "IN", "who": "u-77", "place": "r-1"}, at(0.1)),
        Answered(1, "B", "ok", {}, at(0.1)),
        Faulted("A", FaultKind.CUT, at(2.0), "T3"),
        Marked("W", at(2.1)),
        Gap("A", at(2.2)),
        Answered(2, "B", "refused", {"code": 5}, at(2.3)),
        Told("B", 2, "onState", {"state": "OUT", "there": [{"id": "u-78"}, "u-77"]}, at(3.204)),
        Healed("A", at(4.0)),
        *more,
    )
    return Trace(
        spec="vendor/status", case="back/cut", scenario="back", members=(Member("A", "A"), Member("B", "B")),
        users={"A": "u-77", "B": "u-78"}, rooms={"R": "r-1"}, records=records, end=20_000_000,
    )  # fmt: skip


def text(*results: CaseResult, of: CaseResult | None = None, recorded: Trace | None = None, schedule: str = "") -> str:
    seen = sighting(results, of or results[0])
    return upstream_text(HEADER, seen, recorded, repeat="roomcheck run -k back/cut", schedule=schedule)


def test_it_says_what_a_maintainer_needs() -> None:
    """Versions, the sentence with its place and link, the steps, what was received and when, how to repeat it."""
    written = text(bad(), recorded=trace())

    for said in (
        "lobbyd 4.1, lobby-js 2.0", "A lost link is told.",
        "[The Lobby Protocol](<https://lobby.example/spec>): Connection status, case 1",
        "1. `B` calls `login(room: R)`", "8. nothing more is done for 1.000 s", "the network of `A` fails: its TCP connections are closed",
        "roomcheck run -k back/cut",
    ):  # fmt: skip
        assert said in written


def test_times_count_from_the_cause() -> None:
    """The last thing that was done before it was due; users have the names that the steps give them."""
    table = [line for line in text(bad(), recorded=trace()).splitlines() if line.startswith("| ")]

    assert "| 0 | `A` | its network fails" in next(line for line in table if "(the cause)" in line)
    assert "| -1.900 s | `B` | callback `onState`: state `IN`, who `A`, place `R` |" in table
    assert "| +1.204 s | `B` | callback `onState`: state `OUT`, there `[{'id': 'B'}, 'A']` |" in table
    assert "| +0.300 s | `B` | its call returns: refused code `5` |" in table


def test_of_a_long_trace_the_end_is_shown() -> None:
    """And that something is left out."""
    early = (Told("B", 9, "onState", {"n": n}, Instant(10_000_000 + n, 10_000_000 + n)) for n in range(60))
    written = text(bad(), recorded=trace(*early))

    assert "earlier lines are left out" in written
    assert written.count("\n| ") < 60


def test_without_a_trace_the_finding_is_told_all_the_same() -> None:
    """With its moment."""
    assert "3.204 s after the first step" in text(bad())


def test_the_shortest_of_the_same_is_told_and_how_often_it_was_seen() -> None:
    """The others are named; one that found something else is not."""
    login = Step(Call("B", "login", {"room": "R"}))
    assert samples.SCHEDULE.steps
    short = replace(bad("vendor/status/short"), title="In short", schedule=replace(samples.SCHEDULE, steps=(login,)))
    assert short.verdict is not None
    finding = replace(samples.FINDING, seen="ADD never came")
    other = replace(bad("vendor/status/other"), verdict=replace(short.verdict, findings=(finding,)), title="Another")
    again = replace(samples.good("vendor/status/again"), schedule=short.schedule)
    results = [bad(), other, short, again, samples.good()]
    seen = sighting(results, results[0])

    assert seen.result is short
    assert (seen.shown, seen.plays, seen.asked) == (1, 2, 5)
    written = text(*results)
    assert "# In short: " in written
    assert "These steps were played 2 times; 1 of 2 showed it." in written
    assert "5 sequences of steps touched the same sentence, and 2 of them showed this" in written
    assert "- Back after a cut (`cut`)" in written or "- Back after a cut" in written
    assert "Another" not in written


@pytest.mark.parametrize(
    "result", [samples.good(), samples.doubtful(), samples.broken(), samples.absent()], ids=lambda r: str(r.outcome)
)
def test_what_proves_nothing_is_no_finding(result: CaseResult) -> None:
    """Least of all what this machine was too late for."""
    with pytest.raises(ValueError, match="proves nothing"):
        sighting([result], result)


def test_what_chance_found_is_told_by_what_was_seen_and_how_often_again() -> None:
    """Its title says nothing; that a search played it again does."""
    message = "B about A: DELETE came late (again in 14 of 16 rooms at once; 5 steps shrunk to 3)"
    written = text(replace(bad(), title="A random schedule", file="", message=message))

    assert written.startswith("# DELETE ")
    assert "Played again at once, 14 of 16 showed it." in written
    assert "A random schedule" not in written


def test_what_is_inferred_is_said_to_be() -> None:
    """A maintainer may see it otherwise."""
    seen = sighting([bad()], bad())
    written = upstream_text(replace(HEADER, inferred=("R-1",)), seen, None, repeat="x")

    assert "No sentence says so; it is inferred from" in written


def test_a_finding_of_no_requirement_has_no_sentence() -> None:
    """And does not make one up."""
    finding = replace(samples.FINDING, requirement=None)
    nameless = replace(bad(), verdict=Verdict(Outcome.VIOLATES, (finding,)))

    assert "Nothing in it allows what follows." in text(nameless)


def test_short_timers_are_told() -> None:
    """With what they were, where the run had set them."""
    seen = sighting([bad()], bad())
    written = upstream_text(replace(HEADER, scale=100.0), seen, None, repeat="x", settings={"keep_alive": 2_000_000})

    assert "100 times faster than documented" in written
    assert "keep alive 2.000 s" in written


def test_it_has_none_of_our_words() -> None:
    """Outside of code, which is what somebody types, and of the sentence, which is the contract's."""
    written = text(bad(), recorded=trace()).replace("A lost link is told.", "")
    prose = re.sub(r"```.*?```|`[^`]*`", "", written, flags=re.DOTALL).replace("roomcheck", "")

    assert OURS.findall(prose) == []


def test_every_fault_has_words() -> None:
    """So that none stands there by its name."""
    assert set(FAULTS) == set(FaultKind)


TRIES = (
    *samples.HOSTILE,
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "```\n# out\n```",
    "`` ` ``",
    "a | b | c",
    "@everybody, see #1",
    "# heading",
    "http://evil.example/`",
)


def tokens(written: str) -> Iterator[tuple[str, str]]:
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(written):
        yield token.type, token.content
        for child in token.children or ():
            yield child.type, child.content


@pytest.mark.parametrize("hostile", TRIES)
def test_texts_of_others_are_no_mark_up(hostile: str) -> None:
    """Nor mentions: whoever files this must not call people whom a server named."""
    verdict = samples.hostile(hostile).verdict
    schedule = Schedule((Member("A", "A"),), ("R",), (Step(Call("A", hostile, {hostile: hostile})),), 0)
    result = replace(samples.hostile(hostile), verdict=verdict, schedule=schedule, fault=hostile)
    told = Told("A", 5, hostile, {hostile: hostile}, Instant(10_000_001, 10_000_001))
    header = replace(
        HEADER, room=hostile, document=hostile, sentences={"R-1": hostile}, cites={"R-1": hostile}, started=hostile
    )
    other = replace(result, case="vendor/status/other")
    seen = sighting([result, other], result)
    written = upstream_text(header, seen, trace(told), repeat=hostile, schedule=hostile, settings={hostile: 1})

    kinds = [kind for kind, _ in tokens(written)]
    assert {"html_inline", "html_block", "image"}.isdisjoint(kinds)
    assert kinds.count("link_open") == 1
    assert kinds.count("heading_open") == 6
    assert kinds.count("fence") == 2
    columns = {line.replace("\\|", "").count("|") for line in written.splitlines() if line.startswith("|")}
    assert columns == {4}
    text_alone = "".join(content for kind, content in tokens(written) if kind == "text")
    assert not re.search(r"@\w|#\d", text_alone)
    assert all(c.isprintable() or c in "\n\u200b" for c in written)


def test_a_violation_is_what_is_sampled() -> None:
    """Else all of this shows nothing."""
    assert bad().outcome is Outcome.VIOLATES
