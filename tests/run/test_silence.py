"""A Toxiproxy that stands still for a moment, unseen, is no defect of the room."""

import asyncio
from pathlib import Path

import psutil
import pytest

from roomcheck.cli.files import find_spec, find_target, read_spec, read_target
from roomcheck.faults import Provisioned, provision
from roomcheck.faults.process import start_process
from roomcheck.model.schedule import Call, Member, Schedule, Step
from roomcheck.model.verdict import CaseResult, Outcome
from roomcheck.report.traces import TraceFolder
from roomcheck.run.clock import now
from roomcheck.run.install import provide
from roomcheck.run.play import Play
from roomcheck.run.session import Plan, Session
from roomcheck.spec.schedule_file import case_of
from support.processes import PATIENCE

SECOND = 1_000_000
LOGIN = Step(Call("A", "loginRoom", {"room": "R", "token": "valid"}))


def told(play: Play) -> list[str]:
    return [str(event.fields.get("reason")) for _, event in play.events]


def test_what_a_silent_toxiproxy_did_to_a_member_is_in_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is somebody else's, so that no signal is seen, and it answers again in time; the member had to reconnect."""
    provisioned = provision()
    if provisioned.path is None:
        pytest.skip("Toxiproxy was given by URL")
    process = start_process(provisioned.path)
    heard: list[str] = []
    settle = Play._settle

    async def standing_still(play: Play) -> int:
        async with asyncio.timeout(PATIENCE):
            while "LOGINED" not in told(play):
                play.news.clear()
                await play.news.wait()
        began = now()
        psutil.Process(process.pid).suspend()
        async with asyncio.timeout(PATIENCE):
            while play.ground.toxiproxy.silent(began, now()) < 3 * SECOND // 2:  # noqa: ASYNC110 (it is seen, not told)
                await asyncio.sleep(0.01)
        psutil.Process(process.pid).resume()
        end = await settle(play)
        heard.extend(told(play))
        return end

    monkeypatch.setattr(Play, "_settle", standing_still)
    contract = read_spec(find_spec("zego-express/room-status")).bind(scale=100.0)
    case = case_of("alone", Schedule((Member("A", "A"),), ("R",), (LOGIN,), SECOND))

    async def play() -> list[CaseResult]:
        target = provide(read_target(find_target("reference")))
        toxiproxy = Provisioned(None, process.url, "", provisioned.version)
        session = Session(Plan(contract, (), target, toxiproxy, TraceFolder(tmp_path)))
        async with session.open():
            return await session.play([case], 1)

    try:
        [result] = asyncio.run(play())
    finally:
        process.kill()
        process.wait()

    assert "RECONNECTING" in heard  # nothing had broken its link
    assert result.outcome is Outcome.INCONCLUSIVE, result
    assert result.lateness >= SECOND


def test_a_server_that_stands_still_when_the_last_case_has_ended_is_named(tmp_path: Path) -> None:
    """Nobody has missed it, and it was stopped all the same."""
    contract = read_spec(find_spec("zego-express/room-status")).bind(scale=100.0)

    async def play() -> list[str]:
        target = provide(read_target(find_target("reference")))
        session = Session(Plan(contract, (), target, provision(), TraceFolder(tmp_path)))
        async with session.open():
            assert session._ground is not None
            server = psutil.Process(session._ground.server.pid)
            server.suspend()
            async with asyncio.timeout(PATIENCE):  # a signal takes effect when its process is next to run
                while server.status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 (the kernel tells its parent alone)
                    await asyncio.sleep(0.01)
        return [str(trouble) for trouble in session.troubles]

    assert asyncio.run(play()) == ["the server of reference was stopped by a signal"]
