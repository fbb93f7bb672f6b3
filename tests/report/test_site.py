"""The site as values and as files: what counts of several runs, what changed, and what a hostile stream cannot do."""

import json
from dataclasses import asdict, replace
from itertools import permutations
from typing import Any

import jsonschema
import pytest
from lxml import etree

from report import samples
from roomcheck.model.verdict import CaseResult, Check, Outcome, RunFooter, RunHeader, Verdict
from roomcheck.report.html import ENDS
from roomcheck.report.site import ENDINGS, NOT_CHECKED, UNSTEADY, Site, Standing, Stream, site_of, slug, stream_id
from roomcheck.report.site_pages import badge_data, badge_svg, pages, schema
from roomcheck.resources import root

WHOLE = replace(samples.FOOTER, exit_code=0)
KNOWN = replace(samples.violating("vendor/status/back/cut"), known="not mended yet (somebody, until 2030-01-01)")


def stream(*results: CaseResult, footer: RunFooter | None = WHOLE, **changed: Any) -> Stream:
    """A run; `day` is the day of its month."""
    day = changed.pop("day", 24)
    header = replace(samples.HEADER, started=f"2026-11-{day:02}T02:00:00+00:00", cases=len(results), **changed)
    key = stream_id(repr((header, results, footer)).encode())
    return Stream(key, f"{header.target} on {header.started}", (header, list(results), footer))


def standing(*streams: Stream) -> Standing:
    """Of the only implementation under the only contract."""
    (found,) = site_of(streams).standings
    return found


def cells(found: Standing) -> dict[str, str]:
    return {cell.requirement: cell.ending for cell in found.cells}


def endings(found: Standing) -> dict[str, str]:
    return {case.name: case.ending for case in found.cases}


def written(site: Site) -> dict[str, str]:
    return dict(pages(site))


# --- what counts ---------------------------------------------------------------------------------------------------


def test_the_words_are_those_of_the_report() -> None:
    """And two more, for what no case looked at, and for what differs between runs."""
    assert {*ENDS, NOT_CHECKED, UNSTEADY} == set(ENDINGS)


def test_each_requirement_has_a_cell_that_leads_to_its_worst_case() -> None:
    """Also the one that nothing checked, which leads nowhere."""
    found = standing(stream(samples.violating("vendor/status/back/cut"), samples.good("vendor/status/join/cut")))

    assert cells(found) == {"R-1": "violates", "R-2": "conforms", "R-3": "not checked"}
    first, _, last = found.cells
    assert (first.case, first.count, first.cases) == ("back/cut", 1, 2)
    assert first.report == f"runs/{found.runs[0].id}/report.html#c1"
    assert last.report == ""


def test_what_was_broken_after_something_else_is_not_violated() -> None:
    """It is nothing that this case could say."""
    later = replace(samples.FINDING, requirement="R-2")
    checks = (Check("R-1", "", Outcome.VIOLATES), Check("R-2", "", Outcome.VIOLATES))
    verdict = Verdict(Outcome.VIOLATES, (samples.FINDING, later), checks)
    bad = samples.result(outcome=Outcome.VIOLATES, verdict=verdict)

    assert cells(standing(stream(bad))) == {"R-1": "violates", "R-2": "not checked", "R-3": "not checked"}


def test_what_could_not_be_looked_at_is_not_called_not_applicable() -> None:
    """That word is for what the implementation lacks."""
    checks = (Check("R-1", "", Outcome.VIOLATES), Check("R-2", "", Outcome.NOT_APPLICABLE, "broken first"))
    spoiled = samples.result(outcome=Outcome.VIOLATES, verdict=Verdict(Outcome.VIOLATES, (samples.FINDING,), checks))
    lacking = samples.result(outcome=Outcome.NOT_APPLICABLE, message="the room does not have kick")

    assert cells(standing(stream(spoiled)))["R-2"] == "not checked"
    assert cells(standing(stream(lacking)))["R-2"] == "not applicable"


