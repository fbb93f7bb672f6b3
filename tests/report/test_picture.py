"""A case as a picture, and the picture as text."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from report.played import play, some, zego
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Member
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Marked, Record, Told, Trace
from roomcheck.model.verdict import Finding, Outcome, Verdict
from roomcheck.report.picture import Kind, Picture, axis, brief, compose, divergence_text, event_text
from roomcheck.report.picture_text import text_picture
from roomcheck.report.svg import HEAD, ROW, draw
from support.vendors import contract

CASE = "back-after-heartbeat-timeout/cut"
S = 1_000_000


def picture(name: str = CASE, defect: str | None = None) -> Picture:
    (case,) = some(name)
    results, traces = play([case], defect)
    return compose(traces[results[0].case], results[0].verdict, zego(), case)


def trace(*records: Record, end: int = 10 * S) -> Trace:
    """Two members, without a contract."""
    members = (Member("A", "A"), Member("B", "B"))
    return Trace("v/s", "c", None, members, {"A": "a-1", "B": "b-1"}, {"R": "r-1"}, records, end)


def at(moment: int) -> Instant:
    return Instant(moment, moment)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0 s"), (40, "0 s"), (1_200, "1.2 ms"), (42_400, "42 ms"), (999_700, "1 s"), (84_123_000, "84.1 s"),
        (1_203_000_000, "20 min 3 s"), (119_999_000, "2 min 0 s"), (-2_500_000, "-2.5 s"),
    ],
)  # fmt: skip
def test_times_are_short(micros: int, text: str) -> None:
    """Three figures are enough for an eye."""
    assert brief(micros) == text


def test_an_axis_keeps_the_order_and_the_distance_of_rows() -> None:
    """However close they lie; and a longer silence takes more room than a short one."""
    places = axis([0, 1, 2, 500, 1_000], [250, 900], 1_000, row=20, edge=3, silence=100)

    assert list(places) == sorted(places)
    assert list(places.values()) == sorted(places.values())
    rows = [places[t] for t in (0, 1, 2, 500, 1_000)]
    assert min(b - a for a, b in itertools.pairwise(rows)) >= 20
    assert rows[3] - rows[2] > rows[1] - rows[0]


def test_each_member_has_its_callbacks_calls_states_and_link() -> None:
    """Of case 2: what A was told of itself, what B was told of A, and the cut."""
    drawn = picture()

    told = {m: [e.label for e in drawn.events if e.member == m and e.kind is Kind.TOLD] for m in drawn.members}
    assert told == {
        "A": ["LOGINING 0", "LOGINED 0", "ADD B", "RECONNECTING 1002051", "RECONNECTED 0"],
        "B": ["LOGINING 0", "LOGINED 0", "ADD A", "DELETE A", "ADD A"],
    }
    assert [(b.label, b.tone) for b in drawn.bars if (b.member, b.lane) == ("A", "link")] == [
        ("", "whole"), ("cut", "down"), ("", "whole"),
    ]  # fmt: skip
    states = [b.label for b in drawn.bars if (b.member, b.lane) == ("A", "state")]
    assert states == ["LOGOUT", "LOGINING", "LOGINED", "RECONNECTING", "RECONNECTED"]
    assert [b.label for b in drawn.bars if (b.member, b.lane) == ("B", "sees A")] == ["absent", "ADD", "absent", "ADD"]
    assert drawn.divergence is None


def test_bars_leave_no_time_out() -> None:
    """Each lane's end where the next begins, from the first act to the end of the trace."""
    drawn = picture()

    for member in drawn.members:
        for lane in drawn.lanes[member]:
            bars = [b for b in drawn.bars if (b.member, b.lane) == (member, lane)]
            assert [b.begin for b in bars] == [0, *(b.end for b in bars[:-1])]
            assert bars[-1].end == drawn.end


def test_what_is_told_in_its_window_says_so() -> None:
    """How long after the marked moment it came, and what was allowed, in documented time."""
    drawn = picture()

    notes = {e.label: e.note for e in drawn.events if e.note and e.member == "B"}
    assert notes["DELETE A"] == "T3 + 85.6 s, 74 s to 96 s"
    (deleted,) = [e for e in drawn.events if e.label == "DELETE A"]
    assert any(b.opens <= deleted.at <= b.closes for b in drawn.bands if b.member == "B" and "DELETE" in b.detail)
    assert all(b.met for b in drawn.bands)


def test_what_did_not_come_in_its_window_is_marked() -> None:
    """The judge's first finding, in the column of who was not told, and the window that was missed."""
    drawn = picture(defect="never-reconnected")

    assert drawn.divergence is not None
    assert (drawn.divergence.member, drawn.divergence.requirement) == ("A", "ZX-RECONNECT-2")
    assert "did not come" in drawn.divergence.seen
    assert [b.detail for b in drawn.bands if not b.met and b.member == "A"]


