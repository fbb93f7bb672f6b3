import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.samples import ALL, FINDING, HEADER, HOSTILE, SCHEDULE, broken, doubtful, good, hostile, result, violating
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Fault, Step, Wait
from roomcheck.model.verdict import Blame, CaseResult, Outcome, Verdict
from roomcheck.report.explain import INDENT, LINES, explain, show_step


def test_a_violation_tells_everything_a_person_needs() -> None:
    """Requirement, sentence, source, place, expected, seen, distance, schedule, file and command are all there."""
    assert explain(violating(), HEADER) == [
        "vendor/status/back/cut: violates (room)",
        "  breaks   R-1 (must): A lost link is told.",
        "  source   Connection status, case 1",
        "  where    B about A, 3.204 s after the first act; this machine was at most 2.5 ms late",
        "  expected DELETE within 1 s of T3",
        "  seen     DELETE came 1.204 s after T3, 204 ms too late",
        "  off by   204 ms",
        "  times    100 times faster than documented: a second here is 100 s of the document",
        "  or       ADD never came",
        "  schedule B login(room R); A login(room R) as T0; 1.500 s later: cut A as T3; at T3 + 2.000 s: heal A as T5",
        "           at T5 - 100 ms: admin kick(user A, room R); server-restart the server; wait as W",
        "  spec     status.yaml:34, specs/vendor/status.yaml:120",
        "  trace    roomcheck-report/traces/back.cut.jsonl",
        "  repeat   roomcheck run -k vendor/status/back/cut",
    ]


def test_the_nearest_miss_comes_before_the_others() -> None:
    """What was seen is the nearest miss; only a further reason follows it."""
    lines = explain(violating(), HEADER)

    assert [x for x in lines if "too late" in x or "never came" in x] == [
        "  seen     DELETE came 1.204 s after T3, 204 ms too late",
        "  or       ADD never came",
    ]


@pytest.mark.parametrize("findings", [1, 2, 50])
@pytest.mark.parametrize("steps", [0, 1, 500])
def test_twenty_lines_are_enough_and_the_command_is_always_the_last(findings: int, steps: int) -> None:
    """However much there is to say, the command that repeats the case is not pushed out."""
    schedule = dataclasses.replace(SCHEDULE, steps=(Step(Wait(), label="x" * 60),) * steps)
    verdict = Verdict(Outcome.VIOLATES, (FINDING,) * findings)
    lines = explain(result(outcome=Outcome.VIOLATES, verdict=verdict, schedule=schedule), HEADER)

    assert len(lines) <= LINES
    assert lines[-1].startswith("  repeat ")
    assert lines[-2].startswith("  trace ")


def test_what_was_expected_is_not_said_twice() -> None:
    """The judge's sentences begin with the rule; the line above has it already."""
    finding = dataclasses.replace(FINDING, expected="BACK upon link up", seen="BACK upon link up: did not come")

    assert "  seen     did not come" in explain(violating(finding=finding), HEADER)

    finding = dataclasses.replace(FINDING, expected="KICK_OUT", seen="expected KICK_OUT, told RECONNECTED")
    assert "  seen     told RECONNECTED" in explain(violating(finding=finding), HEADER)


def test_further_findings_are_counted() -> None:
    """The second finding has a line, the others a number."""
    lines = explain(result(outcome=Outcome.VIOLATES, verdict=Verdict(Outcome.VIOLATES, (FINDING,) * 5)), HEADER)

    assert [x for x in lines if x.startswith("  then ")] == [
        "  then     R-1, B about A at 3.204 s: DELETE came 1.204 s after T3, 204 ms too late (and 3 more)"
    ]


def test_without_a_verdict_the_message_and_the_last_words_are_shown() -> None:
    """A broken adapter is explained by what it said, not by requirements."""
    lines = explain(broken(blame=Blame.HARNESS), HEADER)

    assert lines[:4] == [
        "vendor/status/back/ghost: no verdict (harness)",
        "  because  the adapter died",
        "  log      Traceback",
        "  log      boom",
    ]


