"""What each fault does to a living, a new and a healed connection, as a real Toxiproxy was seen to do it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from roomcheck.errors import AdapterError, UsageError
from roomcheck.model.fault import SILENT, FaultKind
from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.events import (
    ClientInput,
    Close,
    Connect,
    Effect,
    Lost,
    Opened,
    Received,
    SdkCall,
    Send,
    ServerInput,
    Tick,
)
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.wire import Message, Timings, encode
from roomcheck.simulate.carrier import Client
from roomcheck.simulate.network import LATENCY
from roomcheck.simulate.world import World

MS = 1000
SECOND = 1000 * MS
DOWN = [
    FaultKind.CUT,
    FaultKind.RESET,
    FaultKind.REFUSE,
    FaultKind.STALL,
    FaultKind.GHOST,
    *sorted(k for k in SILENT if len(SILENT[k]) == 1),
]
MUTE = {FaultKind.MUTE_STALL, FaultKind.MUTE_BLACKHOLE}


class Probe(ClientMachine):
    """A client that does what it is told and notes what comes: `dial`, `say` and `hang up`, with a link's number."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self.heard: list[tuple[int, str]] = []

    def handle(self, event: ClientInput, now: int) -> list[Effect]:
        if not isinstance(event, SdkCall):
            note(self.heard, event, now)
            return []
        link = int(event.arguments["link"])
        match event.operation:
            case "dial":
                return [Connect(link)]
            case "say":
                return [Send(link, {"t": event.arguments["text"]})]
            case _:
                return [Close(link)]

    def next_deadline(self) -> int | None:
        return None


class Echo(ServerMachine):
    """A server that says hello, says everything back, and hangs up when it is told to."""

    lives: list["Echo"]

    def __init__(self, epoch: str, timings: Timings, started: int) -> None:
        super().__init__(epoch, timings, started)
        self.heard: list[tuple[int, str]] = []
        self.lives.append(self)

    def handle(self, event: ServerInput, now: int) -> list[Effect]:
        note(self.heard, event, now)
        match event:
            case Opened(link):
                return [Send(link, {"t": "hello"})]
            case Received(link, {"t": "end"}):
                return [Close(link)]
            case Received(link, message) if message is not None:
                return [Send(link, message)]
            case _:
                return []

    def next_deadline(self) -> int | None:
        return None


def note(heard: list[tuple[int, str]], event: ClientInput | ServerInput, now: int) -> None:
    match event:
        case Opened():
            heard.append((now, "opened"))
        case Received(_, message):
            heard.append((now, message["t"] if message else "?"))
        case Lost():
            heard.append((now, "lost"))
        case Tick() | SdkCall():
            raise AssertionError(event)


class Bench:
    """One member on one link, from time 0."""

    def __init__(self) -> None:
        Echo.lives = []
        self.world = World(0, Timings(), lambda *_: None, Echo)
        self.member: Client = self.world.client("A", "a", "phone", Probe)

    def dial(self, link: int = 1) -> None:
        self.world.call(self.member, "dial", {"link": str(link)})
        self.pass_time()

    def say(self, text: str, link: int = 1) -> None:
        self.world.call(self.member, "say", {"link": str(link), "text": text})

    def hang_up(self, link: int = 1) -> None:
        self.world.call(self.member, "close", {"link": str(link)})

    def fault(self, kind: FaultKind, **settings: int) -> None:
        self.world.run(self.world.fault(self.member, kind, settings))

    def heal(self) -> None:
        self.world.heal(self.member)
        self.pass_time()

    def pass_time(self, span: int = SECOND) -> None:
        self.world.run(self.world.now + span)

    def client(self) -> list[str]:
        """What the client heard since the last look."""
        return _taken(self.member.machine)

    def server(self) -> list[str]:
        return _taken(Echo.lives[-1])

    def arrival(self, do: Callable[[], Any], text: str) -> int:
        """After how many microseconds the client is told `text`."""
        began = self.world.now
        do()
        self.pass_time(10 * SECOND)
        assert isinstance(self.member.machine, Probe)
        return next(at for at, what in reversed(self.member.machine.heard) if what == text) - began