def test_a_violation_that_names_no_requirement_is_shown() -> None:
    """In a row of its own."""
    finding = replace(samples.FINDING, requirement=None)
    bad = samples.result(outcome=Outcome.VIOLATES, verdict=Verdict(Outcome.VIOLATES, (finding,)), requirements=())

    found = standing(stream(bad))
    assert cells(found)["(no requirement)"] == "violates"
    assert "(no requirement)" in written(site_of([stream(bad)]))["contracts/vendor.status.html"]


def test_a_known_failure_is_neither_kept_nor_violated() -> None:
    """The badge says so too."""
    found = standing(stream(KNOWN))

    assert cells(found)["R-1"] == "expected failure"
    assert found.badge.message == "1 of 2 kept, 1 known failure"
    assert found.badge.color == "orange"


def test_the_newest_result_of_a_case_counts() -> None:
    """And what only an older run played is not lost."""
    doubtful = samples.result("vendor/status/back/cut", Outcome.INCONCLUSIVE)
    found = standing(stream(doubtful, samples.good("vendor/status/join/cut"), day=1), stream(samples.good(), day=2))

    assert endings(found) == {"back/cut": "conforms", "join/cut": "conforms"}
    assert found.badge.color == "brightgreen"


def test_what_conforms_and_violated_before_is_unsteady() -> None:
    """As the same version does both; it leads to where it went wrong, and is neither kept nor green."""
    bad, good = samples.violating("vendor/status/back/cut"), samples.good()
    found = standing(stream(bad, day=1), stream(bad, day=2), stream(good, day=3))

    (case,) = found.cases
    assert (case.ending, case.violated, case.played) == ("unsteady", 2, 3)
    assert case.run == found.runs[1].id
    assert case.seen
    assert cells(found) == {"R-1": "unsteady", "R-2": "conforms", "R-3": "not checked"}
    assert (found.badge.message, found.badge.color) == ("1 of 2 kept, 1 unsteady", "yellow")
    mended = standing(stream(bad, day=1), stream(good, day=2, room="room 2.0"))
    assert cells(mended)["R-1"] == "conforms"


def test_another_version_begins_anew() -> None:
    """What its predecessor did is history; so it is with another revision of the contract."""
    old, new = (
        stream(samples.violating("vendor/status/back/cut"), day=1),
        stream(samples.good("vendor/status/join/cut"), day=2, room="room 2.0"),
    )

    found = standing(old, new)
    assert endings(found) == {"join/cut": "conforms"}
    assert [run.version for run in found.runs] == ["room 2.0", "reference room 1.0"]
    revised = standing(old, stream(samples.good("vendor/status/join/cut"), day=2, revision="2026-12"))
    assert endings(revised) == {"join/cut": "conforms"}


def test_a_run_that_never_reached_the_room_hides_nothing() -> None:
    """It stands in the history."""
    dead = stream(day=2, room="", footer=replace(WHOLE, exit_code=4, complete=False))
    found = standing(stream(samples.good(), day=1), dead)

    assert endings(found) == {"back/cut": "conforms"}
    assert found.runs[0].version == "never answered"
    assert "not complete: 0 cases have a result" in found.runs[0].ended


@pytest.mark.parametrize(
    ("streams", "whole"),
    [
        ([stream(samples.good(), footer=None)], False),
        ([stream(samples.good(), footer=replace(WHOLE, complete=False))], False),
        ([stream(samples.good(), shard="1/2")], False),
        ([stream(samples.good(), shard="1/2"), stream(samples.good("vendor/status/join/cut"), shard="2/2")], True),
        ([stream(samples.good(), footer=None), stream(samples.good(), day=1)], True),
    ],
    ids=["cut short", "interrupted", "one shard", "all shards", "another one was whole"],
)
def test_what_is_not_whole_is_never_green(streams: list[Stream], *, whole: bool) -> None:
    """What was not played might be broken."""
    found = standing(*streams)

    assert found.whole is whole
    assert (found.badge.color == "brightgreen") is whole
    assert ("not complete" in found.badge.message) is not whole


