"""What else can be made of a drawn schedule: the same under other faults, or with one act more.

Hypothesis takes 2 ms for a schedule, and a story that is worth playing under one fault is worth playing under another:
`under_other_faults` makes more of what was drawn, at a fiftieth of that. What no story meets by chance, one act more
may make it meet: `with_one_more`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from roomcheck.generate.links import Act, Links, keeping_down, kinds_on_links, lay_out
from roomcheck.judge.coverage import Place, Triple, stretches
from roomcheck.judge.route import extract
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule
from roomcheck.model.trace import Called, Faulted, Healed, Record, Told, Trace
from roomcheck.spec.contract import CauseKind, Contract

_ARMS = {Call: CauseKind.CALL, Admin: CauseKind.ADMIN, Fault: CauseKind.LINK_DOWN, Heal: CauseKind.LINK_UP}


def under_other_faults(contract: Contract, schedule: Schedule) -> list[Schedule]:
    """The story of a drawn schedule with each fault on a link exchanged for another, one kind always for the same one.

    As many as the contract lists kinds besides the story's own, those that follow in the catalogue first; none where no
    link has a fault. Steps that cannot be under the other fault are left out, as where schedules are drawn.
    """
    kinds = kinds_on_links(contract)
    moves = [(step.when.offset, step.act) for step in schedule.steps]
    if not any(isinstance(act, Fault) and act.kind in kinds for _, act in moves):
        return []
    return [
        replace(schedule, steps=lay_out([(gap, _exchanged(act, kinds, by)) for gap, act in moves], len(moves),
                                         keeping_down(kinds)))
        for by in range(1, len(kinds))
    ]  # fmt: skip


def with_one_more(
    contract: Contract, schedule: Schedule, told: Trace, wanted: Callable[[Triple], bool]
) -> Iterator[tuple[Schedule, tuple[Triple, ...]]]:
    """The story of a drawn schedule with one act more, where that act would meet wanted triples, and which ones.

    `told` is what is expected of the schedule. The act comes in the middle of a stretch in which nothing else happens.
    It meets the triple itself, or another device of its user does, by what is told after the act.
    """
    links = Links()
    done = [record for record in told.records if isinstance(record, Called | Faulted | Healed)]
    begins = [record.at.lo for record in done]
    settled = [
        _settled(contract, told, record, told.records[i + 1 :])
        for i, record in enumerate(told.records)
        if isinstance(record, Called | Faulted | Healed)
    ]
    moves = [(step.when.offset, step.act) for step in schedule.steps]
    user = {member.name: member.user for member in schedule.members}
    taken = 0
    acts_at = cache(lambda place: tuple(_acts(contract, schedule, place)))  # whatever its state

    def longer(acts: int, gap: int, act: Act) -> Schedule:
        after = [(later - gap, move) for later, move in moves[acts : acts + 1]]
        more = [*moves[:acts], (gap, act), *after, *moves[acts + 1 :]]
        return replace(schedule, steps=lay_out(more, len(more), keeping_down(kinds_on_links(contract))))

    for begin, end, acts, places in stretches(contract, told):
        for step in schedule.steps[taken:acts]:
            links.take(step.act)
        taken = acts
        free = max(begin, settled[acts - 1])
        gap = free + (end - free) // 2 - begins[acts - 1]
        late = any(gap > later for later, _ in moves[acts : acts + 1])  # the next act, which waited for this one
        if free >= end or late:
            continue
        for place in places:
            twins = [p for p in places if p.told and p.member != place.member and user[p.member] == user[place.member]]
            for cause, act in acts_at(place._replace(state="", fault="")):
                if not links.allow(act):
                    continue
                if wanted(Triple(place.state, cause, place.fault)):
                    yield longer(acts, gap, act), (Triple(place.state, cause, place.fault),)
                for other in _others(contract, act) if twins else ():
                    name = cause if isinstance(other, Call | Admin) else ""
                    args = other.args if isinstance(other, Call) else None
                    for state in contract.connection.led_to(place.state, _ARMS[type(other)], name, args):
                        met = (Triple(twin.state, f"twin {state}", twin.fault) for twin in twins)
                        found = tuple(filter(wanted, met))
                        if found:
                            yield longer(acts, gap, other), found


def _settled(contract: Contract, told: Trace, record: Called | Faulted | Healed, after: Sequence[Record]) -> int:
    """When the step that did this has settled: none begins before. `after`: what came then, not at once before."""
    if not isinstance(record, Called) or not contract.operations[record.operation].settles:
        return record.at.lo
    operation = contract.operations[record.operation]
    latest = record.at.lo + operation.settle_within
    room = [told.rooms[str(record.args[name])] for name in operation.rooms][-1:]
    mine = [t for t in after if isinstance(t, Told) and t.member == record.member]
    mine = [t for t in mine if _room(contract, t) in ([], room)]
    ends = (t.at.lo for t in mine if contract.connection.state(t.callback, t.fields) in operation.settles)
    return min(next(ends, latest), latest)


def _room(contract: Contract, told: Told) -> list[str]:
    path = contract.callbacks[told.callback].room
    return extract(path, told.fields)[:1] if path else []


def _acts(contract: Contract, schedule: Schedule, place: Place) -> Iterator[tuple[str, Act]]:
    """What can be done to this member in this room, by the names of causes."""
    user = next(member.user for member in schedule.members if member.name == place.member)
    for operation in contract.operations.values():
        if operation.name in contract.lacks:
            continue
        defaults = {name: lawful[0] for name, lawful in operation.args.items()}
        for argument in operation.rooms:
            others = [room for room in schedule.rooms if room != place.room]
            rooms = {argument: place.room}
            rooms |= zip((a for a in operation.rooms if a != argument), others, strict=False)
            if len(rooms) < len(operation.rooms):
                continue
            if operation.admin:
                yield operation.name, Admin(operation.name, rooms | dict.fromkeys(operation.users, user) | defaults)
            else:
                name = operation.name if len(operation.rooms) == 1 else f"{operation.name}.{argument}"
                yield name, Call(place.member, operation.name, rooms | defaults)
    if not place.told:
        return
    for kind in kinds_on_links(contract):
        yield kind.value, Fault(place.member, kind)
    if FaultKind.SERVER_RESTART in contract.faults:
        yield FaultKind.SERVER_RESTART.value, Fault(None, FaultKind.SERVER_RESTART)
    yield "heal", Heal(place.member)


def _others(contract: Contract, act: Act) -> Iterator[Act]:
    """The act, and a call with another value of each of its arguments."""
    yield act
    if isinstance(act, Call):
        for name, values in contract.operations[act.operation].args.items():
            yield from (replace(act, args={**act.args, name: value}) for value in values[1:])


def _exchanged(act: Act, kinds: list[FaultKind], by: int) -> Act:
    if isinstance(act, Fault) and act.kind in kinds:
        return replace(act, kind=kinds[(kinds.index(act.kind) + by) % len(kinds)])
    return act
