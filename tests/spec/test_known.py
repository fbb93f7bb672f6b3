"""The file of known failures: read with every mistake, and written anew without losing what a person wrote."""

from dataclasses import replace

import pytest

from roomcheck.errors import SpecError
from roomcheck.spec.known import Known, load_known, rewrite_known, write_known

ENTRY = "{case: a, requirement: R-1, seen: late, reason: slow, owner: us, expires: 2026-12-31}"
FILE = """\
# What our room breaks.

# Told to the vendor.
- case: kick*
  requirement: R-1
  seen: did not come # whatever the time
  reason: slow
  owner: us
  link: https://tracker.example/1
  expires: 2026-12-31

- {case: back/cut, requirement: R-2, seen: too late, reason: slow, owner: them, expires: 2027-01-01}
# The last.
- case: login
  requirement: ""
  seen: twice
  reason: unknown
  owner: us
  expires: 2026-12-31"""
NEW = Known("new/case", "R-3", "it: {'a': 1}", "Not looked at yet", "nobody yet", "2027-02-03")


def wrong(text: str) -> list[str]:
    """The problems of a file."""
    with pytest.raises(SpecError) as e:
        load_known(text, "k.yaml")
    return [str(p) for p in e.value.problems]


def places(entries: tuple[Known, ...]) -> list[Known]:
    """Without where they stand."""
    return [replace(e, where=NEW.where) for e in entries]


def test_every_key_is_read() -> None:
    """With the place of each entry; a link may be missing."""
    entries = load_known(FILE, "k.yaml")

    assert [(e.case, e.where.line) for e in entries] == [("kick*", 4), ("back/cut", 12), ("login", 14)]
    first = entries[0]
    assert (first.requirement, first.seen, first.reason) == ("R-1", "did not come", "slow")
    assert (first.owner, first.link, first.expires) == ("us", "https://tracker.example/1", "2026-12-31")
    assert entries[1].link == ""


def test_an_empty_list_is_a_file() -> None:
    """Nothing is known to fail."""
    assert load_known("[]\n", "k.yaml") == ()


def test_what_is_seen_only_sometimes_may_be_of_any_case() -> None:
    """Its requirement and what is seen say what it hides; it is written back as it was read."""
    (entry,) = load_known("- " + ENTRY.replace("a,", "'*', sometimes: true,"), "k.yaml")

    assert (entry.case, entry.sometimes) == ("*", True)
    assert "sometimes: true" in write_known([entry])
    assert "sometimes" not in write_known([replace(entry, sometimes=False)])


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("owner: us, ", "", ["3: 'owner' is missing here"]),
        ("reason", "raeson", ["3: 'reason' is missing here", "43: unknown key 'raeson'; did you mean 'reason'?"]),
        ("2026-12-31", "31.12.2026", ["77: '31.12.2026' is no date; write it as 2026-12-31"]),
        ("2026-12-31", "2026-13-01", ["77: '2026-13-01' is no date; write it as 2026-12-31"]),
        ("a,", "'**',", ["10: 'case' says nothing, so this entry would hide every failure"]),
        ("a,", "'', sometimes: true,", ["10: 'case' says nothing, so this entry would hide every failure"]),
        ("late", "''", ["37: 'seen' says nothing, so this entry would hide every failure"]),
        ("slow", "' '", ["51: 'reason' is empty; whoever reads this in a year must know"]),
        (ENTRY, "3", ["3: expected a map, found 3"]),
    ],
)
def test_every_mistake_has_its_place(old: str, new: str, problems: list[str]) -> None:
    """Keys that are missing or unknown, values that are none or would hide too much."""
    assert wrong(f"- {ENTRY}\n".replace(old, new, 1)) == [f"k.yaml:1:{p}" for p in problems]


def test_what_is_no_list_is_no_file() -> None:
    """And says what it should be."""
    assert wrong("a: 1\n") == ["k.yaml:1:1: expected a list, found a map"]


def test_what_is_written_is_read_again() -> None:
    """Also text that means something in YAML."""
    odd = replace(NEW, case="a/[b]*", seen="'x': {#}", reason="a\nb", link="https://tracker.example/?a=1#b")

    assert places(load_known(write_known([NEW, odd]), "k.yaml")) == [NEW, odd]
    assert load_known(write_known([]), "k.yaml") == ()


def test_what_is_kept_stays_as_it_was_written() -> None:
    """With its comments and blank lines; the new stands at the end, and what is gone takes its comment along."""
    entries = load_known(FILE, "k.yaml")

    assert rewrite_known(FILE, entries, entries, []) == FILE + "\n"
    text = rewrite_known(FILE, entries, entries[1:2], [NEW])
    assert text.startswith("# What our room breaks.\n\n- {case: back/cut,")
    assert "did not come" not in text
    assert "The last" not in text
    assert places(load_known(text, "k.yaml")) == [*places(entries[1:2]), NEW]


def test_a_file_without_entries_keeps_its_head() -> None:
    """When the last goes, and when the first comes."""
    entries = load_known(FILE, "k.yaml")
    nothing = rewrite_known(FILE, entries, [], [])

    assert nothing == "# What our room breaks.\n\n[]\n"
    again = rewrite_known(nothing, [], [], [NEW])
    assert again.startswith("# What our room breaks.\n\n- case: new/case\n")
    assert places(load_known(again, "k.yaml")) == [NEW]


@pytest.mark.parametrize("text", [f"[{ENTRY}, {ENTRY.replace('a,', 'b,')}]\n", f"[{ENTRY},\n  {ENTRY}]\n"])
def test_entries_that_share_a_line_are_written_anew(text: str) -> None:
    """Nothing but the entries is left."""
    entries = load_known(text, "k.yaml")
    written = rewrite_known(text, entries, entries[:1], [NEW])

    assert places(load_known(written, "k.yaml")) == [*places(entries[:1]), NEW]