@pytest.mark.parametrize(
    ("result", "color"),
    [
        (samples.good(), "brightgreen"),
        (samples.violating("vendor/status/back/cut"), "red"),
        (samples.result(outcome=Outcome.INCONCLUSIVE), "yellow"),
        (samples.result(outcome=None), "yellow"),
        (samples.result(outcome=Outcome.NOT_APPLICABLE), "lightgrey"),
    ],
)
def test_a_badge_is_green_only_if_everything_is_kept(result: CaseResult, color: str) -> None:
    """And where nothing was checked it says so."""
    assert standing(stream(result)).badge.color == color


def test_of_a_list_of_known_failures_only_the_last_run_tells() -> None:
    """Its entries are mended and gone, as no case is."""
    stale = replace(
        samples.result("vendor/status/known failures/known_failures.yaml:3", None), scenario="known failures"
    )

    assert "known failures/known_failures.yaml:3" in endings(standing(stream(stale)))
    assert endings(standing(stream(stale, day=1), stream(samples.good(), day=2))) == {"back/cut": "conforms"}


def test_what_changed_is_told_with_each_run() -> None:
    """Against the last time that the case was played, however long ago."""
    other = samples.good("vendor/status/join/cut")
    found = standing(
        stream(samples.good(), day=1),
        stream(other, day=2),
        stream(samples.violating("vendor/status/back/cut"), other, day=3),
    )

    newest, middle, oldest = found.runs
    assert [(c.case, c.before, c.after) for c in newest.changes] == [("back/cut", "conforms", "violates")]
    assert (middle.changes, middle.added) == ((), 1)
    assert (oldest.changes, oldest.added) == ((), 1)


def test_a_requirement_of_another_revision_is_not_lost() -> None:
    """It stands after those that the newest revision knows."""
    sentences = {"R-1": "A lost link is told."}
    streams = [stream(samples.good(), day=1), stream(samples.good(), day=2, target="other", sentences=sentences)]
    table = written(site_of(streams))["contracts/vendor.status.html"]

    assert table.index("R-1") < table.index("R-2")
    assert "R-3" not in table.partition("</table>")[0] or table.index("R-2") < table.index("R-3")


# --- pairs of parts --------------------------------------------------------------------------------------------------


def test_pairs_are_shown_as_servers_and_clients() -> None:
    """A cell for each, with its worst ending and a link; a pair that nobody played says so, other names are no pairs."""
    good, bad = samples.good("vendor/status/join"), samples.violating("vendor/status/back/cut")
    made = site_of(
        [
            stream(good, target="hall+door"), stream(bad, target="hall@2+gate"), stream(good, target="hall@2+door"),
            stream(good, target="reference"), stream(good, target="a+b+c"), stream(good, target="+x"),
        ]
    )  # fmt: skip
    page = written(made)[made.contracts[0].page]
    table = etree.HTML(page).find(".//section[@aria-labelledby='pairs-title']//table")
    assert table is not None
    rows = [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in table.iter("tr")]

    assert rows[0] == ["server", "door", "gate"]
    assert [row[0] for row in rows[1:]] == ["hall", "hall@2"]
    assert rows[1][2] == "not played"
    assert rows[2][2].startswith("violates 1 violates")
    pages_of = {one.name: one.page for one in made.implementations}
    assert [link.get("href") for link in table.iter("a")] == [
        f"../{pages_of[name]}" for name in ("hall+door", "hall@2+door", "hall@2+gate")
    ]


def test_one_pair_is_no_table() -> None:
    """Nor are implementations with names of their own."""
    made = site_of([stream(samples.good("vendor/status/join"), target=name) for name in ("hall+door", "reference")])

    assert "Servers and clients" not in written(made)[made.contracts[0].page]


# --- files ---------------------------------------------------------------------------------------------------------


def many() -> list[Stream]:
    """Three implementations of two contracts, with a history."""
    return [
        stream(samples.violating("vendor/status/back/cut"), day=1), stream(samples.good(), day=2), stream(KNOWN, day=2, target="other", room="x 2"),
        stream(samples.good("vendor/two/join/cut"), day=3, target="third", spec="vendor/two", footer=None),
    ]  # fmt: skip


