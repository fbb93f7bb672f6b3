"""The order of the checks: what a later one stands on comes first, and what cannot be tried says why."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from roomcheck.errors import AdapterError, HarnessError, TargetError, UsageError
from roomcheck.faults import Provisioned, ToxiproxyServer
from roomcheck.model.schedule import Call
from roomcheck.model.verdict import Blame
from roomcheck.run.adapter import Announce, start_adapter
from roomcheck.run.clock import Lateness, now
from roomcheck.run.doctor import adapter, habits, machine, room
from roomcheck.run.doctor.line import Observation, finding, not_tried, ok
from roomcheck.run.install import provide
from roomcheck.run.play import Ground
from roomcheck.run.server import Server
from roomcheck.spec.case import Case
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import Spec
from roomcheck.spec.target import Target

ONE_BY_ONE = "mend that one first"
FAILURES = {AdapterError: Blame.ADAPTER, TargetError: Blame.TARGET, HarnessError: Blame.HARNESS}
PROTOCOL = "the protocol is described in specs/schema/adapter-protocol.md"
ADVICE = {
    AdapterError: f"mend the adapter; {PROTOCOL}",
    TargetError: "mend `server`, `install` or `endpoints` in target.yaml",
    HarnessError: "try again on a quieter machine; if it stays, it is a defect of roomcheck or its Toxiproxy",
}


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: a target with the spec bound to it. `repeat`: the command that runs a case of it."""

    target: Target
    spec: Spec
    contract: Contract
    repeat: str


async def examine(
    patient: Patient, provision: Callable[[], Provisioned], say: Callable[[str], None], announce: Announce
) -> AsyncGenerator[Observation, None]:
    """Every check, as it ends; nothing of what was started is left when the iteration is over or closed."""
    contract = patient.contract
    async with AsyncExitStack() as stack:
        lateness = await stack.enter_async_context(Lateness())
        yield await machine.time_line(contract, lateness)
        yield machine.files_line(len(patient.target.endpoints))
        yield machine.ports_line()
        try:
            provisioned = provision()
            toxiproxy = await ToxiproxyServer.start(provisioned)
        except (HarnessError, UsageError) as e:
            blame = Blame.HARNESS if isinstance(e, HarnessError) else Blame.TARGET
            yield finding("Toxiproxy: program", blame, str(e), "without it no room can be tested")
            return
        stack.push_async_callback(toxiproxy.stop)
        yield ok("Toxiproxy: program", f"{toxiproxy.version} from {provisioned.source}")
        yield await machine.faults_line(toxiproxy, contract)
        try:
            target = provide(patient.target, say)
            if target.parts:
                yield ok("room: installed", ", ".join(f"{part} {version}" for part, version in target.parts.items()))
            began = now()
            server = await stack.enter_async_context(Server(target, contract.constants))
        except TargetError as e:
            yield _failed("room: server", e)
            return
        where = ", ".join(f"{name} at {address}" for name, address in server.endpoints.items())
        yield ok("room: server", f"{where} accepts connections after {(now() - began) / 1e6:.1f} s")
        try:
            host = await start_adapter(target, contract.constants, announce)
        except (AdapterError, TargetError) as e:
            yield _failed("adapter: hello", e)
            return
        stack.push_async_callback(host.stop)
        ground = Ground(contract, host, toxiproxy, lateness, server, f"{os.getpid():x}{now() & 0xFFFFFF:x}")
        async for line in _with_adapter(patient, ground):
            yield line


async def _with_adapter(patient: Patient, ground: Ground) -> AsyncIterator[Observation]:
    host, contract = ground.host, patient.contract
    for line in adapter.hello_lines(patient.target, contract, host):
        yield line
    check = "adapter: made-up operations"
    try:
        yield await adapter.made_up(host)
        case = adapter.simplest(contract)
        check = "adapter: callbacks"
        if case is None:
            yield not_tried(check, f"no case of {contract.spec} is calls alone", "add one: a login, and nothing else")
        else:
            began = now()
            async for line in _with_login(ground, case, patient.target.jobs):
                check = line.check
                yield line
            check = "adapter: refusals"
            yield await habits.refusals(ground, 3)
            yield habits.swallowed(host, began)
        check = "room: constants"
        async for line in _declared(patient, ground):
            yield line
    except (AdapterError, TargetError, HarnessError) as e:
        yield _failed(check, e)
        yield not_tried("all else", "after the finding above, what this adapter says proves nothing", ONE_BY_ONE)
        if not host.alive:
            return
    yield await adapter.the_end(host, ground.lateness)


async def _with_login(ground: Ground, case: Case, jobs: int | None) -> AsyncIterator[Observation]:
    line, told = await adapter.callbacks(ground, case, 1)
    yield line
    async for line in adapter.crowd(ground, case, min(adapter.CROWD, jobs or adapter.CROWD)):
        yield line
    yield await habits.closing(ground, next(step.act for step in case.schedule.steps if isinstance(step.act, Call)))
    if reason := ground.contract.serverless:
        yield not_tried("proxy: bypass", f"there is no {reason}, and {case.id} needs none")
    else:
        yield await room.bypass(ground, case, 2, told)


async def _declared(patient: Patient, ground: Ground) -> AsyncIterator[Observation]:
    if not patient.target.constants:
        names = ", ".join(name for name in patient.spec.constants if name not in patient.contract.typical)
        text = "target.yaml declares none, so the contract's own are the room's"
        yield not_tried("room: constants", text, f"write those that your room has under `constants`: {names}")
        return
    found = [*room.declared(patient.spec, patient.target, patient.contract)]
    for line in await room.constants(ground, found, 4, patient.repeat):
        yield line


def _failed(check: str, error: AdapterError | TargetError | HarnessError) -> Observation:
    kind = next(kind for kind in FAILURES if isinstance(error, kind))
    return finding(check, FAILURES[kind], str(error), ADVICE[kind])