def test_what_the_programs_printed_stands_beside_a_finding() -> None:
    """The last three lines of each, under its name."""
    log = (*(f"adapter: line {n}" for n in range(5)), "server: Traceback", "server: boom: gone")
    lines = explain(dataclasses.replace(violating(), log=log), HEADER)

    assert [line for line in lines if line.startswith(("  adapter", "  server"))] == [
        "  adapter  line 2", "  adapter  line 3", "  adapter  line 4", "  server   Traceback", "  server   boom: gone",
    ]  # fmt: skip
    assert len(lines) <= LINES


def test_doubt_is_said_not_to_be_a_pass() -> None:
    """Inconclusive reads as what it is."""
    head = explain(dataclasses.replace(doubtful(), attempts=3), HEADER)[0]

    assert head == "vendor/status/back/stall: inconclusive after 3 tries, not counted as a pass (machine)"


def test_a_good_case_needs_no_reason() -> None:
    """A case that conformed shows only what it was."""
    assert explain(good(), HEADER)[0] == "vendor/status/back/cut: conforms"


def test_a_finding_without_requirement_still_reads() -> None:
    """A callback that no requirement names is shown by place, expected and seen."""
    bare = dataclasses.replace(FINDING, requirement=None, miss=None, misses=(), where="")
    lines = explain(dataclasses.replace(violating(finding=bare), file=""), HEADER)

    assert [line[2:11].strip() for line in lines[1:4]] == ["where", "expected", "seen"]
    assert not any(line.startswith("  spec") for line in lines)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_cannot_act_on_a_terminal(text: str) -> None:
    """Every line is printable, whatever a room said."""
    assert all(line.isprintable() for line in explain(hostile(text), HEADER))


@given(st.text(st.characters(), max_size=2_000))
def test_no_text_makes_more_lines_or_endless_ones(text: str) -> None:
    """Twenty lines of a bounded length for any text."""
    lines = explain(hostile(text), HEADER)

    assert len(lines) <= LINES
    assert max(map(len, lines)) < 600


@pytest.mark.parametrize("each", ALL, ids=lambda r: str(r.outcome))
def test_every_kind_of_result_is_explained(each: CaseResult) -> None:
    """The first line names the case, the last one repeats it."""
    lines = explain(each, HEADER)

    assert lines[0].startswith(each.case)
    assert lines[-1].endswith(each.repeat)


def test_steps_read_like_sentences() -> None:
    """Each kind of step has its words."""
    assert [show_step(step) for step in SCHEDULE.steps] == [
        "B login(room R)",
        "A login(room R) as T0",
        "1.500 s later: cut A as T3",
        "at T3 + 2.000 s: heal A as T5",
        "at T5 - 100 ms: admin kick(user A, room R)",
        "server-restart the server",
        "wait as W",
    ]
    latency = Step(Fault("A", FaultKind.LATENCY, {"latency": 5_000}))
    truncated = Step(Fault("A", FaultKind.TRUNCATE))
    sliced = Step(Fault("A", FaultKind.SLICE, {"size": 20, "delay": 200}))
    assert [show_step(step) for step in (latency, sliced, truncated)] == [
        "latency A(latency 5 ms)", "slice A(size 20, variation 10, delay 0.2 ms)", "truncate A(bytes 1, within 20 ms)",
    ]  # fmt: skip


def test_what_would_have_decided_a_case_in_doubt_stands_in_the_column_of_all_others() -> None:
    """A name as wide as the column would run into its text, here and on the page, which is made of these lines."""
    lines = explain(dataclasses.replace(doubtful(), advice="a quieter machine"), HEADER)

    assert "  needs    a quieter machine" in lines
    assert all(line[INDENT - 1] == " " for line in lines[1:])
