"""What in a trace that somebody wrote or damaged its contract does not know, before it is judged.

What members and the backend did is known for sure: a call of which the contract knows nothing is a mistake of the file.
What a member was told may be the room's own mistake, which is for the judge: there only what may be a slip is said.
"""

from collections.abc import Iterable, Iterator, Mapping

from roomcheck.judge.route import extract
from roomcheck.model.names import did_you_mean, nearest
from roomcheck.model.trace import Called, Told, Trace
from roomcheck.spec.case import AnyOf, Case, Entry, Item
from roomcheck.spec.contract import Contract
from roomcheck.spec.interface import Callback

Misfit = tuple[int, str]  # the number of a record, -1 for the header; and what is wrong with it


def mistakes(contract: Contract, trace: Trace) -> Iterator[Misfit]:
    """What cannot be judged: calls that the contract does not know."""
    for number, record in enumerate(trace.records):
        if isinstance(record, Called):
            yield from ((number, text) for text in _call(contract, trace, record))


def _call(contract: Contract, trace: Trace, record: Called) -> Iterator[str]:
    """What is wrong with a call."""
    admin = record.member is None
    names = [name for name, operation in contract.operations.items() if operation.admin is admin]
    what = "act of the backend" if admin else "operation"
    if record.operation not in names:
        yield f"unknown {what} {record.operation!r}{did_you_mean(record.operation, names)}"
        return
    operation = contract.operations[record.operation]
    known: dict[str, Iterable[object]] = {
        **dict.fromkeys(operation.rooms, trace.rooms),
        **dict.fromkeys(operation.users, trace.users),
        **operation.args,
    }
    for name in record.args:
        if name not in known:
            yield f"unknown argument {name!r} of {operation.name}{did_you_mean(name, known)}"
            return
    for name, values in known.items():
        if name not in record.args:
            yield f"{operation.name} lacks its argument {name!r}"
        elif (given := record.args[name]) not in list(values):
            yield f"unknown value {given!r} of {name}{did_you_mean(str(given), map(str, values))}"


def slips(contract: Contract, trace: Trace, case: Case | None) -> Iterator[Misfit]:
    """What is judged as it stands, and may be a slip of the file: it is nearly a name that is known."""
    entries = [entry for line in case.lines for entry in _entries(line.items)] if case else []
    known = {getattr(record, "label", None) for record in trace.records} | {entry.label for entry in entries}
    for missing in dict.fromkeys(entry.of for entry in entries if entry.of not in known):
        yield -1, f"no record has the label {missing!r}, from which a sequence of {trace.case} counts"
    for number, record in enumerate(trace.records):
        if isinstance(record, Told):
            yield from ((number, text) for text in _told(contract, trace, record))


def _entries(items: Iterable[Item]) -> Iterator[Entry]:
    """All that is in a sequence."""
    for item in items:
        if isinstance(item, Entry):
            yield item
        else:
            for part in item.branches if isinstance(item, AnyOf) else [item.entries]:
                yield from _entries(part)


def _told(contract: Contract, trace: Trace, record: Told) -> Iterator[str]:
    """What of a callback is nearly a known name."""
    callback = contract.callbacks.get(record.callback)
    if callback is None:
        if near := nearest(record.callback, contract.callbacks):
            yield f"{record.callback} is nobody's business; did you mean {near!r}?"
        return
    absent = [name for name in callback.fields if name not in record.fields]
    for name in record.fields:
        if name not in callback.fields and (near := nearest(name, absent)):
            yield f"{record.callback} has no field {name!r}; did you mean {near!r}?"
    for what, real, known in _names(callback, record, trace):
        if real not in known.values() and (near := nearest(real, known.values())):
            yield f"{what} {real!r} is none of the header's; did you mean {near!r}?"


def _names(callback: Callback, record: Told, trace: Trace) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """The rooms and users that a callback names, and those that there are."""
    for what, path, known in (("room", callback.room, trace.rooms), ("user", callback.about, trace.users)):
        for real in extract(path, record.fields) if path else ():
            if isinstance(real, str):
                yield what, real, known
