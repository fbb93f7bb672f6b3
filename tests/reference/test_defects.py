"""Each defect shows itself, and only where it should."""

import argparse
from collections.abc import Callable
from dataclasses import replace

import pytest

from reference.world import SECOND, World
from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.defects import DEFECTS, add_option, client, server
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.wire import Timings


def login(w: World) -> None:
    w.members("a", "b", "c")


def login_without_network(w: World) -> None:
    a = w.client("a")
    a.cut()
    a.login()
    w.run(30)
    a.heal()
    w.run(10)


def login_never(w: World) -> None:
    a = w.client("a")
    a.cut()
    a.login()
    w.run(350)


def bad_tokens(w: World) -> None:
    w.members("b")
    w.run(10)
    for name in ("wrong", "expired"):
        a = w.client(name)
        a.login(token="wrong" if name == "wrong" else a.token(-SECOND))
    w.run(10)


def second_login(w: World) -> None:
    a, _ = w.members("a", "b")
    a.login()
    w.run(10)


def short_outages(w: World) -> None:
    a, b, _ = w.members("a", "b", "c")
    for n in range(2):
        a.cut()
        w.run(30)
        if n:
            b.logout()
        a.heal()
        w.run(30)


def long_outage(w: World) -> None:
    a, _ = w.members("a", "b")
    a.cut()
    w.run(200)
    a.heal()
    w.run(30)


def endless_outage(w: World) -> None:
    a, _ = w.members("a", "b")
    a.cut()
    w.run(350)
    a.heal()
    a.login()
    w.run(30)


def slow_link(w: World) -> None:
    a, _ = w.members("a", "b")
    a.latency = SECOND
    w.run(60)


def logouts(w: World) -> None:
    a, b, _ = w.members("a", "b", "c")
    a.logout("elsewhere")
    w.run(10)
    a.logout()
    w.run(10)
    b.cut()
    w.run(10)
    b.logout()
    w.run(10)
    b.heal()
    w.run(30)


def switch(w: World) -> None:
    a, _ = w.members("a", "b")
    a.switch("R", "S")
    w.run(30)


def kicks(w: World) -> None:
    a, b, _ = w.members("a", "b", "c")
    a.login("S")
    w.run(1)
    w.kick("a")
    w.run(30)
    b.cut()
    w.run(1)
    w.kick("b")
    w.run(1)
    b.heal()
    w.run(30)


def twins(w: World) -> None:
    w.members("a", "b")
    w.client("a", "tablet").login()
    w.run(30)


def silent_server(w: World) -> None:
    a, _ = w.members("a", "b")
    a.ghost()
    w.run(40)
    a.heal()
    w.run(40)


def two_rooms(w: World) -> None:
    a = w.client("a")
    for room in ("R", "S"):
        a.login(room)
    w.run(10)
    a.cut()
    w.run(10)
    a.heal()
    w.run(10)
    a.logout("S")
    w.run(10)


def back_too_late(w: World) -> None:
    a, _ = w.members("a", "b")
    a.cut()
    w.run(350)
    a.heal()
    w.run(30)


def gone_from_two(w: World) -> None:
    a, _, _ = w.members("a", "b", "c")
    a.cut()
    w.run(120)


def restart(w: World) -> None:
    w.members("a", "b")
    w.kill_server()
    w.run(3)
    w.start_server()
    w.run(30)


def again_after_a_refusal(w: World) -> None:
    a = w.client("a")
    for _ in range(2):
        a.login(token="wrong")
        w.run(10)
    a.login()
    w.run(10)


def again_after_kicks(w: World) -> None:
    a, _ = w.members("a", "b")
    for _ in range(2):
        w.kick("a")
        w.run(1)
        a.login()
        w.run(30)
    a.login()
    w.run(30)


def switches(w: World) -> None:
    a, b = w.members("a", "b")
    b.login("S")
    w.run(10)
    a.switch("nowhere", "S")
    w.run(10)
    a.call("switchRoom", **{"from": "R", "to": "S", "token": "wrong"})
    w.run(10)
    a.login()
    w.run(10)
    a.switch("R", "S")
    w.run(10)


def quick(w: World) -> None:
    a, _ = w.members("a", "b")
    for _ in range(2):
        a.cut()
        w.run(1)
        a.heal()
        w.run(6)
    a.logout()
    a.login()
    w.run(30)


def quickly_out(w: World) -> None:
    a, b, _ = w.members("a", "b", "c")
    for c in (a, b):
        c.cut()
    w.run(1)
    for c in (a, b):
        c.heal()
    w.run(6)
    a.logout()
    w.kick("b")
    w.run(30)


def twin_elsewhere(w: World) -> None:
    w.members("a", "b")
    w.client("a", "tablet").login("S")
    w.run(30)


def twin_meanwhile(w: World) -> None:
    a, _ = w.members("a", "b")
    a.cut()
    w.run(5)
    w.client("a", "tablet").login()
    w.run(5)
    a.heal()
    w.run(30)


SCENES: list[Callable[[World], None]] = [
    login, login_without_network, login_never, bad_tokens, second_login, short_outages, long_outage, endless_outage,
    slow_link, logouts, switch, kicks, twins, silent_server, two_rooms, back_too_late, gone_from_two, restart,
    again_after_a_refusal, again_after_kicks, switches, quick, quickly_out, twin_elsewhere, twin_meanwhile,
]  # fmt: skip


def play(
    scene: Callable[[World], None],
    client: type[ClientMachine] = ClientMachine,
    server: type[ServerMachine] = ServerMachine,
) -> list[tuple[object, ...]]:
    world = World(client, server, replace(Timings(), retry_timeout=300 * SECOND))
    told: list[tuple[object, ...]] = []
    scene(world)
    for c in world.clients:
        told += [(c.user, *t) for t in c.told] + [(c.user, code) for code in c.refused]
    return told


CONFORMING = {scene: play(scene) for scene in SCENES}


@pytest.mark.parametrize("name", DEFECTS)
def test_defect_shows(name: str) -> None:
    """At least one scene tells the defective room from the conforming one, and at least one does not."""
    differing = [s.__name__ for s in SCENES if play(s, client(name), server(name)) != CONFORMING[s]]

    assert differing
    assert len(differing) < len(SCENES)


def test_there_are_many_and_each_says_what_it_is() -> None:
    """Forty at least, each with a sentence of its own and a topic."""
    assert len(DEFECTS) >= 40
    assert len({d.sentence for d in DEFECTS.values()}) == len(DEFECTS)
    assert all(d.sentence.endswith(".") and d.topic and "\n" not in d.sentence for d in DEFECTS.values())


def test_each_breaks_something() -> None:
    """So that whoever finds it can be held to the right name."""
    assert all(d.breaks and len(set(d.breaks)) == len(d.breaks) for d in DEFECTS.values())


def test_defect_of_one_side_leaves_the_other_alone() -> None:
    """The same name can be given to both programs."""
    assert client("leave-told-early") is ClientMachine
    assert server("never-reconnected") is ServerMachine
    assert client(None) is ClientMachine
    assert server(None) is ServerMachine


def test_unknown_defect_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name is a usage error that names every defect."""
    options = argparse.ArgumentParser()
    add_option(options)

    with pytest.raises(SystemExit):
        options.parse_args(["--defect", "nope"])

    said = capsys.readouterr().err
    assert all(name in said for name in DEFECTS)
