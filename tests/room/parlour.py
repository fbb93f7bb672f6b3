"""A contract with every construct, and schedules by chance."""

from functools import cache
from pathlib import Path
from typing import Any

from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.room import share
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

S = 1_000_000
FILE = Path(__file__).with_name("parlour.yaml")
CAST = (Member("A", "A"), Member("A2", "A"), Member("B", "B"), Member("C", "C"))
GAPS = (0, 1, S // 2, 2 * S, 9 * S, 30 * S, 70 * S, 400 * S)


@cache
def contract() -> Contract:
    return load_spec(FILE.read_text(encoding="utf-8"), FILE.name).bind()


def case(
    *acts: object, members: tuple[Member, ...] = CAST, watch: int = 100 * S, rooms: tuple[str, ...] = ("R",)
) -> Case:
    """A case of acts, each after a gap (microseconds) from the one before, or 20 s."""
    steps: list[Step] = []
    gap = 20 * S
    for act in acts:
        if isinstance(act, int):
            gap = act
            continue
        when = When(f"S{len(steps)}", gap) if steps else When()
        steps.append(Step(act, when, f"S{len(steps) + 1}"))  # type: ignore[arg-type]
        gap = 20 * S
    return Case("test", "test", "", None, Schedule(members, rooms, tuple(steps), watch), (), ())


def enter(member: str, room: str = "R", ticket: str = "valid") -> Call:
    return Call(member, "enter", {"place": room, "ticket": ticket})


def leave(member: str, room: str = "R") -> Call:
    return Call(member, "leave", {"place": room})


def cut(member: str, kind: FaultKind = FaultKind.CUT) -> Fault:
    return Fault(member, kind)


def by_chance(seed: int) -> Case:
    """Entering, then a dozen acts, whatever comes."""

    def pick(options: tuple[Any, ...], n: int) -> Any:
        return options[int(share(seed, (n, options)) * len(options))]

    acts: list[object] = [enter("A"), enter("B"), enter("C", pick(("R", "R2"), 1))]
    down: set[str | None] = set()
    for n in range(12):
        member = pick(("A", "A2", "B"), n)
        acts.append(pick(GAPS, n))
        act = pick(("enter", "leave", "move", "throw", "close", "fault", "fault", "heal", "server"), n)
        room = pick(("R", "R", "R2"), n)
        match act:
            case "enter":
                acts.append(enter(member, room, pick(("valid", "valid", "forged"), n)))
            case "leave":
                acts.append(leave(member, room))
            case "move":
                acts.append(Call(member, "move", {"from": "R", "to": "R2", "ticket": "valid"}))
            case "throw" if None not in down:
                acts.append(Admin("throw_out", {"user": member[0], "place": room}))
            case "close" if None not in down:
                acts.append(Admin("close", {"place": room}))
            case "fault" if member not in down:
                kind = pick((FaultKind.CUT, FaultKind.STALL, FaultKind.TRUNCATE, FaultKind.LATENCY), n)
                if kind in (FaultKind.CUT, FaultKind.STALL):
                    down.add(member)
                acts.append(Fault(member, kind))
            case "heal":
                acts += [Heal(m) for m in sorted(m for m in down if m)] or [Wait()]
                down -= {m for m in down if m}
            case "server":
                acts += [Heal(None)] if None in down else [Fault(None, FaultKind.SERVER_RESTART)]
                down ^= {None}
            case _:
                acts.append(Wait())
    return case(*acts, rooms=("R", "R2"))
