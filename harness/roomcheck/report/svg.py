"""Where everything of a picture stands when it is drawn: time runs down, each member is a column of lanes.

Down, because what there is to read is text: a row for each callback needs no more room for ten members' names than for
two, never hides another row, and prints over pages. (Lanes from left to right were tried: at 17 callbacks the labels
need 1,500 pixels or lie on each other.) The template only writes these values down.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from roomcheck.report.picture import (
    SERVER,
    WHOLE,
    Band,
    Bar,
    Divergence,
    Kind,
    Moment,
    Picture,
    axis,
    brief,
    divergence_text,
    event_text,
)
from roomcheck.report.text import clipped

ROW = 19.0
EDGE = 3.0
SILENCE = 130.0  # pixels that the whole length of a case would add in one piece
HEAD = 74.0
FOOT = 10.0
CHARACTER = 6.65  # the width of one in the picture's 11 pixel monospace
SMALL = 5.45  # and in its 9 pixel one
LANE = 15.0
THIN = 8.0  # a window's lane
LONGEST = 46  # characters of a label
FINDING = 70  # and of the finding's
GUTTER = 92.0
REAL = 62.0
MARGIN = 8.0


@dataclass(frozen=True, slots=True)
class Box:
    """A stretch of a lane; `text` stands upright in it where there is room."""

    x: float
    y: float
    width: float
    height: float
    css: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An event: its mark at (x, y), its words from `text_x` on."""

    x: float
    y: float
    text_x: float
    mark: str
    label: str
    note: str
    title: str
    when: str
    real: str


@dataclass(frozen=True, slots=True)
class Head:
    """A word over a lane, upright, or (`lane` False) a column's name."""

    x: float
    text: str
    lane: bool


@dataclass(frozen=True, slots=True)
class FindingLine:
    """Where the judge's first finding is."""

    y: float
    x: float
    at: int
    when: str
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture with all places found."""

    width: float
    height: float
    heads: tuple[Head, ...]
    borders: tuple[float, ...]
    boxes: tuple[Box, ...]
    areas: tuple[Box, ...]
    rows: tuple[Row, ...]
    line: FindingLine | None
    gutter: float
    real: float


def draw(picture: Picture) -> Drawing:
    """Find a place for everything."""
    d = picture.divergence
    rows = _rows(picture)
    edges = [t for b in picture.bars for t in (b.begin, b.end)] + [
        t for b in picture.bands for t in (b.opens, b.closes)
    ]
    edges = [min(max(t, 0), picture.end) for t in edges]
    # events at the same moment get rows of their own: each is given a place a microsecond after the one before
    finding = d.at + 1 if d else 0
    while finding in rows.values():
        finding += 1
    places = axis([*rows.values(), *([finding] if d else [])], edges, picture.end, row=ROW, edge=EDGE, silence=SILENCE)

    def y(moment: int) -> float:
        return round(HEAD + ROW / 2 + places[min(max(moment, 0), picture.end)], 1)

    turns = {
        (e.member, e.kind in (Kind.FAULT, Kind.HEAL), e.at): rows[id(e)]
        for e in reversed(picture.events)
        if e.kind in (Kind.FAULT, Kind.HEAL, Kind.TOLD)
    }

    def turn(bar: Bar, moment: int) -> float:
        """A bar turns at the row of the event that turned it, which may stand below others of the same moment."""
        row = turns.get((bar.member, bar.lane == "link", moment))
        return y(moment) if row is None else round(HEAD + ROW / 2 + places[row], 1)

    real = REAL if picture.scale != 1 else 0.0
    columns = [_Column(member, picture) for member in picture.members]
    heads: list[Head] = []
    boxes: list[Box] = []
    areas: list[Box] = []
    drawn: list[Row] = []
    borders: list[float] = []
    line: FindingLine | None = None
    left = MARGIN + GUTTER + real
    for column in columns:
        borders.append(round(left, 1))
        heads += column.heads(left)
        boxes += [_bar(b, column.lane(left, b.lane), turn(b, b.begin), turn(b, b.end)) for b in column.bars]
        for band, track in column.tracks():
            css = "window met" if band.met else "window missed"
            top, bottom = y(band.opens), y(band.closes)
            height = round(max(bottom - top, 2), 1)
            boxes.append(Box(round(column.windows(left) + track * THIN, 1), top, THIN - 2, height, css, band.detail))
            start = column.calls(left) - 3
            areas.append(Box(round(start, 1), top, round(left + column.width - start - 4, 1), height, css, band.detail))
        drawn += [_row(e, column, left, round(HEAD + ROW / 2 + places[rows[id(e)]], 1), picture) for e in column.events]
        if d and d.member == column.member:
            place = round(HEAD + ROW / 2 + places[finding], 1)
            title = divergence_text(d, picture)
            line = FindingLine(place, round(column.text(left), 1), d.at, brief(d.at * picture.scale), d.seen, title)
        left += column.width
    if d and line is not None:
        line = replace(line, label=_words(d, int((left - line.x) / CHARACTER) - 3))
    height = HEAD + ROW + max(places.values()) + FOOT
    return Drawing(
        width=round(left + MARGIN), height=round(height), heads=tuple(heads), borders=tuple(borders),
        boxes=tuple(boxes), areas=tuple(areas), rows=tuple(_timed(sorted(drawn, key=lambda r: r.y))), line=line,
        gutter=MARGIN + GUTTER - 8, real=MARGIN + GUTTER + real - 8 if real else 0,
    )  # fmt: skip


def _words(found: Divergence, room: int) -> str:
    """The finding as far as there is room: words may run through the columns beside, as its row holds nothing else."""
    short = _short(found)
    return next((text for text in (found.seen, short) if len(text) <= room), clipped(short, max(room, LONGEST)))


def _short(found: Divergence) -> str:
    """What was expected by its first word, and what was seen."""
    if not found.seen.startswith(f"{found.expected}: "):
        return found.seen
    return f"{found.expected.split(' ')[0]} {found.seen.removeprefix(f'{found.expected}: ')}"


def _timed(rows: Sequence[Row]) -> Iterator[Row]:
    """Where several say the same time, only the first shows it."""
    shown = ""
    for row in rows:
        yield row if row.when != shown else replace(row, when="", real="")
        shown = row.when


def _rows(picture: Picture) -> dict[int, int]:
    """Each event's moment on the axis, by its identity; those of one moment follow each other by microseconds."""
    moments: dict[int, int] = {}
    last = -1
    for event in picture.events:
        last = max(event.at, last + 1)
        moments[id(event)] = last
    return moments


