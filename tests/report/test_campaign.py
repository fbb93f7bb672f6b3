"""A campaign's page: safe whatever a room tells, and of one file."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from roomcheck.report.campaign import Point, Row, Standing, as_html, as_json, lines

NASTY = "<script>alert(1)</script>\x1b[2J\u202e'\"&{{ 7 * 7 }}"
ROW = Row(
    NASTY, NASTY, NASTY, 3, "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00", "", NASTY, (9, 4), NASTY, NASTY
)
STANDING = Standing(
    folder=NASTY, facts={"target": NASTY, "spec": NASTY, "seed": "0"}, began=NASTY, until=NASTY, sittings=2, seconds=7200.0,
    played=10, outcomes={"conforms": 7, "violates": 3}, triples=5, rules=2, requirements=1, quiet=4,
    curve=[Point(1, NASTY, 2), Point(6, NASTY, 5)], findings=[ROW], more=NASTY,
)  # fmt: skip


class Tags(HTMLParser):
    """Every tag of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_no_text_of_a_room_does_anything_on_the_page() -> None:
    """Neither tags nor what cannot be seen."""
    page = as_html(STANDING)
    tags = Tags()
    tags.feed(page)

    assert "script" not in {tag for tag, _ in tags.seen}
    assert not any(name.startswith("on") or name in ("src", "href") for _, attrs in tags.seen for name in attrs)
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "{{ 7 * 7 }}" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_no_text_of_a_room_moves_the_cursor() -> None:
    """In the table."""
    assert all(line.isprintable() or not line for line in lines(STANDING))
    assert as_json(STANDING).isascii()


def test_coverage_is_a_line_that_only_rises() -> None:
    """From nothing to all that was met, and on to the last schedule."""
    (points,) = re.findall(r'stroke-width="1.5" points="([^"]*)"', as_html(STANDING))
    places = [tuple(map(float, point.split(","))) for point in points.split()]

    assert places == sorted(places, key=lambda place: (place[0], -place[1]))
    assert places[0][1] > places[-1][1]
    assert as_html(replace(STANDING, curve=[], findings=[], played=0, triples=0)).count("<polyline") == 2