@pytest.mark.parametrize(
    ("defect", "name", "band"),
    [
        (
            "silence-unnoticed",
            "answer-lost-while-logging-in/stall",
            "A: RECONNECTING upon the loss of the link while LOGINED or RECONNECTED",
        ),
        ("leave-told-early", "lost-while-logging-in/stall", "B: DELETE was due 2 min 40 s to 2 min 56 s"),
        ("return-not-announced", CASE, "B: ADD upon RECONNECTED at A was due"),
        ("double-delete", CASE, None),
    ],
)
def test_what_the_rules_owe_has_its_window(defect: str, name: str, band: str | None) -> None:
    """That of oneself and of others, in a case that expects no sequence; what came without a cause has none."""
    (case,) = (replace(case, lines=()) for case in some(name))
    results, traces = play([case], defect)

    drawn = compose(traces[results[0].case], results[0].verdict, zego(), case)

    details = [b.detail for b in drawn.bands]
    assert not any(b.met for b in drawn.bands)
    assert drawn.divergence is not None
    assert [d for d in details if band and d.startswith(band)] or details == []
    assert band is None or details


def test_what_came_too_early_says_when_it_was_due() -> None:
    """Beside the callback, and its window lies behind it."""
    drawn = picture("lost-while-logging-in/stall", "leave-told-early")

    early = next(e for e in drawn.events if e.label == "DELETE A" and e.member == "B")
    assert early.note == "due 2 min 40 s to 2 min 56 s"
    assert all(b.opens > early.at for b in drawn.bands if not b.met)


def test_who_leaves_the_room_sees_nobody() -> None:
    """A was kicked: what it had been told of B is over."""
    drawn = picture("kick")

    kicked = next(e.at for e in drawn.events if e.label.startswith("KICK_OUT"))
    assert [b.label for b in drawn.bars if (b.member, b.lane, b.begin) == ("A", "sees B", kicked)] == ["absent"]
    assert [e.label for e in drawn.events if e.kind is Kind.ADMIN] == ["K kick R A"]
    assert drawn.members[-1] == ""


def test_several_rooms_have_lanes_of_their_own() -> None:
    """And callbacks and calls name their room."""
    drawn = picture("switch-room")

    assert {"state R", "state R2"} <= set(drawn.lanes["A"])
    assert any(e.label == "LOGINED 0 in R2" for e in drawn.events)
    assert any(e.label.startswith("S switchRoom R R2") for e in drawn.events)


def test_whole_lists_turn_the_bars_of_all_whom_they_name_or_not() -> None:
    """A came with B's first list, and went with its second."""
    records = [
        Told("B", n, "onRoster", {"name": "r-1", "members": [{"id": one} for one in members]}, at(n * S))
        for n, members in enumerate((["b-1"], ["a-1", "b-1"], ["b-1"]))
    ]
    drawn = compose(trace(*records), Verdict(Outcome.CONFORMS), contract("roster"))

    assert [(b.label, b.begin) for b in drawn.bars if b.lane == "sees A"] == [
        ("absent", 0),
        ("absent", 0),
        ("joined", S),
        ("absent", 2 * S),
    ]
    assert [event.label for event in drawn.events] == ["onRoster B", "onRoster A B", "onRoster B"]


def test_what_is_ignored_turns_no_bar() -> None:
    """B is told that A goes with a reason that is nobody's business; A stays on B's list."""
    records = [Told("B", 0, "onUserJoined", {"channel": "r-1", "uid": "a-1", "elapsed": 1}, at(S))]
    records += [Told("B", 1, "onUserOffline", {"channel": "r-1", "uid": "a-1", "reason": 3}, at(2 * S))]
    drawn = compose(trace(*records), Verdict(Outcome.CONFORMS), contract("conference"))

    assert [b.label for b in drawn.bars if b.lane == "sees A"] == ["absent", "onUserJoined"]


def test_a_trace_without_its_contract_has_a_picture_too() -> None:
    """Every kind of record, by what stands in the trace alone."""
    drawn = compose(
        trace(
            Called(1, "A", "join", {"room": "R"}, at(S), "T0"),
            Answered(1, "A", "refused", {"code": 7}, at(S + 10)),
            Told("A", 1, "onState", {"value": "x"}, at(2 * S)),
            Faulted(None, FaultKind.SERVER_RESTART, at(3 * S), "T1", "it was gone"),
            Healed(None, at(4 * S)),
            Gap("B", Instant(5 * S, 6 * S)),
            Marked("T9", at(7 * S)),
        ),
        None,
    )

    assert [(e.at, e.member, e.kind.value, e.label) for e in drawn.events] == [
        (0, "A", "call", "T0 join"),
        (10, "A", "answer", "refused 7"),
        (S, "A", "told", "onState"),
        (2 * S, "", "fault", "T1 server-restart"),
        (3 * S, "", "heal", "whole again"),
        (4 * S, "B", "gap", "no life, 1 s"),
        (6 * S, "", "mark", "T9"),
    ]
    assert event_text(drawn.events[3], drawn) == "2 s: server-restart on the server, as T1: it was gone"
    assert [(b.tone, b.begin, b.end) for b in drawn.bars if b.member == ""] == [
        ("whole", 0, 2 * S), ("down", 2 * S, 3 * S), ("whole", 3 * S, 9 * S),
    ]  # fmt: skip


