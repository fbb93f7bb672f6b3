"""The matrix of servers and clients, from what became of each pair."""

import json
from dataclasses import replace

import jsonschema
import pytest

from report import samples
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.report.exitcode import AS_EXPECTED, HARNESS, INCONCLUSIVE, NOTHING, VIOLATION
from roomcheck.report.interop import Interop, Pair, State, schema
from roomcheck.resources import root


def pair(state: State = State.WAITING, code: int | None = None, server: str = "hall", client: str = "door") -> Pair:
    return Pair(server, client, f"{server}+{client}", state, code)


def test_a_cell_counts_what_was_found() -> None:
    """The worst first; a requirement is broken where its finding was the first; what does not apply is left out."""
    found = pair(State.PLAYED, VIOLATION)
    verdict = Verdict(Outcome.VIOLATES, (samples.FINDING,), samples.CHECKS)
    violation = samples.result(outcome=Outcome.VIOLATES, verdict=verdict)
    found.take([*samples.ALL, violation, samples.result(outcome=Outcome.VIOLATES)])

    assert found.text == "3 violates, 1 without verdict, 1 inconclusive, 1 conform"
    assert found.violated == {"R-1": 2, "(no requirement)": 1}
    found.take([replace(samples.broken(), scenario="known failures"), samples.good("vendor/status/join")])
    assert found.text == "1 known but not seen, 1 conform"
    found.take([])
    assert (found.text, found.violated) == ("nothing checked", {})


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([], NOTHING),
        ([pair()], NOTHING),
        ([pair(State.PLAYED, 0), pair()], AS_EXPECTED),
        ([pair(State.PLAYED, 0), pair(State.PLAYED, INCONCLUSIVE)], INCONCLUSIVE),
        ([pair(State.PLAYED, 0), pair(State.NOT_INSTALLED)], NOTHING),
        ([pair(State.UNFIT), pair(State.HUNG)], HARNESS),
        ([pair(State.DIED), pair(State.PLAYED, VIOLATION)], VIOLATION),
    ],
)
def test_the_exit_code_is_the_worst_of_all_pairs(pairs: list[Pair], code: int) -> None:
    """As for the cases of a run: a proof first, doubt last."""
    assert Interop("s", ["hall"], ["door"], pairs).exit_code() == code


def test_the_table() -> None:
    """A row for each server; what is to be said of a pair stands below, and no text of a room can harm a terminal."""
    pairs = [pair(State.PLAYED, 0), pair(State.HUNG, client="gate"), pair(State.UNFIT, server="barn")]
    pairs[0].conforms, pairs[0].violates, pairs[0].violated = 12, 2, {"R-2": 1, "R-1": 1}
    pairs[2].message = "\x1b[31mno"
    lines = Interop("s", ["hall", "barn"], ["door", "gate"], pairs).lines()

    assert lines[:3] == [
        "      door                    gate",
        "hall  2 violates, 12 conform  no end",
        "barn  does not fit",
    ]
    assert lines[3] == "hall+door: violates R-1 (1), R-2 (1)"
    assert lines[4].startswith("barn+door: ")
    assert "\x1b" not in lines[4]


def test_the_data_fits_its_schema() -> None:
    """Which is published, and refuses what is not so."""
    pairs = [pair(State.PLAYED, 0), pair(State.HUNG, client="gate")]
    pairs[0].take(samples.ALL)
    data = json.loads(json.dumps(Interop("s", ["hall"], ["door", "gate"], pairs).data()))

    assert json.loads((root() / "specs" / "schema" / "matrix.schema.json").read_text(encoding="utf-8")) == schema()
    jsonschema.validate(data, schema())
    for wrong in ({**data, "more": 1}, {**data, "pairs": [{**data["pairs"][0], "state": "lost"}]}, {"format": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema())
