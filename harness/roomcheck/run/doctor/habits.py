"""What an adapter does that no message of the protocol shows: its clients' ends, its refusals, what it prints."""

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from roomcheck.adapters import AdapterHost
from roomcheck.faults import Link
from roomcheck.model.schedule import Call, Wait
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Answered
from roomcheck.model.verdict import Blame
from roomcheck.prove import asked
from roomcheck.run.clock import now
from roomcheck.run.doctor.adapter import arrive, of_type
from roomcheck.run.doctor.line import Observation, finding, not_tried, ok
from roomcheck.run.play import Ground, Play
from roomcheck.run.queue import duration
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract, Rule

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"
CLOSED_WITHIN = 2_000_000  # microseconds after the answer to close; whoever closes at once takes one
AT_MOST = 60_000_000  # microseconds that a case may take here
SHOWN = 3  # lines of an exception, the last ones
RAISED = re.compile(r"(?!Exception in )[\w.]*(?:Error|Exception|Warning)\b")  # what Python says last of an exception
# an exception that nobody caught, as Python, JavaScript, Go, Rust, Java and Swift print it
SWALLOWED = re.compile(
    r"Traceback \(most recent call last\)|never retrieved|[Uu]n(caught|handled)|^panic:|panicked at|"
    r"Exception in (thread|callback)|Fatal error:|^\s+at \S+ ?\(.*:\d+"
)


async def closing(ground: Ground, call: Call) -> Observation:
    """Whether the connections of a member are gone once it was closed."""
    check = "adapter: close"
    host = ground.host
    links = {
        name: await Link.create(ground.toxiproxy, f"{ground.token}-close-{name}", address, set())
        for name, address in ground.server.endpoints.items()
    }
    ports = {link.port for link in links.values()}
    host.subscribe("closing.A", lambda _event: None, lambda _error: None)
    try:
        await arrive(ground, "closing.A", links, call)
        before = await _until(ports, lambda count: count > 0)
        if before is None:
            return not_tried(check, "this system does not tell which connections there are")
        if not before:
            return not_tried(check, f"after {call.operation} the member has no TCP connection")
        await host.request("close", timeout=CLOSED_WITHIN / 1e6 * 5, member="closing.A")
        left = await _until(ports, lambda count: count == 0)
    finally:
        host.unsubscribe("closing.A")
        for link in links.values():
            await link.close()
    if left:
        what = "one connection of a member is" if left == 1 else f"{left} connections of a member are"
        text = f"{what} open {show_duration(CLOSED_WITHIN)} after its close"
        advice = "end the SDK's client when a member is closed: else it goes on in its room, and later cases hear of it"
        return finding(check, Blame.ADAPTER, text, advice)
    return ok(check, f"{before} connection{'s' * (before > 1)} of a member, gone once it was closed")


async def _until(ports: set[int], true: Callable[[int], bool]) -> int | None:
    """How many connections lead to these ports once that is `true`, or in the end; None where nobody tells."""
    end = now() + CLOSED_WITHIN
    while (count := connections(ports)) is not None and not true(count) and now() < end:  # noqa: ASYNC110 (no event)
        await asyncio.sleep(0.02)
    return count


def connections(ports: set[int]) -> int | None:
    """How many established ones of this machine lead to these ports; None where the system does not tell."""
    count, told = 0, False
    for table in TABLES:
        try:
            rows = table.read_text(encoding="ascii").splitlines()[1:]
        except (OSError, UnicodeDecodeError):
            continue
        told = True
        for row in rows:
            _, _, remote, state, *_ = row.split()
            count += state == ESTABLISHED and int(remote.rpartition(":")[2], 16) in ports
    return count if told else None


# --- refusals ---------------------------------------------------------------------------------------------------------


def refusing(contract: Contract) -> tuple[Case, Rule] | None:
    """The shortest case of calls alone that is about a rule of what a refused call returns."""
    rules = [r for view in contract.views for r in view.rules if r.answer and r.answer.get("status") == "refused"]

    def fits(case: Case) -> bool:
        acts = all(isinstance(step.act, Call | Wait) for step in case.schedule.steps)
        return acts and not case.own_server and duration(case) <= AT_MOST

    about = ((c, c.requirements[:1] or asked(contract, c)) for c in contract.cases if fits(c))
    found = [(c, r) for c, names in about for r in rules if r.requirement in names]
    return min(found, key=lambda pair: duration(pair[0]), default=None)


async def refusals(ground: Ground, number: int) -> Observation:
    """Whether a refused call returns the fields that the contract names, each of its type."""
    check = "adapter: refusals"
    found = refusing(ground.contract)
    if found is None:
        return not_tried(check, "no case of calls alone is about a call that is refused")
    case, rule = found
    trace = await Play(ground, replace(case, schedule=replace(case.schedule, watch=0)), number, ground.server).run()
    answers = [r for r in trace.records if isinstance(r, Answered) and r.status == "refused"]
    if not answers:
        return not_tried(check, f"in {case.id} nothing was refused")
    expected = {name: value for name, value in (rule.answer or {}).items() if name != "status"}
    if problems := [*dict.fromkeys(p for a in answers for p in _misfits(expected, a.fields))]:
        advice = "return the fields of a refusal as the contract names them: Refused(errorCode=33)"
        return finding(check, Blame.ADAPTER, f"{case.id}: {'; '.join(problems)}", advice)
    return ok(check, f"{case.id}: refused with {', '.join(expected) or 'no fields'}, named and typed as they must be")


def _misfits(expected: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.items():
        if name not in fields:
            yield f"a refused call returns no {name}; it returns {', '.join(sorted(fields)) or 'nothing'}"
        elif not of_type(fields[name], type(value)):
            yield f"a refused call returns {name} {fields[name]!r}, and the contract says {type(value).__name__}"


# --- what it prints ---------------------------------------------------------------------------------------------------


def swallowed(host: AdapterHost, since: int) -> Observation:
    """Whether it printed an exception that nobody caught, which then is no answer and no callback."""
    check = "adapter: exceptions"
    story = exception_in(host.printed(since, now()))
    if not story:
        return ok(check, "none was printed while all this was played")
    text = "\n".join(["it printed an exception, of which the protocol was told nothing", *story])
    advice = "mend what raised it, or answer with what it means; a callback whose code raises is not heard"
    return finding(check, Blame.ADAPTER, text, advice)


def exception_in(lines: Sequence[str]) -> list[str]:
    """The first and the last lines of the first exception among these that nobody caught; nothing if there is none.

    Threads that raise at once print between each other's lines: it ends with what was raised, or else with the first
    line that belongs to no traceback.
    """
    first = next((i for i, line in enumerate(lines) if SWALLOWED.search(line)), None)
    if first is None:
        return []
    rest = lines[first + 1 :]
    outside = [i for i, line in enumerate(rest) if not line.startswith((" ", "\t", "Traceback", "Exception in"))]
    ends = [i for i in outside if RAISED.match(rest[i])] or outside or [len(rest)]
    return [lines[first], *rest[: ends[0] + 1][-SHOWN:]]