class _Column:
    """A member's lanes and how wide they are: bars, windows, calls, callbacks, and the words."""

    def __init__(self, member: str, picture: Picture) -> None:
        self.member = member
        self.lanes = picture.lanes[member]
        self.bars = [b for b in picture.bars if b.member == member]
        self.events = [e for e in picture.events if e.member == member]
        self.bands = sorted((b for b in picture.bands if b.member == member), key=lambda b: b.opens)
        self.count = max((track + 1 for _, track in self.tracks()), default=0)
        words = [
            len(clipped(e.label, LONGEST)) * CHARACTER + (len(e.note) + 2) * SMALL * bool(e.note) for e in self.events
        ]
        d = picture.divergence
        if d and d.member == member:
            words.append(min(len(_short(d)), FINDING) * CHARACTER + 30)
        self.width = self.text(0) + max([*words, 60.0]) + 14

    def tracks(self) -> Iterator[tuple[Band, int]]:
        """The windows, side by side where they overlap."""
        free: list[int] = []
        for band in self.bands:
            track = next((i for i, until in enumerate(free) if until <= band.opens), len(free))
            free[track : track + 1] = [band.closes]
            yield band, track

    def lane(self, left: float, name: str) -> float:
        return left + 6 + self.lanes.index(name) * LANE

    def windows(self, left: float) -> float:
        return left + 6 + len(self.lanes) * LANE + 2

    def calls(self, left: float) -> float:
        return self.windows(left) + self.count * THIN + 6

    def told(self, left: float) -> float:
        return self.calls(left) + LANE

    def text(self, left: float) -> float:
        return self.told(left) + LANE

    def heads(self, left: float) -> Iterator[Head]:
        yield Head(round(left + 6, 1), f"{self.member}" if self.member != SERVER else "server", lane=False)
        for name in self.lanes:
            yield Head(round(self.lane(left, name) + 9, 1), name, lane=True)
        if self.count:
            yield Head(round(self.windows(left) + self.count * THIN / 2 + 3, 1), "allowed", lane=True)
        if self.member == SERVER:
            return
        yield Head(round(self.calls(left) + 9, 1), "calls", lane=True)
        yield Head(round(self.told(left) + 9, 1), "told", lane=True)


def _bar(bar: Bar, x: float, top: float, bottom: float) -> Box:
    height = round(max(bottom - top, 1.5), 1)
    text = bar.label if len(bar.label) * SMALL + 6 <= height else ""
    kind = f"link {bar.tone}" if bar.lane == "link" else f"state s{min(int(bar.tone), 9)}"
    thin = bar.lane == "link" and bar.tone == WHOLE
    return Box(round(x + 5 * thin, 1), top, LANE - 3 - 10 * thin, height, kind, bar.detail, text)


def _row(event: Moment, column: _Column, left: float, y: float, picture: Picture) -> Row:
    x = column.told(left) if event.kind is Kind.TOLD else column.calls(left)
    if event.kind in (Kind.FAULT, Kind.HEAL) and "link" in column.lanes:
        x = column.lane(left, "link")
    return Row(
        x=round(x + 6, 1), y=y, text_x=round(column.text(left), 1), mark=event.kind.value,
        label=clipped(event.label, LONGEST), note=event.note, title=event_text(event, picture),
        when=brief(event.at * picture.scale), real=brief(event.at) if picture.scale != 1 else "",
    )  # fmt: skip
