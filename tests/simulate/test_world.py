"""The queue of events: time goes one way."""

from roomcheck.reference.client_machine import ClientMachine
from roomcheck.reference.events import ClientInput, Effect, SdkCall, Tick
from roomcheck.reference.server_machine import ServerMachine
from roomcheck.reference.wire import Timings
from roomcheck.simulate.world import World

NOON = 1_000_000


class Overdue(ClientMachine):
    """A client that finds, when it is called, that something was due long before."""

    def __init__(self, user: str, device: str, timings: Timings) -> None:
        super().__init__(user, device, timings)
        self.due: int | None = None
        self.ticks: list[int] = []

    def handle(self, event: ClientInput, now: int) -> list[Effect]:
        match event:
            case SdkCall():
                self.due = now - 10
            case Tick():
                self.due = None
                self.ticks.append(now)
        return []

    def next_deadline(self) -> int | None:
        return self.due


def test_what_is_overdue_is_done_now_and_not_in_the_past() -> None:
    """As on sockets, where an alarm for a moment that has passed rings at once."""
    world = World(0, Timings(), lambda *_: None, ServerMachine)
    client = world.client("A", "a", "phone", Overdue)
    machine = client.machine
    assert isinstance(machine, Overdue)
    world.run(NOON)

    world.call(client, "be late", {})
    world.run(NOON + 5)

    assert machine.ticks == [NOON]
    assert world.now == NOON + 5