def _taken(machine: Any) -> list[str]:
    heard = [what for _, what in machine.heard]
    machine.heard.clear()
    return heard


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A member that is connected and has heard hello."""
    bench = Bench()
    bench.dial()
    assert (bench.client(), bench.server()) == (["opened", "hello"], ["opened"])
    yield bench
    del Echo.lives


def test_a_whole_link_carries_everything_after_its_latency(bench: Bench) -> None:
    """Twice the latency there and back."""
    assert bench.arrival(lambda: bench.say("x"), "x") == 2 * LATENCY
    assert bench.server() == ["x"]


def test_a_close_comes_behind_what_was_said(bench: Bench) -> None:
    """Nothing overtakes in one direction, and who hung up hears nothing more."""
    bench.say("x")
    bench.hang_up()
    bench.pass_time()

    assert (bench.client(), bench.server()) == ([], ["x", "lost"])


def test_the_servers_close_is_told(bench: Bench) -> None:
    """To the client, and not back to the server."""
    bench.say("end")
    bench.pass_time()

    assert (bench.client(), bench.server()) == (["lost"], ["end"])


@pytest.mark.parametrize("kind", [FaultKind.CUT, FaultKind.RESET, FaultKind.REFUSE])
def test_a_cut_tells_both_sides_loses_what_is_under_way_and_refuses(bench: Bench, kind: FaultKind) -> None:
    """Until the heal; then new connections come about."""
    bench.say("lost on the way")
    bench.fault(kind)
    bench.pass_time()
    assert (bench.client(), bench.server()) == (["lost"], ["lost"])

    bench.dial(2)
    assert (bench.client(), bench.server()) == (["lost"], [])

    bench.heal()
    bench.dial(3)
    assert (bench.client(), bench.server()) == (["opened", "hello"], ["opened"])


def test_a_stall_loses_nothing(bench: Bench) -> None:
    """Bytes and closes wait, and come in order with the heal; the connection goes on."""
    bench.fault(FaultKind.STALL)
    bench.say("x")
    bench.say("y")
    bench.pass_time()
    assert (bench.client(), bench.server()) == ([], [])

    bench.heal()
    assert (bench.client(), bench.server()) == (["x", "y"], ["x", "y"])


def test_a_new_connection_during_a_stall_is_accepted_and_silent(bench: Bench) -> None:
    """The server hears of it with the heal, and never of one that was given up before."""
    bench.fault(FaultKind.STALL)
    bench.dial(2)
    bench.dial(3)
    assert (bench.client(), bench.server()) == (["opened", "opened"], [])

    bench.hang_up(2)
    bench.pass_time()
    assert bench.server() == []

    bench.heal()
    assert (bench.client(), bench.server()) == (["hello"], ["opened"])


def test_a_server_that_ends_has_greeted_who_came_during_a_stall(bench: Bench) -> None:
    """The greeting and the end wait for the heal."""
    bench.fault(FaultKind.STALL)
    bench.dial(2)
    bench.world.kill_server()
    bench.pass_time()
    assert bench.client() == ["opened"]

    bench.heal()
    assert bench.client() == ["lost", "hello", "lost"]


def test_a_ghost_is_dead_for_good_and_ends_with_the_heal(bench: Bench) -> None:
    """Old and new connections alike: silence, and at the heal both sides are told, the server of what it knew."""
    bench.fault(FaultKind.GHOST)
    bench.say("x")
    bench.dial(2)
    assert (bench.client(), bench.server()) == (["opened"], [])

    bench.heal()
    assert (bench.client(), bench.server()) == (["lost", "lost"], ["lost"])

    bench.dial(3)
    assert (bench.client(), bench.server()) == (["opened", "hello"], ["opened"])


def test_a_client_that_hung_up_on_a_ghost_is_told_to_the_server_at_the_heal(bench: Bench) -> None:
    """Closes are hidden like everything else."""
    bench.fault(FaultKind.GHOST)
    bench.hang_up()
    bench.pass_time()
    assert bench.server() == []

    bench.heal()
    assert (bench.client(), bench.server()) == ([], ["lost"])


@pytest.mark.parametrize(
    ("kind", "at_once", "later"),
    [
        (FaultKind.DEAF_STALL, (["opened"], ["x", "opened"]), (["x", "hello"], [])),
        (FaultKind.MUTE_STALL, (["opened", "hello"], ["opened"]), (["x"], ["x"])),
        (FaultKind.DEAF_BLACKHOLE, (["opened"], ["x", "opened"]), (["lost", "lost"], ["lost", "lost"])),
        (FaultKind.MUTE_BLACKHOLE, (["opened", "hello"], ["opened"]), (["lost", "lost"], ["lost", "lost"])),
    ],
)
def test_a_link_that_is_silent_one_way(
    bench: Bench, kind: FaultKind, at_once: tuple[list[str], list[str]], later: tuple[list[str], list[str]]
) -> None:
    """The other way passes, as on a new connection; what is held comes with the heal, which ends who lost something."""
    bench.fault(kind)
    bench.say("x")
    bench.dial(2)
    assert (bench.client(), bench.server()) == at_once
    assert bench.member.link.down

    bench.heal()
    assert (bench.client(), bench.server()) == later


def test_half_open_server_told(bench: Bench) -> None:
    """The server is told, the client only at the heal; a new connection works meanwhile."""
    bench.fault(FaultKind.HALF_OPEN_SERVER_TOLD)
    bench.say("x")
    bench.pass_time()
    assert (bench.client(), bench.server()) == ([], ["lost"])

    bench.dial(2)
    bench.say("y", 2)
    bench.pass_time()
    assert (bench.client(), bench.server()) == (["opened", "hello", "y"], ["opened", "y"])

    bench.heal()
    assert (bench.client(), bench.server()) == (["lost"], [])


def test_half_open_client_told(bench: Bench) -> None:
    """The other way round."""
    bench.fault(FaultKind.HALF_OPEN_CLIENT_TOLD)
    bench.pass_time()
    assert (bench.client(), bench.server()) == (["lost"], [])

    bench.dial(2)
    assert (bench.client(), bench.server()) == (["opened", "hello"], ["opened"])

    bench.heal()
    assert (bench.client(), bench.server()) == ([], ["lost"])


def test_half_open_hides_later_closes_of_that_direction(bench: Bench) -> None:
    """What holds the close is on the link, not on the connection."""
    bench.fault(FaultKind.HALF_OPEN_SERVER_TOLD)
    bench.dial(2)
    bench.say("end", 2)
    bench.pass_time()
    bench.client()

    assert bench.server() == ["lost", "opened", "end"]
    bench.heal()
    assert bench.client() == ["lost", "lost"]


def test_half_open_twice_is_half_open(bench: Bench) -> None:
    """Who was told is not told again."""
    bench.fault(FaultKind.HALF_OPEN_SERVER_TOLD)
    bench.fault(FaultKind.HALF_OPEN_SERVER_TOLD)
    bench.pass_time()
    assert (bench.client(), bench.server()) == ([], ["lost"])

    bench.heal()
    assert (bench.client(), bench.server()) == (["lost"], [])


def test_truncate_ends_a_connection_in_mid_message(bench: Bench) -> None:
    """What does not fit into its bytes never arrives, and both sides are told."""
    bench.world.fault(bench.member, FaultKind.TRUNCATE, {"bytes": 5, "within": SECOND})
    bench.say("too long")
    bench.pass_time(10 * LATENCY)

    assert (bench.client(), bench.server()) == (["lost"], ["lost"])


def test_truncate_lets_its_bytes_pass(bench: Bench) -> None:
    """A message that fits exactly arrives, and then it is over."""
    size = len(encode({"t": "x"}))
    bench.world.fault(bench.member, FaultKind.TRUNCATE, {"bytes": size, "within": SECOND})
    bench.say("x")
    bench.pass_time(10 * LATENCY)

    assert bench.server() == ["x", "lost"]
    assert bench.client() == ["x", "lost"]  # its answer fits too


def test_truncate_ends_what_is_left_when_its_moment_is_over(bench: Bench) -> None:
    """Silent connections die too, new ones are whole afterwards."""
    bench.fault(FaultKind.TRUNCATE, bytes=1, within=20 * MS)
    bench.pass_time()
    assert (bench.client(), bench.server()) == (["lost"], ["lost"])

    bench.dial(2)
    assert (bench.client(), bench.server()) == (["opened", "hello"], ["opened"])


def test_truncate_truncates_new_connections_while_it_lasts(bench: Bench) -> None:
    """Their hello does not fit either."""
    bench.world.fault(bench.member, FaultKind.TRUNCATE, {"bytes": 1, "within": 5 * SECOND})
    bench.dial(2)

    assert bench.client() == ["opened", "lost"]


def test_latency_is_added_to_each_direction(bench: Bench) -> None:
    """In whole milliseconds and never less than one, as Toxiproxy counts; connecting takes no longer."""
    bench.fault(FaultKind.LATENCY, latency=5_400)
    assert bench.arrival(lambda: bench.say("x"), "x") == 2 * (LATENCY + 5 * MS)

    bench.fault(FaultKind.LATENCY, latency=1)
    assert bench.arrival(lambda: bench.say("y"), "y") == 2 * (LATENCY + MS)
    assert bench.arrival(lambda: bench.world.call(bench.member, "dial", {"link": "2"}), "opened") == LATENCY


def test_throttle_takes_time_for_each_byte(bench: Bench) -> None:
    """A message waits for the one before it."""
    size = len(encode({"t": "x"}))
    bench.fault(FaultKind.THROTTLE, rate=1)

    assert bench.arrival(lambda: bench.say("x"), "x") == 2 * (LATENCY + size * MS)
    bench.say("y")
    assert bench.arrival(lambda: bench.say("x"), "x") == 2 * LATENCY + 3 * size * MS


def test_slice_takes_time_for_each_piece(bench: Bench) -> None:
    """Of the size given; the last piece has no other to wait for."""
    pieces = -(-len(encode({"t": "x"})) // 2)
    bench.fault(FaultKind.SLICE, size=2, variation=0, delay=7 * MS)

    assert bench.arrival(lambda: bench.say("x"), "x") == 2 * (LATENCY + (pieces - 1) * 7 * MS)


def test_delays_add_up(bench: Bench) -> None:
    """Several faults of one link are a chain."""
    bench.fault(FaultKind.LATENCY, latency=5 * MS)
    bench.fault(FaultKind.SLICE, size=100, variation=0, delay=7 * MS)
    bench.fault(FaultKind.THROTTLE, rate=1)
    size = len(encode({"t": "x"}))

    assert bench.arrival(lambda: bench.say("x"), "x") == 2 * (LATENCY + 5 * MS + size * MS)


def test_a_close_on_a_slow_link_comes_behind_what_was_said(bench: Bench) -> None:
    """And not later than at once if nothing was."""
    bench.fault(FaultKind.LATENCY, latency=300 * MS)
    bench.dial(2)
    bench.server()
    bench.hang_up(2)
    bench.pass_time(LATENCY)
    assert bench.server() == ["lost"]

    bench.say("x")
    bench.hang_up()
    bench.pass_time()
    assert bench.server() == ["x", "lost"]


@pytest.mark.parametrize("again", [False, True])
def test_what_is_late_comes_at_once_when_the_delay_goes(bench: Bench, again: bool) -> None:  # noqa: FBT001
    """By a heal, or by the same fault with other settings; nothing comes twice."""
    bench.fault(FaultKind.LATENCY, latency=500 * MS)
    bench.say("x")
    bench.pass_time(10 * MS)
    if again:
        bench.fault(FaultKind.LATENCY, latency=300 * MS)
    else:
        bench.world.heal(bench.member)
    bench.pass_time(LATENCY)
    assert bench.server() == ["x"]

    bench.pass_time()
    assert bench.server() == []


def test_a_stall_behind_a_slow_link_lets_pass_what_had_passed_it(bench: Bench) -> None:
    """Bytes wait before the delay, so what is in the delay still comes; the heal brings the rest behind it."""
    bench.fault(FaultKind.LATENCY, latency=500 * MS)
    bench.say("x")
    bench.fault(FaultKind.STALL)
    bench.say("y")
    bench.pass_time()
    assert bench.server() == ["x"]

    bench.heal()
    assert bench.server() == ["y"]
    assert bench.client() == ["x", "y"]


@pytest.mark.parametrize("second", DOWN)
@pytest.mark.parametrize("first", DOWN)
def test_faults_that_keep_a_link_down_pile_up(bench: Bench, first: FaultKind, second: FaultKind) -> None:
    """One heal ends them all, and a new connection is whole."""
    bench.fault(first)
    bench.fault(second)
    bench.dial(2)
    bench.say("x", 2)
    bench.pass_time()
    assert ("hello" in bench.client()) is ({first, second} <= MUTE)
    assert bench.member.link.down

    bench.heal()
    bench.client()
    bench.dial(3)
    assert bench.client() == ["opened", "hello"]
    assert not bench.member.link.down


@pytest.mark.parametrize("kind", [FaultKind.LATENCY, FaultKind.TRUNCATE, FaultKind.HALF_OPEN_CLIENT_TOLD])
@pytest.mark.parametrize("first", DOWN)
def test_a_link_that_is_down_can_only_be_kept_down(bench: Bench, first: FaultKind, kind: FaultKind) -> None:
    """As with a real one."""
    bench.fault(first)

    with pytest.raises(UsageError, match=f"{kind} needs a link that is up, and an earlier fault still keeps A down"):
        bench.fault(kind)


def test_a_fault_of_the_server_is_none_of_a_link(bench: Bench) -> None:
    """Nor are settings that do not fit."""
    with pytest.raises(UsageError, match="is a fault of the server, not of a link"):
        bench.fault(FaultKind.SERVER_RESTART)
    with pytest.raises(UsageError, match="cut has no setting 'rate'"):
        bench.fault(FaultKind.CUT, rate=1)


def test_behind_a_server_that_is_down_connections_come_about_and_end(bench: Bench) -> None:
    """The proxy accepts; with the server the next connection works, and knows nothing of the life before."""
    bench.world.kill_server()
    bench.pass_time()
    assert bench.client() == ["lost"]

    bench.dial(2)
    assert bench.client() == ["opened", "lost"]

    bench.world.start_server()
    bench.dial(3)
    assert (bench.client(), bench.server()) == (["opened", "hello"], ["opened"])
    assert len(Echo.lives) == 2


def test_a_stall_hides_the_servers_end(bench: Bench) -> None:
    """Until the heal; a new connection is ended by the proxy itself."""
    bench.fault(FaultKind.STALL)
    bench.world.kill_server()
    bench.pass_time()
    assert bench.client() == []

    bench.dial(2)
    assert bench.client() == ["opened", "lost"]

    bench.heal()
    assert bench.client() == ["lost"]


def test_whatever_the_server_heard_of_a_link_is_over_with_it(bench: Bench) -> None:
    """Nothing that was under way to the old life reaches the new one."""
    bench.say("x")
    bench.world.kill_server()
    bench.world.start_server()
    bench.pass_time()

    assert bench.server() == []
    assert bench.client() == ["lost"]


def test_a_backend_that_nobody_answers_is_told_so(bench: Bench) -> None:
    """A server that only says back what it hears never says that it is done."""
    with pytest.raises(AdapterError, match="kick: .* the server did not answer"):
        bench.world.admin("kick", {"user": "a", "room": "r"})


def test_a_connection_that_nobody_holds_is_forgotten(bench: Bench) -> None:
    """Twenty minutes of attempts leave nothing behind."""
    message: Message = {"t": "end"}
    for link in range(2, 50):
        bench.dial(link)
        if link % 2:
            bench.say(message["t"], link)
        else:
            bench.hang_up(link)
    bench.pass_time()

    assert len(bench.member.link.connections) == 1
