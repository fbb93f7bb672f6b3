import contextlib
import dataclasses
import io
from pathlib import Path

import pytest

from report.samples import ALL, FOOTER, HEADER, HOSTILE, absent, broken, doubtful, good, hostile, violating
from roomcheck.model.verdict import Blame, CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.console import Console, by_requirement
from roomcheck.report.html import Pictures, write_html
from roomcheck.report.junit import write_junit

PATHS = {"JUnit": Path("roomcheck-report/junit.xml")}


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(
    results: tuple[CaseResult, ...] = ALL,
    footer: RunFooter = FOOTER,
    *,
    quiet: bool = False,
    file: io.StringIO | None = None,
    header: RunHeader = HEADER,
) -> str:
    out = file or io.StringIO()
    with Console(quiet=quiet, file=out) as console:
        console.start(dataclasses.replace(header, cases=len(results)))
        for number, each in enumerate(results, 1):
            console.case(each)
            console.tick(len(results) - number, number)
        console.finish(results, footer, PATHS)
    return out.getvalue()


def test_the_start_says_what_runs_on_what() -> None:
    """Spec, revision, target, room, Toxiproxy, number of cases and speed."""
    assert shown().splitlines()[:2] == [
        "vendor/status 2026-11 on reference (reference room 1.0), Toxiproxy 2.12.0",
        "5 cases, 100 times faster than documented",
    ]


def test_a_violation_is_explained() -> None:
    """The finding with its requirement and the command that repeats it."""
    text = shown()

    assert "  breaks   R-1 (must): A lost link is told." in text
    assert "  repeat   roomcheck run -k vendor/status/back/cut" in text


def test_the_summary_counts_blames_and_names_the_reports() -> None:
    """The last lines are enough for whoever reads only those."""
    assert shown().splitlines()[-5:] == [
        "5 cases in 3.2 s: 1 conforms, 1 violates, 1 inconclusive, 1 not applicable, 1 no verdict",
        "blame: room 1, machine 1, adapter 1",
        "lateness of this machine: 3 ms (99 %), 12.5 ms at worst",
        "JUnit:     roomcheck-report/junit.xml",
        "the room violates its contract (exit code 1)",
    ]


def test_what_could_not_be_hidden_is_said_in_every_report() -> None:
    """A person must know before the reports are published."""
    header = dataclasses.replace(HEADER, unhidden=("A_TOKEN: fewer than 6 characters",))

    assert "not hidden in the reports: A_TOKEN: fewer than 6 characters\n" in shown(header=header)
    assert "A_TOKEN: fewer than 6 characters" in write_html(header, ALL, FOOTER, Pictures(None))
    assert "A_TOKEN: fewer than 6 characters" in write_junit(header, ALL, FOOTER)
    assert "not hidden" not in shown() + write_html(HEADER, ALL, FOOTER, Pictures(None)) + write_junit(
        HEADER, ALL, FOOTER
    )


def test_the_table_counts_cases_for_each_requirement() -> None:
    """One row a requirement, and those that were never looked at are named."""
    lines = [" ".join(line.split()) for line in shown().splitlines()]

    assert "requirement level conforms violates inconclusive not applicable no verdict" in lines
    assert "R-1 must 1 1 1 1 1" in lines
    assert "R-2 should 2 - - 1 2" in lines
    assert "not checked in this run: R-3" in lines


def test_many_unchecked_requirements_are_a_number() -> None:
    """A run of a few selected cases does not list the whole contract."""
    header = dataclasses.replace(HEADER, sentences={f"R-{n}": "..." for n in range(40)})

    assert "not checked in this run: 38 more requirements" in shown(header=header).splitlines()


def test_the_worst_check_of_a_case_counts() -> None:
    """A case that met a requirement once and broke it once has broken it."""
    counts = by_requirement([violating(), good()])

    assert counts["R-1"] == {Outcome.VIOLATES: 1, Outcome.CONFORMS: 1}
    assert counts["R-2"] == {Outcome.CONFORMS: 2}


def test_a_case_that_does_not_apply_is_no_missing_verdict() -> None:
    """Its requirements are counted as not applicable."""
    assert by_requirement([absent()])["R-1"] == {Outcome.NOT_APPLICABLE: 1}


def test_leniency_is_said() -> None:
    """Where the spec is silent, the reader is told that nothing was judged."""
    assert "lenient: R-2 leaves the order open" in shown()


def test_quiet_shows_findings_and_the_totals_only() -> None:
    """No progress, no table, no start."""
    lines = shown(quiet=True).splitlines()

    assert lines[0] == "vendor/status/back/cut: violates (room)"
    assert not any("requirement " in line or "Toxiproxy" in line for line in lines)
    assert lines[-1] == "the room violates its contract (exit code 1)"


def test_a_good_quiet_run_is_short() -> None:
    """Nothing but the totals, the reports and the end."""
    footer = dataclasses.replace(FOOTER, exit_code=0)

    assert len(shown((good(),), footer, quiet=True).strip().splitlines()) == 4


def test_a_log_gets_plain_lines() -> None:
    """Without a terminal there are no colours, no cursor movements, and a line for each tenth of the run."""
    text = shown(tuple(good(f"vendor/status/case{n}/cut") for n in range(40)))

    assert "\x1b" not in text
    assert "\r" not in text
    assert [line.split()[0] for line in text.splitlines() if " cases, 0 findings" in line] == [
        f"{4 * n}/40" for n in range(1, 11)
    ]