def test_the_same_streams_make_the_same_site_in_whatever_order() -> None:
    """Byte for byte."""
    texts = {json.dumps(list(pages(site_of(order)))) for order in permutations(many())}

    assert len(texts) == 1


def test_every_link_leads_somewhere() -> None:
    """To a page of the site, a place in one, or the report or trace of one of the runs."""
    site = site_of(many())
    found = written(site)
    runs = {run.id for s in site.standings for run in s.runs}

    for place, text in found.items():
        if not place.endswith(".html"):
            continue
        up = "" if place == "index.html" else "../"
        links = [part.partition('"')[0] for part in text.split('href="')[1:]]
        assert links
        for link in links:
            file, _, anchor = link.partition("#")
            target = file.removeprefix(up) if file else place
            if target.startswith("runs/"):
                assert target.split("/")[1] in runs
            else:
                assert target in found
                assert not anchor or f'id="{anchor}"' in found[target]


def test_the_data_fits_its_schema() -> None:
    """The schema is published, and written with each site; and it refuses something."""
    found = written(site_of(many()))
    data = json.loads(found["data.json"])

    assert json.loads(found["site.schema.json"]) == schema()
    jsonschema.validate(data, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "contracts": [1]}, schema())


def test_the_schema_is_in_the_folder_of_schemas() -> None:
    """What `schema()` gives now; write that to the file."""
    kept = root() / "specs" / "schema" / "site.schema.json"

    assert json.loads(kept.read_text(encoding="utf-8")) == schema()


def test_a_badge_is_what_shields_reads() -> None:
    """And the picture says the same, as text too."""
    badge = standing(stream(samples.violating("vendor/status/back/cut"))).badge

    assert badge_data(badge) == {
        "schemaVersion": 1, "label": "vendor/status", "message": "1 of 2 kept, 1 violated", "color": "red",
    }  # fmt: skip
    drawn = etree.fromstring(badge_svg(badge))
    assert drawn.get("aria-label") == "vendor/status: 1 of 2 kept, 1 violated"


@pytest.mark.parametrize("text", [*samples.HOSTILE, "../../etc/passwd", "javascript:alert(1)", "", ".", "a" * 500])
def test_a_hostile_stream_stays_text(text: str) -> None:
    """In names of files, in links and in pages: of its target, its spec, its version, its cases and its requirements."""
    result = replace(samples.hostile(text), case=f"{text}/{text}", requirements=(text,), repeat=text, trace_file="")
    header: dict[str, Any] = {
        "target": text, "spec": text, "room": text, "revision": text, "title": text, "document": text, "url": text,
        "sentences": {text: text}, "cites": {text: text},
    }  # fmt: skip
    site = site_of([stream(result, **header)])

    for place, content in written(site).items():
        assert place.count("/") <= 1
        assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789-_./" for c in place)
        assert ".." not in place
        assert len(place) < 200
        assert place.endswith(".json") or "<failure" not in content
        assert 'href="javascript' not in content
        assert all(c.isprintable() or c == "\n" for c in content)
        content.encode("utf-8")
    etree.fromstring(next(drawn for place, drawn in written(site).items() if place.endswith(".svg")).encode())
    jsonschema.validate(json.loads(written(site)["data.json"]), schema())


def test_no_two_names_have_the_same_file() -> None:
    """Not even where letters of both cases are one, and not those of versions."""
    names = ["a/b", "a.b", "A/B", "a b", "a-b", "a@x=1.0", "a@x=1.1", "", ".", "..", "é", "x", "a" * 100, "a" * 101]

    assert len({slug(name).lower() for name in names}) == len(names)


def test_the_values_are_plain() -> None:
    """What `asdict` makes of them is what the data holds."""
    site = site_of(many())

    assert json.loads(json.dumps(asdict(site)))["format"] == 1
    assert isinstance(samples.HEADER, RunHeader)
