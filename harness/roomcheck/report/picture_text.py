"""A picture as lines of text, where there is no browser."""

import textwrap
from collections.abc import Iterator, Sequence

from roomcheck.model.trace import Trace
from roomcheck.model.verdict import Verdict
from roomcheck.report.picture import WHOLE, Bar, Kind, Moment, Picture, axis, brief, compose, divergence_text
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract

VERBS = {
    Kind.CALL: "calls", Kind.ADMIN: "acts", Kind.ANSWER: "gets", Kind.TOLD: "told", Kind.FAULT: "link",
    Kind.HEAL: "link", Kind.GAP: "mute", Kind.MARK: "mark",
}  # fmt: skip
GUTTER = 13
APART = 3  # a number of two digits and a space
SIGNS = {"down": "x", "broken": "~", "degraded": "-", WHOLE: "="}
Marks = Sequence[tuple[int, str]]


def text_picture(
    trace: Trace,
    verdict: Verdict | None,
    width: int = 100,
    *,
    contract: Contract | None = None,
    case: Case | None = None,
) -> list[str]:
    """The picture as lines of at most `width` characters: lanes over numbers, then what each number is."""
    picture = compose(trace, verdict, contract, case)
    room = max(width - GUTTER, 6 * APART)
    size = room // (APART + 1)
    numbered = list(enumerate(picture.events, 1))
    chunks = [numbered[i : i + size] for i in range(0, len(numbered), size)] or [[]]
    begins = [0, *(chunk[0][1].at for chunk in chunks[1:]), picture.end]
    lines: list[str] = []
    for chunk, begin, end in zip(chunks, begins, begins[1:], strict=False):
        lines += [*_block(picture, chunk, begin, end, room), ""]
    lines += [_row(n, e, picture) for n, e in numbered]
    if picture.divergence:
        d = picture.divergence
        lines += textwrap.wrap(divergence_text(d, picture), width, initial_indent="   !  ", subsequent_indent="      ")
    return [line[:width].rstrip() for line in lines]


def _row(number: int, event: Moment, picture: Picture) -> str:
    when = brief(event.at * picture.scale)
    note = f"  ({event.note})" if event.note else ""
    return f"{number:>4}  {when:>12}  {event.member or 'server':<6} {VERBS[event.kind]:<5} {event.label}{note}"


def _block(picture: Picture, chunk: Sequence[tuple[int, Moment]], begin: int, end: int, room: int) -> Iterator[str]:
    """One stretch of time."""
    bars = [b for b in picture.bars if b.end >= begin and b.begin <= end]
    bands = [b for b in picture.bands if b.closes >= begin and b.opens <= end]
    d = picture.divergence if picture.divergence and begin <= picture.divergence.at <= end else None

    def inside(moment: int) -> int:
        return min(max(moment, begin), end) - begin

    edges = [inside(t) for b in bars for t in (b.begin, b.end)] + [
        inside(t) for b in bands for t in (b.opens, b.closes)
    ]
    rows = [inside(e.at) for _, e in chunk] + ([inside(d.at)] if d else [])
    places = _fitting(rows, edges, end - begin, room)

    def x(moment: int) -> int:
        return round(places[inside(moment)])

    def stretch(bar: Bar) -> tuple[int, str]:
        length = max(x(bar.end) - x(bar.begin), 1)
        text = f"|{bar.label}"[:length]
        return x(bar.begin), text + SIGNS.get(bar.tone, " ") * (length - len(text))

    yield _line("time", _spread([(x(e.at), brief(e.at * picture.scale)) for _, e in chunk]))
    for member in picture.members:
        mine = [(n, e) for n, e in chunk if e.member == member]
        lanes: list[tuple[str, Marks]] = [("acts", [(x(e.at), str(n)) for n, e in mine if e.kind is not Kind.TOLD])]
        lanes += [
            (lane, [stretch(b) for b in bars if (b.member, b.lane) == (member, lane)]) for lane in picture.lanes[member]
        ]
        lanes.append(("told", [(x(e.at), str(n)) for n, e in mine if e.kind is Kind.TOLD]))
        for band in bands:
            if band.member == member:
                inner = "." * max(x(band.closes) - x(band.opens) - 1, 0)
                lanes.append(("allowed", [(x(band.opens), f"[{inner}]")]))
        name = member or "server"
        for lane, marks in lanes:
            if marks:
                yield _line(f"{name} {lane}", marks)
                name = " " * len(name)
    if d:
        text = "! first divergence"
        at = x(d.at)
        yield _line("", [(at, text) if at + len(text) <= room else (at + 1 - len(text), f"{text[2:]} !")])


def _fitting(rows: Sequence[int], edges: Sequence[int], end: int, room: int) -> dict[int, float]:
    """Places within the room: as much silence as fits."""
    silence = float(room)
    places = axis(rows, edges, end, row=APART, edge=0, silence=silence)
    while max(places.values()) > room - 2 and silence > 1:
        silence *= 0.9
        places = axis(rows, edges, end, row=APART, edge=0, silence=silence)
    return places


def _line(name: str, marks: Marks) -> str:
    """Texts at their columns; one that would hide the one before moves on."""
    out = ""
    for at, text in marks:
        out = out.ljust(at) + text
    return f"{name[: GUTTER - 1]:<{GUTTER}}{out}"


def _spread(marks: Marks) -> Marks:
    """Those that do not touch the one before."""
    kept: list[tuple[int, str]] = []
    for at, text in marks:
        if not kept or at >= kept[-1][0] + len(kept[-1][1]) + 2:
            kept.append((at, text))
    return kept
