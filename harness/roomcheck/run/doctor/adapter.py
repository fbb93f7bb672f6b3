"""Does the adapter keep the protocol?"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from roomcheck.adapters import BYE_LIMIT, AdapterHost, StampedCallback
from roomcheck.errors import AdapterError
from roomcheck.faults import Link
from roomcheck.judge.route import extract
from roomcheck.model.schedule import Call, Wait
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Answered, Told
from roomcheck.model.verdict import Blame
from roomcheck.queued import Queued
from roomcheck.room import USUAL, play
from roomcheck.run.clock import Lateness, now
from roomcheck.run.doctor.line import Observation, finding, not_tried, ok
from roomcheck.run.play import Ground, Play
from roomcheck.spec.case import AnyOf, Case, Entry, Item
from roomcheck.spec.contract import Contract
from roomcheck.spec.interface import Callback
from roomcheck.spec.target import Target

CROWD = 20  # members that call at once, or as many as the target's `jobs`: it bears no more
CROWD_LIMIT = 30.0  # seconds for a call to be answered
STUCK = 1_000_000  # microseconds; a longer silence makes every "never" of a run inconclusive
SETTLE = 300_000  # microseconds after the calls, in which callbacks that a barrier did not wait for come
BARRIERS = 10  # at least, in that time
PREEMPTED = 20_000  # microseconds that the SDK's thread may lose between its stamp and its line on a quiet machine
SLOWER = 20  # so many times as late as this machine was at worst, an adapter may end later than on a quiet one
QUIETER = "try it again when nothing else runs here"
TYPES: Mapping[str, type] = {"str": str, "int": int, "list": list}


def hello_lines(target: Target, contract: Contract, host: AdapterHost) -> Iterator[Observation]:
    """What its answer to hello says, beside the target and the contract."""
    info, who = host.info, host.info.implementation
    name = f"{who['name']} {who.get('version', '')}".strip()
    yield ok("adapter: hello", f"{name}, {who.get('language', 'language unsaid')}, protocol {info.protocol}")
    if strange := sorted(set(info.endpoints) - set(target.endpoints)):
        advice = f"add {', '.join(strange)} to `endpoints` in target.yaml, or take it from the adapter"
        text = f"it asks for {', '.join(strange)}, which target.yaml does not have"
        yield finding("adapter: endpoints", Blame.TARGET, text, advice)
    yield from _operations(contract, info.capabilities)
    if info.capabilities.get("example"):
        text = "the adapter still speaks to the example room of `roomcheck init`"
        yield not_tried("room: yours", text, "put your SDK in its place: grep -n TODO in the target's folder")


def _operations(contract: Contract, capabilities: Mapping[str, Any]) -> Iterator[Observation]:
    check = "adapter: operations"
    offered = [capabilities.get(kind) for kind in ("operations", "admin")]
    if not all(isinstance(names, list) for names in offered):
        text = "its capabilities do not list `operations` and `admin`"
        yield not_tried(check, text, "list them in the answer to hello, as the kits do")
        return
    has = {str(name) for names in offered for name in names or ()}
    missing = sorted(set(contract.operations) - contract.lacks - has)
    if missing:
        text = f"the contract has {', '.join(missing)}, and the adapter has not"
        yield finding(check, Blame.ADAPTER, text, "write it in the adapter, or list it under `lacks` in target.yaml")
    if disowned := sorted(contract.lacks & has):
        text = f"target.yaml says that the room lacks {', '.join(disowned)}, and the adapter has it"
        yield finding(check, Blame.TARGET, text, "take it from `lacks`, or its cases are never played")
    if not missing and not disowned:
        both = set(contract.operations) & has
        yield ok(check, f"{', '.join(sorted(both))}" + _lacking(contract))


def _lacking(contract: Contract) -> str:
    return f"; the room lacks {', '.join(sorted(contract.lacks))}" if contract.lacks else ""


async def made_up(host: AdapterHost) -> Observation:
    """Whether it knows what it does not know."""
    await host.probe()
    return ok("adapter: made-up operations", "answered with `unsupported`, also at a member that was never opened")


# --- a login ----------------------------------------------------------------------------------------------------------


def simplest(contract: Contract) -> Case | None:
    """The case with the fewest members and steps that is calls alone, with nothing wrong in them."""

    def plain(case: Case) -> bool:
        calls = [s.act for s in case.schedule.steps if isinstance(s.act, Call)]
        others = [s.act for s in case.schedule.steps if not isinstance(s.act, Call | Wait)]
        usual = all(_usual(contract, call) for call in calls)
        return bool(calls) and not others and usual and not case.own_server and expected(contract, case) > 0

    plain_ones = [case for case in contract.cases if plain(case)]
    return min(plain_ones, key=lambda c: (len(c.schedule.members), len(c.schedule.steps)), default=None)


def _usual(contract: Contract, call: Call) -> bool:
    """Whether every argument has its first lawful value."""
    lawful = contract.operations[call.operation].args
    return all(call.args.get(name, values[0]) == values[0] for name, values in lawful.items())


def expected(contract: Contract, case: Case) -> int:
    """The least number of callbacks that the case expects: of its lines, or of the rules where it has none."""
    if case.lines:
        return sum(_least(item) for line in case.lines for item in line.items)
    return sum(isinstance(record, Told) for record in play(contract, case, USUAL).records)


def _least(item: Item) -> int:
    match item:
        case Entry():
            return 0 if item.optional else 1
        case AnyOf():
            return min(sum(map(_least, branch)) for branch in item.branches)
        case _:
            return sum(map(_least, item.entries))


async def callbacks(ground: Ground, case: Case, number: int) -> tuple[Observation, list[tuple[str, StampedCallback]]]:
    """The case, played until what it expects was told; and what was told."""
    least = expected(ground.contract, case)
    playing = Play(ground, case, number, ground.server, enough=least)
    trace = await playing.run()
    told: list[tuple[str, StampedCallback]] = playing.events
    names = ", ".join(f"{member}: {event.callback}" for member, event in told)
    check = "adapter: callbacks"
    if problems := [*_misfits(ground.contract, playing)]:
        advice = "name callbacks and their fields as the contract does"
        return finding(check, Blame.ADAPTER, f"{case.id}: {'; '.join(problems)}", advice), told
    if len(told) < least:
        answers = ", ".join(r.status for r in trace.records if isinstance(r, Answered))
        text = f"{case.id} expects {least} callbacks, and told were {len(told)} ({names or 'none'})"
        text += f"; its calls were answered with {answers}"
        advice = "wire up the SDK's callbacks in the adapter; if they are, the room does not keep this"
        return finding(check, Blame.ROOM, text, advice), told
    text = f"{case.id}: {len(told)} told, counted, stamped and named as they must be; nothing else on stdout"
    return ok(check, text), told


def _misfits(contract: Contract, play: Play) -> Iterator[str]:
    for name, fields in {event.callback: event.fields for _, event in play.events}.items():
        callback = contract.callbacks.get(name)
        if callback is None:
            yield f"the contract has no callback {name}; it has {', '.join(sorted(contract.callbacks))}"
            continue
        yield from _wrong_fields(callback, fields, {type(code) for code in contract.codes.values()})
        if callback.room is not None:
            rooms = extract(callback.room, fields)
            if rooms and not set(map(str, rooms)) & set(play.rooms.values()):
                yield f"{name} tells the room {rooms[0]!r}, and the member is in {', '.join(play.rooms.values())}"


def _wrong_fields(callback: Callback, fields: Mapping[str, Any], codes: set[type]) -> Iterator[str]:
    for field, kind in callback.fields.items():
        if field not in fields:
            yield f"{callback.name} has no {field}"
        elif kind in TYPES and not of_type(fields[field], TYPES[kind]):
            yield f"{callback.name}: {field} is {fields[field]!r}, and the contract says {kind}"
        elif kind == "code" and codes and not of_type(fields[field], *codes):
            names = " or ".join(sorted(each.__name__ for each in codes))
            yield f"{callback.name}: {field} is {fields[field]!r}, and the contract's codes are {names}"


def of_type(value: object, *kinds: type) -> bool:
    """Whether it is of one of these types; a bool is no number."""
    return isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)


# --- many at once -----------------------------------------------------------------------------------------------------


async def crowd(ground: Ground, case: Case, size: int) -> AsyncIterator[Observation]:
    """So many members that call at once, while pings and barriers are asked for."""
    call = next(step.act for step in case.schedule.steps if isinstance(step.act, Call))
    host = ground.host
    began = now()
    queued = Queued(host.pid or os.getpid())  # one that somebody else has started is kept waiting as we and ours are
    heard: list[StampedCallback] = []
    links = {
        name: await Link.create(ground.toxiproxy, f"{ground.token}-crowd-{name}", address, set())
        for name, address in ground.server.endpoints.items()
    }
    handles = [f"crowd.{number}" for number in range(size)]
    failures: list[AdapterError] = []
    for handle in handles:
        host.subscribe(handle, heard.append, failures.append)
    asking = asyncio.gather(*(arrive(ground, handle, links, call) for handle in handles))
    try:
        pings: list[tuple[int, int]] = []
        barriers: list[tuple[int, int]] = []
        while not asking.done():
            pings.append(await _ping(host))
            barriers.append(await _barrier(host))
        await asking
        answered = now()
        late = max(ground.lateness.worst(began, answered), queued.worst)
        asked = len(barriers) + BARRIERS
        while now() - answered < SETTLE or len(barriers) < asked or (len(heard) < size and now() - answered < STUCK):
            barriers.append(await _barrier(host))
            await asyncio.sleep(0.01)
        pings.append(await _ping(host))
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        for handle in handles:
            host.unsubscribe(handle)
        for link in links.values():
            await link.close()
    if failures:
        raise failures[0]
    pings.append((0, host.pulse.lag(began)))  # what the adapter told the harness's own beat, it does not tell again
    yield _pings(pings, f"{size} members called {call.operation} at once", late)
    yield _barriers(barriers, heard, size, 2 * ground.lateness.starved(began, now()))


async def arrive(ground: Ground, handle: str, links: Mapping[str, Link], call: Call) -> None:
    """Open a member on these links, and let it call."""
    user = f"{ground.token}-{handle}".replace(".", "-")
    operation = ground.contract.operations[call.operation]
    named = {**dict.fromkeys(operation.rooms, f"room-of-{user}"), **dict.fromkeys(operation.users, user)}
    arguments = {name: named.get(name, value) for name, value in call.args.items()}
    await ground.open(handle, user, links)
    asked = {"member": handle, "operation": call.operation, "arguments": arguments}
    await ground.host.request("call", timeout=CROWD_LIMIT, **asked)


async def _ping(host: AdapterHost) -> tuple[int, int]:
    """How long the answer took, and for how long the adapter says that its loop was stuck."""
    answer = await host.request("ping", timeout=CROWD_LIMIT, nonce=1)
    lag = answer.fields.get("loop_lag", 0)
    return answer.received - answer.sent, lag if isinstance(lag, int) else 0


async def _barrier(host: AdapterHost) -> tuple[int, int]:
    answer = await host.request("barrier", timeout=CROWD_LIMIT, member=None)
    return answer.sent, answer.received


def _pings(pings: list[tuple[int, int]], busy: str, late: int) -> Observation:
    check = "adapter: pings while busy"
    slowest, stuck = max(took for took, _ in pings), max(lag for _, lag in pings)
    text = f"{len(pings) - 1} while {busy}: answered within {show_duration(slowest)}"
    if slowest > STUCK or stuck > STUCK:
        text += f", and the SDK's loop was stuck for {show_duration(stuck)}" if stuck else ""
        if 4 * late > max(slowest, stuck):
            text += (
                f"; this machine was too slow to tell why: it kept us or the adapter waiting for {show_duration(late)}"
            )
            return not_tried(check, text, QUIETER)
        advice = "let calls that block run in a thread of their own: while one waits, nobody hears callbacks"
        return finding(check, Blame.ADAPTER, text, advice)
    return ok(check, text + (f", the SDK's loop stuck for at most {show_duration(stuck)}" if stuck else ""))


def _barriers(barriers: list[tuple[int, int]], heard: list[StampedCallback], size: int, kept: int) -> Observation:
    """`kept`: for how long this machine may have kept a thread waiting at a time."""
    check = "adapter: barrier"
    if not heard:
        return not_tried(check, f"no callback was told to {size} members", "see the findings above")
    early = [
        (sent - event.time, event.received - received)
        for sent, received in barriers
        for event in heard
        if event.time < sent - PREEMPTED and event.received > received
    ]
    if early:
        before, after = max(early)
        text = f"a callback stamped {show_duration(before)} before a barrier was asked for came "
        text += f"{show_duration(after)} after its answer"
        if before <= kept:
            text += f"; this machine was too slow to tell why: it may keep a thread waiting for {show_duration(kept)}"
            return not_tried(check, text, QUIETER)
        advice = "write callbacks and results through one queue, in the order in which they happen"
        return finding(check, Blame.ADAPTER, text, advice)
    return ok(check, f"{len(barriers)} answered, each after every callback that had been stamped ({len(heard)} told)")


async def the_end(host: AdapterHost, lateness: Lateness) -> Observation:
    """Whether it ends by itself when it is told bye."""
    began = now()
    await host.stop(BYE_LIMIT + SLOWER * lateness.percentile(1.0) / 1e6)
    took = show_duration(now() - began)
    check, status = "adapter: end", host.status
    if status is None:
        return not_tried(check, "roomcheck did not start this program")
    if status < 0:
        text = f"it had to be killed {took} after bye"
        return finding(check, Blame.ADAPTER, text, "answer bye, close every client, then end the program")
    if status > 0:
        return finding(check, Blame.ADAPTER, f"it ended with status {status} after bye", "end with status 0")
    return ok(check, f"it ended by itself {took} after bye")
