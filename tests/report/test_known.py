"""Known failures against what a run found."""

from dataclasses import replace

import pytest

from report import samples
from report.played import zego
from roomcheck.model.verdict import CaseResult, Finding, Outcome, Verdict
from roomcheck.report.exitcode import AS_EXPECTED, VIOLATION, exit_code
from roomcheck.report.explain import explain, headline
from roomcheck.report.html import Pictures, write_html
from roomcheck.report.junit import write_junit
from roomcheck.report.known import KnownFailures, signature
from roomcheck.spec.known import Known
from roomcheck.spec.where import Where

ENTRY = Known(
    "back/*",
    "R-1",
    "DELETE came",
    "slow server",
    "us",
    "2026-12-31",
    "https://tracker.example/1",
    where=Where("d/k.yaml", 3, 3),
)


def known(*entries: Known, today: str = "2026-12-31") -> KnownFailures:
    return KnownFailures("vendor/status", entries or (ENTRY,), today)


def stale(failures: KnownFailures, *results: CaseResult, whole: bool = True) -> list[str]:
    return [r.message for r in failures.stale(results, whole=whole)]


def test_a_listed_failure_is_expected() -> None:
    """Marked with reason, owner, link and date, and the run ends as expected; its findings stay."""
    (result,) = (known().mark(samples.violating()),)

    assert result.known == "slow server (us, https://tracker.example/1, until 2026-12-31)"
    assert exit_code([result]) == AS_EXPECTED
    assert replace(result, known="") == samples.violating()
    assert stale(known(), result) == []
    assert headline(result).startswith("vendor/status/back/cut: expected failure, slow server")


def test_a_race_may_pass_and_may_be_seen() -> None:
    """An entry that says `sometimes` holds either way, until it is too old; another failure is one all the same."""
    race = replace(ENTRY, case="*", sometimes=True)
    failures = known(race)

    assert failures.mark(samples.violating()).known.startswith("slow server")
    assert stale(failures, samples.violating()) == []
    assert stale(failures, samples.good()) == []
    assert not failures.lists("back/cut")
    assert failures.kept([samples.good()]) == [race]
    assert known(replace(race, seen="ADD never")).mark(samples.violating()).known == ""
    assert "expired" in stale(known(race, today="2027-01-01"), samples.violating())[0]
    assert "no case 'bakc/*'" in stale(known(replace(race, case="bakc/*")), samples.violating())[0]


def test_a_race_may_be_seen_where_something_else_fails_each_time() -> None:
    """The other entry is not stale by that, as its failure may have come after the race."""
    other = replace(ENTRY, seen="ADD never")

    assert stale(known(other, replace(ENTRY, case="*", sometimes=True)), samples.violating()) == []
    assert "fails otherwise" in stale(known(other, replace(ENTRY, case="z*", sometimes=True)), samples.violating())[0]


@pytest.mark.parametrize(
    "entry",
    [
        replace(ENTRY, case="kick"), replace(ENTRY, case="back"), replace(ENTRY, requirement="R-2"),
        replace(ENTRY, seen="ADD never"), replace(ENTRY, expires="2026-12-30"),
    ],
    ids=["another case", "part of the name", "another requirement", "another text", "expired"],
)  # fmt: skip
def test_any_other_failure_is_a_violation(entry: Known) -> None:
    """Of another case, or of this one in another way, or on the day after."""
    result = known(entry).mark(samples.violating())

    assert result.known == ""
    assert exit_code([result]) == VIOLATION


def test_what_does_not_violate_is_never_expected() -> None:
    """Doubt stays doubt, a pass stays a pass."""
    results = [samples.doubtful(), samples.good(), samples.broken(), samples.absent()]

    assert [known().mark(r) for r in results] == results
    empty = replace(samples.violating(), verdict=Verdict(Outcome.VIOLATES))
    assert known().mark(empty).known == ""


def test_an_entry_whose_case_passes_is_a_failure() -> None:
    """One line that names both, and exit code 1."""
    failures = known()
    results = [failures.mark(r) for r in (samples.violating(), samples.good("vendor/status/back/reset"))]
    (wrong,) = failures.stale(results, whole=False)

    assert wrong.message == "back/reset passed, although back/* is a known failure: remove the entry"
    assert (wrong.case, wrong.file, wrong.line) == ("vendor/status/known failures/k.yaml:3", "d/k.yaml", 3)
    assert exit_code([*results, wrong]) == VIOLATION
    assert headline(wrong).endswith(": not as listed")


def test_a_list_names_the_cases_that_are_expected_to_fail() -> None:
    """By the whole of their id; an entry that has expired names none."""
    assert known().lists("back/cut")
    assert not known().lists("come-back/cut")
    assert not known(today="2027-01-01").lists("back/cut")


def test_an_entry_that_matches_nothing_is_a_failure_in_a_whole_run() -> None:
    """No such case, a case that fails in another way, one that does not apply; where cases were left out it may be."""
    end = ": mend or remove the entry"
    other = samples.violating(finding=replace(samples.FINDING, seen="ADD never came, 3.2 s after it was due"))
    absent = samples.absent("vendor/status/back/ghost")

    assert stale(known()) == [f"vendor/status has no case 'back/*'{end}"]
    assert stale(known(replace(ENTRY, case="kik")), samples.good("vendor/status/kick")) == [
        f"vendor/status has no case 'kik'; did you mean 'kick'?{end}"
    ]
    assert stale(known(), other) == [
        f"back/cut fails otherwise than listed (R-1: DELETE came), now R-1: {samples.FINDING.view}: ADD never came{end}"
    ]
    assert stale(known(), absent) == [f"back/* does not apply to this target: {absent.message}{end}"]
    assert stale(known(), replace(absent, message="")) == [f"back/* does not apply to this target{end}"]
    assert stale(known(), whole=False) == []


