"""What members are told in virtual time is what they are told on real sockets, through a real Toxiproxy.

The cases are such that no race decides what is told: only the order and the content of callbacks are compared.
"""

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from roomcheck.adapters import AdapterHost
from roomcheck.faults import ToxiproxyServer, provision
from roomcheck.judge.lateness import in_time
from roomcheck.model.fault import SILENT, FaultKind
from roomcheck.model.schedule import Fault
from roomcheck.model.trace import Answered, Told, Trace
from roomcheck.resources import root
from roomcheck.run.clock import Lateness
from roomcheck.run.install import provide
from roomcheck.run.play import Ground, Play
from roomcheck.run.server import Server
from roomcheck.simulate import simulate
from roomcheck.spec.case import Case
from roomcheck.spec.target import load_target
from simulate.zego import case, contract

SCALES = 100.0, 25.0, 10.0  # what a machine was too late for is played again, more slowly
CASES = [
    "back-after-heartbeat-timeout/cut",
    "back-after-heartbeat-timeout/reset",
    "back-before-heartbeat-timeout/stall",
    "several-outages/ghost",
    "login-until-the-network-comes/refuse",
    "slow-link/latency",
    "slow-link/throttle",
    "slow-link/slice",
    "broken-for-a-moment/half-open-server-told",
    "broken-for-a-moment/half-open-client-told",
    "broken-for-a-moment/truncate",
    "server-restart/server-restart",
    "kick-while-cut-off/ghost",
    "same-user-in-the-same-room",
    "logout-of-a-wrong-room",
    "switch-refused",
    "wrong-token",
    "kick-from-one-of-two-rooms",
    *(f"back-before-heartbeat-timeout/cut/{kind}" for kind in sorted(SILENT) if len(SILENT[kind]) == 1),
]


def under(name: str, scale: float) -> Case:
    """The case; one of another kind of fault is its schedule with that kind."""
    name, slash, kind = name.partition("/cut/")
    if not slash:
        return case(name, scale)
    found = case(f"{name}/cut", scale)
    steps = [
        replace(step, act=replace(step.act, kind=FaultKind(kind))) if isinstance(step.act, Fault) else step
        for step in found.schedule.steps
    ]
    return replace(found, schedule=replace(found.schedule, steps=tuple(steps)))


@pytest.fixture(scope="module")
def real() -> Mapping[str, Trace]:
    """The cases on sockets, all in flight at once."""
    played: dict[str, Trace] = {}
    for scale in SCALES:
        late = [name for name in CASES if name not in played or not in_time(contract(played[name].scale), played[name])]
        if late:
            played |= asyncio.run(_play_all(late, scale))
    return played


async def _play_all(names: Sequence[str], scale: float) -> dict[str, Trace]:
    bound = contract(scale)
    folder = root() / "fixtures" / "targets" / "reference"
    target = provide(load_target((folder / "target.yaml").read_text(encoding="utf-8"), "target.yaml"))
    async with contextlib.AsyncExitStack() as stack:
        lateness = await stack.enter_async_context(Lateness())
        toxiproxy = await ToxiproxyServer.start(provision())
        stack.push_async_callback(toxiproxy.stop)
        host = await AdapterHost.start(target.adapter_command, env=dict(os.environ), constants=bound.constants)
        stack.push_async_callback(host.stop)
        server = await stack.enter_async_context(Server(target, bound.constants))
        ground = Ground(bound, host, toxiproxy, lateness, server, f"agreement-{os.getpid():x}")

        async def play(number: int, name: str) -> Trace:
            wanted = under(name, scale)
            if not wanted.own_server:
                return await Play(ground, wanted, number, server).run()
            async with Server(target, bound.constants) as own:
                return await Play(ground, wanted, number, own).run()

        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(play(number, name)) for number, name in enumerate(names)}
    return {name: task.result() for name, task in tasks.items()}


def test_every_fault_is_compared() -> None:
    """No kind of the catalogue is left out."""
    assert {str(kind) for kind in FaultKind} <= {name.rpartition("/")[2] for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_both_worlds_tell_the_same(real: Mapping[str, Trace], name: str) -> None:
    """Each member hears the same callbacks with the same fields in the same order, and its calls end alike."""
    simulated = simulate(contract(SCALES[0]), under(name, SCALES[0]))

    assert _heard(simulated) == _heard(real[name])
    assert _answers(simulated) == _answers(real[name])


def _heard(trace: Trace) -> dict[str, list[tuple[str, Any]]]:
    aliases = {real: alias for names in (trace.users, trace.rooms) for alias, real in names.items()}
    heard: dict[str, list[tuple[str, Any]]] = {m.name: [] for m in trace.members}
    for record in trace.records:
        if isinstance(record, Told):
            heard[record.member].append((record.callback, _renamed(record.fields, aliases)))
    return heard


def _renamed(value: Any, aliases: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {name: _renamed(v, aliases) for name, v in value.items()}
        case list():
            return [_renamed(v, aliases) for v in value]
        case str():
            return aliases.get(value, value)
        case _:
            return value


def _answers(trace: Trace) -> list[tuple[str | None, str, Any]]:
    return [(r.member, r.status, r.fields) for r in trace.records if isinstance(r, Answered)]
