"""Schedules as files: the pinned ones, which once found something and which every run of their spec plays again."""

from pathlib import Path

from roomcheck.cli.files import read_text
from roomcheck.cli.playing import Bound
from roomcheck.errors import UsageError
from roomcheck.model.schedule import Admin, Call, Fault, Schedule
from roomcheck.resources import root
from roomcheck.spec.case import Case
from roomcheck.spec.contract import SECOND_SESSION, Contract
from roomcheck.spec.load import NO_SECOND_SESSION
from roomcheck.spec.schedule_file import case_of, read_schedule, spec_named_in

PINNED = Path("roomcheck-schedules")  # in the user's own project


def read_file(path: Path, contract: Contract) -> Schedule:
    """The schedule of a file, in the contract's time; SpecError lists what is wrong with it."""
    return read_schedule(read_text(path), str(path), contract)


def missing(schedule: Schedule, contract: Contract) -> str:
    """What a schedule needs that the target does not have; nothing if it can be played."""
    acts = [step.act for step in schedule.steps]
    operations = {a.operation for a in acts if isinstance(a, Call | Admin)} & contract.lacks
    kinds = {a.kind for a in acts if isinstance(a, Fault)} - contract.faults
    return "; ".join(
        [f"there is no {contract.serverless}"] * bool(contract.serverless)
        + [f"the room does not have {name}" for name in sorted(operations)]
        + [NO_SECOND_SESSION] * (SECOND_SESSION in contract.lacks and schedule.second_session)
        + [f"the target does not take the fault {kind}" for kind in sorted(kinds)]
    )


def pinned(bound: Bound) -> tuple[list[Case], list[tuple[str, str, str]]]:
    """The cases of all pinned schedules of the bound spec, and (id, title, reason) of those that do not apply."""
    cases: list[Case] = []
    absent: list[tuple[str, str, str]] = []
    for folder in (root() / "fixtures" / "schedules", PINNED):
        for path in sorted(folder.glob("*.yaml")):
            if spec_named_in(read_text(path), str(path)) != bound.contract.spec:
                continue
            schedule = read_file(path, bound.contract)
            name = f"pinned/{path.stem}"
            reason = missing(schedule, bound.contract)
            if reason:
                absent.append((name, "A pinned schedule", reason))
            else:
                cases.append(case_of(name, schedule, "A pinned schedule"))
    return cases, absent


def pin(path: Path) -> Path:
    """Copy a schedule's file into the project's pinned ones. UsageError if another one has its name."""
    PINNED.mkdir(exist_ok=True)
    there = PINNED / path.name
    if there.exists() and read_text(there) != read_text(path):
        raise UsageError(f"there is another schedule {there}: rename {path} or remove that one")
    there.write_text(read_text(path), encoding="utf-8")
    return there