def test_an_entry_for_a_requirement_that_is_none_of_the_spec_fails_every_run() -> None:
    """Such a failure cannot come; the parts of a pair may be played by another spec."""
    failures = replace(known(), requirements=("R-2", "R-1x"))

    assert stale(failures, samples.violating(), whole=False) == [
        "vendor/status has no requirement 'R-1'; did you mean 'R-1x'?: mend or remove the entry for back/*"
    ]
    assert stale(replace(failures, requirements=("R-1",)), samples.violating()) == []
    assert stale(replace(failures, paired=True), samples.violating()) == []


def test_a_list_that_does_not_hold_blames_nobody_else() -> None:
    """Neither the room nor the spec: the entry and its place are named."""
    (wrong,) = known().stale([samples.good("vendor/status/back/cut")], whole=False)
    lines = explain(wrong, samples.HEADER)

    assert lines[0] == "vendor/status/known failures/k.yaml:3: not as listed"
    assert lines[1].split() == ["because", *wrong.message.split()]
    assert lines[2].split() == ["entry", "d/k.yaml:3"]


def test_entries_for_one_case_are_what_may_be_seen_of_it() -> None:
    """One of them is enough; where none is, all are failures; an update keeps both."""
    either = known(ENTRY, replace(ENTRY, requirement="R-2", seen="ADD never"))
    other = samples.violating(finding=replace(samples.FINDING, seen="LATE came"))

    assert stale(either, samples.violating()) == []
    assert len(stale(either, other)) == 2
    assert either.kept([samples.violating()]) == list(either.entries)


def test_an_entry_whose_case_came_to_no_verdict_is_not_judged() -> None:
    """The run says nothing of it."""
    assert stale(known(), samples.doubtful()) == []
    assert stale(known(), samples.broken()) == []


def test_an_entry_past_its_date_is_a_failure() -> None:
    """On the day itself it still holds."""
    assert stale(known(today="2026-12-31"), samples.violating()) == []
    (text,) = stale(known(today="2027-01-01"), samples.violating())
    assert text == "the entry for back/* expired on 2026-12-31: slow server (us)"


def test_an_update_keeps_adds_and_drops() -> None:
    """What holds or cannot be told is kept; a new violation gets an entry; what passed or matched nothing goes."""
    failures = known(ENTRY, replace(ENTRY, case="kick"), replace(ENTRY, case="join"), replace(ENTRY, case="back/stall"))
    results = [
        samples.violating(), samples.doubtful(), samples.good("vendor/status/join"),
        samples.violating("vendor/status/leave"), replace(samples.violating("vendor/status/odd"), verdict=None),
    ]  # fmt: skip
    kept = failures.kept(results)

    assert [e.case for e in kept] == ["back/*", "back/stall"]
    (new,) = failures.new(results, kept, "2027-03-31")
    assert (new.case, new.requirement, new.seen, new.expires) == ("leave", "R-1", "DELETE came", "2027-03-31")
    after = KnownFailures("vendor/status", (*kept, new), "2026-12-31")
    assert after.mark(results[3]).known


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        ("DELETE came 1.204 s after T3, 204 ms too late", "DELETE came"),
        ("X: did not come; 1.2 s after it was due", "X: did not come"),
        ("ADD never came", "ADD never came"),
        ("told with {'code': 1002050}", "told with {'code': 1002050}"),
        ("20 ms", "B about A"),
    ],
)
def test_a_signature_has_nothing_that_was_measured(seen: str, text: str) -> None:
    """The next run measures something else; codes stay."""
    assert signature(Finding("R-1", "B about A", 0, "", seen)) == text


def test_junit_skips_an_expected_failure() -> None:
    """With the reason and what was seen; nothing fails."""
    result = known().mark(samples.violating())
    text = write_junit(
        samples.HEADER, [result, samples.good("vendor/status/join")], replace(samples.FOOTER, exit_code=0)
    )

    assert 'failures="0"' in text
    assert '<skipped message="expected failure, slow server' in text
    assert "DELETE came 1.204 s after T3" in text


def test_the_page_shows_an_expected_failure_as_one() -> None:
    """Not as a violation, and with its reason; the table of requirements says that the promise is broken."""
    result = known().mark(samples.violating())
    text = write_html(samples.HEADER, [result], replace(samples.FOOTER, exit_code=0), Pictures(lambda _scale: zego()))

    assert '<span class="badge expected-failure">1 expected failure</span>' in text
    assert "<dt>known</dt><dd>slow server" in text
    assert "As expected (exit code 0)" in text


def test_a_list_that_does_not_hold_is_not_called_a_violation() -> None:
    """The room keeps its contract: the list is to be mended."""
    good = samples.good("vendor/status/back/reset")
    results = [good, *known().stale([good], whole=True)]
    text = write_html(samples.HEADER, results, samples.FOOTER, Pictures(lambda _scale: zego()))

    assert "The list of known failures does not hold (exit code 1)" in text
