"""What makes a schedule sound, told once more and on its own: not one line is shared with roomcheck.generate."""

from collections.abc import Iterator

from roomcheck.model.fault import EFFECT, Effect, FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Wait
from roomcheck.spec.contract import Contract
from roomcheck.spec.interface import Operation


def problems_of(contract: Contract, schedule: Schedule, *, shrunk: bool = False) -> list[str]:
    """Everything that is wrong with a schedule; the steps of a shrunk one need not name a moment."""
    moments = _few_moments(schedule) if shrunk else _moments(schedule)
    return [*_names(schedule), *moments, *_acts(contract, schedule), *_links(schedule)]


def _names(schedule: Schedule) -> Iterator[str]:
    names = [m.name for m in schedule.members]
    if not names or len(set(names)) < len(names):
        yield f"members {names}"
    for member in schedule.members:
        if Member(member.user, member.user) not in schedule.members:
            yield f"{member} is a second member of nobody"
    if not schedule.rooms or len(set(schedule.rooms)) < len(schedule.rooms):
        yield f"rooms {schedule.rooms}"


def _few_moments(schedule: Schedule) -> Iterator[str]:
    """A step that names none waits until the one before has settled; a label is there for the step that names it."""
    yield from _lengths(schedule)
    wanted: list[str | None] = [step.when.label for step in schedule.steps[1:]]
    for i, (step, label) in enumerate(zip(schedule.steps, [*wanted, None], strict=True), 1):
        if step.label != label or label not in (None, f"S{i}"):
            yield f"step {i} is {step.label}, the next begins after {label}"
        if step.when.offset < 0 or (step.when.label is None and step.when.offset):
            yield f"step {i} begins {step.when.offset} after {step.when.label}"
    if schedule.steps and schedule.steps[0].when.label:
        yield "the first step names a moment"


def _lengths(schedule: Schedule) -> Iterator[str]:
    if not schedule.steps:
        yield "no step"
    if schedule.watch <= 0:
        yield "no watch"


def _moments(schedule: Schedule) -> Iterator[str]:
    yield from _lengths(schedule)
    before = None
    for i, step in enumerate(schedule.steps, 1):
        if step.label != f"S{i}" or step.when.label != before:
            yield f"step {i} is {step.label} after {step.when.label}"
        if step.when.offset < 0 or (i == 1 and step.when.offset):
            yield f"step {i} begins {step.when.offset} after {step.when.label}"
        before = step.label


def _acts(contract: Contract, schedule: Schedule) -> Iterator[str]:
    names = {m.name for m in schedule.members}
    for step in schedule.steps:
        act = step.act
        if isinstance(act, Call | Admin):
            operation = contract.operations[act.operation]
            if operation.admin is not isinstance(act, Admin) or operation.name in contract.lacks:
                yield f"{act}"
            yield from _arguments(operation, act, schedule)
        if isinstance(act, Fault) and act.kind not in contract.faults:
            yield f"{act.kind} is not taken"
        if isinstance(act, Fault) and (act.kind is FaultKind.SERVER_RESTART) is not (act.member is None):
            yield f"{act.kind} on {act.member}"
        if not isinstance(act, Admin | Wait) and act.member not in names | {None}:
            yield f"nobody is called {act.member}"


def _arguments(operation: Operation, act: Call | Admin, schedule: Schedule) -> Iterator[str]:
    if set(act.args) != {*operation.rooms, *operation.users, *operation.args}:
        yield f"arguments {act.args}"
        return
    rooms = [act.args[name] for name in operation.rooms]
    if len(set(rooms)) < len(rooms) or not set(rooms) <= set(schedule.rooms):
        yield f"rooms {rooms}"
    if not {act.args[name] for name in operation.users} <= {m.user for m in schedule.members}:
        yield f"users in {act.args}"
    for name, lawful in operation.args.items():
        if act.args[name] not in lawful:
            yield f"{name} {act.args[name]}"


def _links(schedule: Schedule) -> Iterator[str]:
    server_down = False
    has: dict[str | None, list[FaultKind]] = {m.name: [] for m in schedule.members}
    for step in schedule.steps:
        match step.act:
            case Fault(member=None):
                if server_down:
                    yield f"{step.label}: the server is down"
                server_down = True
            case Heal(member=None):
                if not server_down:
                    yield f"{step.label}: the server is up"
                server_down = False
            case Admin() if server_down:
                yield f"{step.label}: nobody answers"
            case Fault(member=member, kind=kind):
                down = server_down or any(EFFECT[k] is Effect.DOWN for k in has[member])
                if down and EFFECT[kind] is not Effect.DOWN:
                    yield f"{step.label}: {kind} on a link that is down"
                has[member].append(kind)
            case Heal(member=member):
                if not has[member]:
                    yield f"{step.label}: {member} has no fault"
                has[member] = []
            case _:
                pass