def test_a_terminal_gets_a_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Done, total, running and findings are on the bar, and it is gone at the end."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    shown(file=terminal)

    assert "\x1b[?25l" in terminal.getvalue()  # the cursor is hidden for the bar
    assert terminal.getvalue().rstrip().rpartition("\x1b[?25h")[2].count("running") == 0


def test_the_progress_bar_is_gone_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving the block gives the terminal its cursor back."""
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()

    with contextlib.suppress(ZeroDivisionError), Console(file=terminal) as console:
        console.start(HEADER)
        _ = 1 / 0

    assert "\x1b[?25h" in terminal.getvalue()


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cursor cannot move there is no bar."""
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal()
    shown(file=terminal)

    assert "\x1b[?25l" not in terminal.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert(text: str) -> None:
    """No control character leaves the room's text, and markup is shown as it was written."""
    output = shown((hostile(text),))

    assert all(line.isprintable() for line in output.split("\n"))
    assert output.count("violates (room)") == 2
    if text.isprintable():
        assert f"  seen     {text}" in output.splitlines()


def test_long_lines_are_not_wrapped() -> None:
    """A command that repeats a case can be copied from a log."""
    each = dataclasses.replace(violating(), repeat="roomcheck run " + "-k x " * 100)

    assert f"  repeat   {each.repeat}" in shown((each,))


def test_an_output_without_unicode_shows_escapes() -> None:
    """A log in ASCII does not end the run."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    with Console(file=file) as console:
        console.start(dataclasses.replace(HEADER, room="房间"))
        console.finish([violating()], FOOTER, PATHS)
    file.flush()

    assert b"\\u623f\\u95f4" in raw.getvalue()


def test_each_requirement_is_explained_once_by_its_shortest_case() -> None:
    """A room that breaks one promise in two hundred cases is not two hundred screens of text."""
    many = [violating(f"vendor/status/case{n}/cut") for n in range(60)]
    assert many[0].schedule is not None
    short = dataclasses.replace(many[0].schedule, steps=many[0].schedule.steps[:1])
    many[30] = dataclasses.replace(many[30], schedule=short)
    text = shown(tuple(many))

    assert text.count("  breaks   R-1") == 1
    assert "repeat   roomcheck run -k vendor/status/case30/cut" in text
    assert "59 more cases that did not conform:" in text
    assert "  and 39 more, see the reports" in text


def test_an_interrupted_run_says_what_is_missing() -> None:
    """Ctrl-C leaves a summary of what there is."""
    footer = RunFooter(130, 1.0, 0, 0, complete=False)
    out = io.StringIO()
    with Console(file=out) as console:
        console.start(HEADER)
        console.finish([good()], footer, PATHS)

    assert "not complete: 1 of 4 cases have a result" in out.getvalue()
    assert "interrupted (exit code 130)" in out.getvalue()


def test_a_run_that_never_started_still_ends() -> None:
    """No header, no case: the end is told without a traceback."""
    out = io.StringIO()
    with Console(file=out) as console:
        console.finish([], RunFooter(5, 0.1, 0, 0, complete=False), {})

    assert out.getvalue().splitlines()[-1] == "the harness or the machine failed (exit code 5)"


def test_doubt_and_broken_parts_are_told_as_they_come() -> None:
    """A case that did not conform has its line at once, not only in the summary."""
    out = io.StringIO()
    with Console(file=out) as console:
        console.start(HEADER)
        for each in (good(), doubtful(), broken(blame=Blame.HARNESS), absent()):
            console.case(each)

        assert out.getvalue().splitlines()[3:] == [
            "vendor/status/back/stall: inconclusive after 1 try, not counted as a pass (machine)",
            "2/4 cases, 1 finding",
            "vendor/status/back/ghost: no verdict (harness)",
            "3/4 cases, 2 findings",
            "4/4 cases, 2 findings",
        ]


def test_a_search_says_what_it_looks_at_meanwhile() -> None:
    """Nothing else is told for a minute or two; a quiet run need not know."""
    for quiet in (False, True):
        out = io.StringIO()
        with Console(file=out, quiet=quiet) as console:
            console.confirming("R-1", 1)
            console.confirming("R-2", 12)

        said = "R-1: 1 schedule violated, played again and made shorter now\nR-2: 12 schedules violated, played again and made shorter now\n"
        assert out.getvalue() == ("" if quiet else said)


def test_a_search_by_time_tells_in_a_log_how_it_goes_on_twice_a_minute() -> None:
    """Not for every case, though nobody knows how many there will be."""
    out = io.StringIO()
    with Console(file=out) as console:
        console.start(dataclasses.replace(HEADER, cases=0))
        for played, seconds in enumerate((0.5, 20, 30, 31, 59.9, 75), start=1):
            console.case(good())
            console.searched(played, seconds)

    assert out.getvalue().splitlines()[1].startswith("schedules by time, ")
    assert out.getvalue().splitlines()[2:] == ["3 played, 6 a minute, 0 findings", "6 played, 5 a minute, 0 findings"]