def test_an_empty_trace_has_a_picture() -> None:
    """Nothing happened, and nothing breaks."""
    drawn = compose(trace(), None)

    assert drawn.events == ()
    assert draw(drawn).rows == ()
    assert text_picture(trace(), None)


def test_a_room_that_tells_nonsense_has_a_picture() -> None:
    """Fields of any kind where the contract has names and states."""
    (case,) = some(CASE)
    results, traces = play([case])
    odd: tuple[Any, ...] = ([], {"a": 1}, None, 1.5, "\x00\x1b[2J")
    whole = traces[results[0].case]
    extra = [
        Told("A", 9, callback, {"roomID": value, "reason": value, "errorCode": value, "updateType": value,
                                "users": [{"userID": value}, value]}, at(whole.end))
        for callback in ("onRoomStateChanged", "onRoomUserUpdate", "onWhatever") for value in odd
    ]  # fmt: skip
    drawn = compose(replace(whole, records=(*whole.records, *extra)), None, zego(), case)

    assert len(drawn.events) > len(extra)
    assert all(e.label.isprintable() and e.detail.isprintable() for e in drawn.events)
    assert all(b.label.isprintable() and b.lane.isprintable() for b in drawn.bars)
    assert draw(drawn).rows


def test_rows_never_lie_on_each_other() -> None:
    """Each event has its own, in the order of the trace."""
    drawing = draw(picture())

    places = [row.y for row in drawing.rows]
    assert min(b - a for a, b in itertools.pairwise(places)) >= ROW - 0.11
    assert places[0] >= HEAD
    assert all(row.y <= drawing.height for row in drawing.rows)


def test_a_bar_turns_beside_the_event_that_turns_it() -> None:
    """Also where other events of the same moment stand above it."""
    records: list[Record] = [
        *(Told("B", n, "onState", {}, at(S)) for n in (1, 2, 3)),
        Faulted("A", FaultKind.CUT, at(S)),
    ]
    drawing = draw(compose(trace(*records), None))

    (fault,) = [r for r in drawing.rows if r.mark == "fault"]
    (down,) = [b for b in drawing.boxes if b.css == "link down"]
    assert down.y == fault.y
    assert fault.y > drawing.rows[1].y


def test_everything_lies_inside_the_drawing() -> None:
    """Boxes and words of a long case with windows, a fault and a finding."""
    drawing = draw(picture(defect="never-reconnected"))

    assert drawing.line is not None
    assert all(b.x >= 0 and b.x + b.width <= drawing.width for b in (*drawing.boxes, *drawing.areas))
    assert all(b.y + b.height <= drawing.height for b in (*drawing.boxes, *drawing.areas))
    assert all(row.text_x + 6 * len(row.label) < drawing.width for row in drawing.rows)
    assert drawing.line.x + 6 * len(drawing.line.label) < drawing.width


@pytest.mark.parametrize("width", [60, 100, 200])
def test_as_text_it_keeps_the_width_and_names_every_event(width: int) -> None:
    """Lanes first, then a numbered line for each."""
    (case,) = some(CASE)
    results, traces = play([case], "never-reconnected")
    result = results[0]
    lines = text_picture(traces[result.case], result.verdict, width, contract=zego(), case=case)

    assert max(map(len, lines)) <= width
    events = compose(traces[result.case], result.verdict, zego(), case).events
    starts = [line.split()[0] for line in lines if line]
    assert all(str(n) in starts for n in range(1, len(events) + 1))
    text = "\n".join(lines)
    assert "|cutx" in text
    assert "first divergence of ZX-RECONNECT-2" in " ".join(text.split())


def test_a_long_case_is_shown_in_several_blocks() -> None:
    """No number hides another."""
    records = [Told("A", n, "onState", {}, at(S * n)) for n in range(1, 60)]
    lines = text_picture(trace(*records), None, 100)

    told = " ".join(line[13:] for line in lines if line[:13].split()[-1:] == ["told"])
    assert told.split() == [str(n) for n in range(1, 60)]


def test_a_finding_about_nobody_is_marked_at_the_server() -> None:
    """All observers disagree: no member's column is its place."""
    finding = Finding("R-1", "A, B were told different things", S, "all are told the same", "they were not")
    drawn = compose(trace(Marked("T", at(0))), Verdict(Outcome.VIOLATES, (finding,)))

    assert drawn.divergence is not None
    assert (drawn.divergence.member, drawn.divergence.at) == ("", S)
    assert draw(drawn).line is not None


def test_what_was_expected_is_said_once() -> None:
    """Whether what was seen begins with it or says it in a sentence."""
    for seen in ("KICK_OUT: did not come", "expected KICK_OUT, told RECONNECTED"):
        drawn = compose(trace(), Verdict(Outcome.VIOLATES, (Finding("R-1", "A", S, "KICK_OUT", seen),)))

        assert drawn.divergence is not None
        assert divergence_text(drawn.divergence, drawn).count("KICK_OUT") == 1
