"""A small contract, made by hand: a lobby whose members join, lose the link, come back, fail, leave and are kicked.

Times are in milliseconds here and in the tests, and microseconds in the contract, as everywhere in the product.
"""

from collections.abc import Mapping
from typing import Any

from roomcheck.model.schedule import Schedule
from roomcheck.spec.case import Case, Expectation, Item
from roomcheck.spec.contract import (
    Cause,
    CauseKind,
    Contract,
    End,
    Ending,
    Hearing,
    Presence,
    Requirement,
    Rule,
    Sign,
    Unless,
    View,
)
from roomcheck.spec.interface import Callback, Operation, Path

MS = 1000
JOIN_LIMIT, LOSS, RETRY, NOTICE, GIVE_UP, SLACK, GONE_AFTER, GONE_WITHIN, LIST = (
    200,
    300,
    200,
    60,
    2000,
    300,
    800,
    160,
    250,
)

LINK_DOWN = Cause(CauseKind.LINK_DOWN)
LINK_UP = Cause(CauseKind.LINK_UP)
ENTERED = Cause(CauseKind.ENTERED)


def call(name: str) -> Cause:
    return Cause(CauseKind.CALL, name)


def by_field(callback: str, field: str, told: Mapping[str, Any]) -> dict[str, Sign]:
    """The signs of states that one field of one callback tells."""
    return {state: Sign(callback, {field: value}) for state, value in told.items()}


class _Rules:
    """Numbers rules as they are written."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(
        self,
        from_: str,
        cause: Cause,
        to: str | None,
        within: int = 0,
        *,
        after: int = 0,
        code: int | None = None,
        unless: tuple[Unless, ...] = (),
        requirement: str | None = None,
        **more: Any,
    ) -> Rule:
        self.count += 1
        return Rule(
            id=self.count,
            from_=frozenset(from_.split()),
            cause=cause,
            to=to,
            pattern={} if code is None else {"code": code},
            after=after * MS,
            within=within * MS,
            unless=unless,
            requirement=requirement,
            text=f"{from_} -> {to} after {cause}",
            **more,
        )


def own_view(rule: _Rules) -> View:
    good: Mapping[str, tuple[Any, ...]] = {"ticket": ("good",)}
    bad: Mapping[str, tuple[Any, ...]] = {"ticket": ("bad",)}
    rules = (
        rule("out failed kicked refused", call("join"), "joining", 50, code=0, requirement="L-JOIN"),
        rule("joining", ENTERED, "in", JOIN_LIMIT, code=0, given=good, while_up=True, requirement="L-JOIN"),
        rule("joining", ENTERED, "refused", JOIN_LIMIT, code=33, given=bad, while_up=True, requirement="L-TICKET"),
        rule("in back", call("join"), None, answer={"status": "refused", "code": 1}, requirement="L-TWICE"),
        rule("in back", LINK_DOWN, "lost", LOSS, code=51, unless=(Unless(LINK_UP),), requirement="L-LOST"),
        rule("lost", ENTERED, "back", RETRY, code=0, while_up=True, requirement="L-BACK"),
        rule("lost", ENTERED, "failed", SLACK, after=GIVE_UP, code=53, requirement="L-FAILED"),
        rule("in back lost joining", call("leave"), "out", 50, code=0, requirement="L-LEAVE"),
        rule(
            "in back lost",
            Cause(CauseKind.ADMIN, "kick"),
            "kicked",
            RETRY,
            code=55,
            while_up=True,
            requirement="L-KICK",
        ),
        rule(
            "in back lost", Cause(CauseKind.TWIN, "in"), "kicked", RETRY, code=50, while_up=True, requirement="L-TWIN"
        ),
        rule("in back", call("move.from"), "out", 50, code=0, provided={"from": frozenset({"in", "back"})}),
        rule("out", call("move.to"), "joining", 50, code=0, provided={"from": frozenset({"in", "back"})}),
    )
    states = ("out", "joining", "in", "refused", "lost", "back", "failed", "kicked")
    return View("own", by_field("status", "state", told := {s: s for s in states}), told, "out", rules)


def others_view() -> View:
    """The session of a user."""
    return View(
        "presence",
        by_field("people", "change", told := {"absent": "-", "present": "+"}),
        told,
        "absent",
        (),
        Presence(
            observers=Hearing(frozenset({"in", "back"}), frozenset({"joining", "lost"}), LIST * MS),
            requested_by={"joining": {"ticket": ("good",)}},
            opened_by={"in": "L-ADD", "back": "L-AGAIN"},
            renewed_by=frozenset(),
            endings=(
                Ending(End.REQUEST, frozenset({"out"}), requirement="L-GONE"),
                Ending(End.ACT, frozenset({"kick"}), requirement="L-KICK"),
                Ending(End.LOSS, after=GONE_AFTER * MS, within=GONE_WITHIN * MS, requirement="L-GONE"),
            ),
            delivery=NOTICE * MS,
            noticed=LOSS * MS,
            back=RETRY * MS,
        ),
    )


def path(text: str) -> Path:
    return Path(tuple((p.removesuffix("[]"), p.endswith("[]")) for p in text.split(".")))


def lobby(*cases: Case) -> Contract:
    """The contract, with these cases."""
    views = (own_view(_Rules()), others_view())
    names = sorted({r.requirement for r in views[0].rules if r.requirement} | {"L-ADD", "L-AGAIN", "L-GONE", "L-CASE"})
    return Contract(
        spec="lobby",
        revision="1",
        title="Lobby",
        constants={},
        typical=frozenset(),
        codes={},
        options={},
        callbacks={
            "status": Callback("status", path("room"), None, {"room": "str", "state": "str", "code": "int"}),
            "people": Callback(
                "people", path("room"), path("who[].id"), {"room": "str", "change": "str", "who": "list"}
            ),
        },
        operations={
            "join": Operation("join", admin=False, rooms=("room",), users=(), args={"ticket": ("good", "bad")}),
            "leave": Operation("leave", admin=False, rooms=("room",), users=(), args={}),
            "move": Operation("move", admin=False, rooms=("from", "to"), users=(), args={"ticket": ("good", "bad")}),
            "kick": Operation("kick", admin=True, rooms=("room",), users=("user",), args={}),
        },
        requirements={n: Requirement(n, "must", "documented", "", n.lower()) for n in names},
        views=views,
        cases=cases,
    )


def case(*lines: Expectation, requirements: tuple[str, ...] = ("L-CASE",)) -> Case:
    """A case that expects these lines; its schedule is never played."""
    return Case("scene", "scene", "Scene", None, Schedule((), (), (), 0), lines, requirements)


def line(observer: str, *items: Item, about: str | None = None, open_: bool = False) -> Expectation:
    return Expectation(observer, about, items, open=open_)
