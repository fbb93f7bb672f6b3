"""A lost network: what the member is told, what the others are told, and what a slow network must not cause."""

import pytest

from reference.world import SECOND, Client, World
from roomcheck.reference.events import Close, Opened, Received

OUTAGES = ["cut", "stall", "ghost"]


def outage(client: Client, kind: str) -> None:
    {"cut": client.cut, "stall": client.stall, "ghost": client.ghost}[kind]()


def test_lost_link_is_told_at_once() -> None:
    """RECONNECTING 1002051 comes when the connection ends."""
    world = World()
    a, _ = world.members("a", "b")
    at = world.now / SECOND

    a.cut()

    assert a.states() == [(at, "RECONNECTING", 1002051)]


@pytest.mark.parametrize("kind", ["stall", "ghost"])
def test_silent_link_is_noticed(kind: str) -> None:
    """RECONNECTING comes after three quarters of the loss detection time without a sign of the server."""
    world = World()
    a, _ = world.members("a", "b")
    at = world.now / SECOND

    outage(a, kind)
    world.run(30)

    ((told, reason, code),) = a.states()
    assert (reason, code) == ("RECONNECTING", 1002051)
    assert at + 10 < told <= at + 22.5


@pytest.mark.parametrize("kind", OUTAGES)
def test_short_outage_is_told_to_nobody_else(kind: str) -> None:
    """An outage shorter than the heartbeat timeout ends with RECONNECTED 0; the others are told nothing."""
    world = World()
    a, b = world.members("a", "b")

    outage(a, kind)
    world.run(60)
    a.heal()
    healed_at = world.now / SECOND
    world.run(300)

    assert a.reasons() == ["RECONNECTING", "RECONNECTED"]
    at, _, code = a.states()[-1]
    assert code == 0
    assert at <= healed_at + 5.5
    assert a.users() == []
    assert b.told == []


@pytest.mark.parametrize("kind", OUTAGES)
def test_long_outage_is_a_delete_and_an_add(kind: str) -> None:
    """Longer than the heartbeat timeout: the others are told DELETE in time, and ADD when the member is back."""
    world = World()
    a, b = world.members("a", "b")
    at = world.now / SECOND

    outage(a, kind)
    world.run(140)
    a.heal()
    world.run(300)

    assert a.reasons() == ["RECONNECTING", "RECONNECTED"]
    assert a.users() == []
    assert b.changes() == [("DELETE", ["a"]), ("ADD", ["a"])]
    assert at + 80 <= b.users()[0][0] <= at + 90.1


@pytest.mark.parametrize("kind", OUTAGES)
def test_outage_that_never_ends_fails(kind: str) -> None:
    """RECONNECT_FAILED 1002053 comes the retry timeout after RECONNECTING; then silence, and no attempts."""
    world = World()
    a, b = world.members("a", "b")

    outage(a, kind)
    world.run(1300)
    sent = world.messages
    a.heal()
    world.run(300)

    (lost, failed) = a.states()
    assert failed == (lost[0] + 1200, "RECONNECT_FAILED", 1002053)
    assert b.changes() == [("DELETE", ["a"])]
    assert world.messages == sent


def test_login_after_reconnect_failed_works() -> None:
    """After RECONNECT_FAILED loginRoom is a login like the first."""
    world = World()
    a, b = world.members("a", "b")
    a.cut()
    world.run(1300)
    a.heal()
    a.forget()
    b.forget()

    a.login()
    world.run(1)

    assert a.reasons() == ["LOGINING", "LOGINED"]
    assert a.changes() == [("ADD", ["b"])]
    assert b.changes() == [("ADD", ["a"])]


def test_each_outage_is_told() -> None:
    """The second outage is told like the first, with a retry timeout of its own."""
    world = World()
    a, _ = world.members("a", "b")

    for _ in range(2):
        a.cut()
        world.run(1100)
        a.heal()
        world.run(20)

    assert a.reasons() == ["RECONNECTING", "RECONNECTED"] * 2


def test_own_sleep_is_no_silence() -> None:
    """A client that did not run for a while asks the server before it calls the link lost."""
    world = World()
    (a,) = world.members("a")

    world.now += 60 * SECOND  # nobody ran
    world.run(300)

    assert a.told == []


def test_stall_that_ends_in_time_is_not_noticed() -> None:
    """A stall shorter than the detection time is nothing at all."""
    world = World()
    a, b = world.members("a", "b")

    a.stall()
    world.run(11)
    a.heal()
    world.run(300)

    assert a.told == b.told == []


def test_slow_link_causes_no_callback() -> None:
    """A second of latency each way causes no callback, nor does its end."""
    world = World()
    a, b = world.members("a", "b")

    a.latency = SECOND
    world.run(300)
    a.latency = 50_000
    world.run(300)

    assert a.told == b.told == []


def test_login_over_a_slow_link() -> None:
    """A login over a link with a second of latency each way needs one attempt."""
    world = World()
    a = world.client("a")
    a.latency = SECOND

    a.login()
    world.run(9)

    assert a.reasons() == ["LOGINING", "LOGINED"]
    assert world.messages == 1


def test_half_open_link_is_replaced() -> None:
    """A connection that ends at the client only is replaced in the same session, unseen by the others."""
    world = World()
    a, b = world.members("a", "b")

    for c in world.connections_of(a):
        world.end(c, tell_client=True, tell_server=False)
    world.run(300)

    assert a.reasons() == ["RECONNECTING", "RECONNECTED"]
    assert b.told == []


def test_link_that_ended_at_the_server_only_is_replaced() -> None:
    """A connection that ends at the server only is noticed by its silence."""
    world = World()
    a, b = world.members("a", "b")

    for c in world.connections_of(a):
        world.end(c, tell_client=False, tell_server=True)
    world.run(300)

    assert a.reasons() == ["RECONNECTING", "RECONNECTED"]
    assert b.told == []


def test_late_attempt_does_not_take_the_session_back() -> None:
    """A login that was overtaken by a newer one of the same device is ignored."""
    world = World()
    a, b = world.members("a", "b")
    server = world.server
    assert server is not None
    old = {"t": "login", "user": "a", "device": "a/phone", "n": 0, "room": "R", "token": a.token(), "session": None}

    server.handle(Opened(999), world.now)
    assert server.handle(Received(999, old), world.now) == [Close(999)]

    world.run(200)
    assert a.told == b.told == []


def test_list_after_reconnect_is_the_difference() -> None:
    """After a reconnect the client is told who came and who went meanwhile, and nothing else."""
    world = World()
    a, b, _ = world.members("a", "b", "c")
    a.cut()
    b.logout()
    world.client("d").login()
    world.run(30)
    a.heal()
    world.run(30)

    assert a.reasons() == ["RECONNECTING", "RECONNECTED"]
    assert a.changes() == [("DELETE", ["b"]), ("ADD", ["d"])]


def test_list_after_a_long_outage_is_the_difference_too() -> None:
    """So it is when the server had dropped the session."""
    world = World()
    a, b, _ = world.members("a", "b", "c")
    a.cut()
    b.logout()
    world.run(300)
    a.heal()
    world.run(30)

    assert a.changes() == [("DELETE", ["b"])]


def test_restarted_server_gets_its_members_back() -> None:
    """Members of a server that restarts are RECONNECTED, and nobody is told that anybody left or came."""
    world = World()
    a, b = world.members("a", "b")

    world.kill_server()
    world.run(20)
    world.start_server()
    world.run(300)

    assert a.reasons() == b.reasons() == ["RECONNECTING", "RECONNECTED"]
    assert a.users() == b.users() == []


def test_who_does_not_return_to_a_restarted_server_is_gone() -> None:
    """A member that does not come back is told gone a heartbeat timeout after the restart."""
    world = World()
    a, b = world.members("a", "b")
    world.kill_server()
    a.ghost()
    world.run(20)
    world.start_server()
    at = world.now / SECOND
    world.run(300)

    ((told, update, users),) = b.users()
    assert (update, users) == ("DELETE", ["a"])
    assert at + 90 <= told < at + 91


def test_who_leaves_a_restarted_server_is_gone_for_who_is_away() -> None:
    """Who is back, and away again when another leaves, is told so when it returns, once."""
    world = World()
    a, b = world.members("a", "b")
    world.kill_server()
    world.start_server()
    world.run(10)

    b.cut()
    a.logout()
    world.run(1)
    b.heal()
    world.run(10)
    assert b.changes() == [("DELETE", ["a"])]

    b.cut()
    world.run(1)
    b.heal()
    world.run(300)
    assert b.changes() == [("DELETE", ["a"])]


def test_who_leaves_a_restarted_server_is_gone_for_who_comes_later() -> None:
    """Who is not back yet when another leaves is told so on its return; of who came in again it is told nothing."""
    world = World()
    a, b, c = world.members("a", "b", "c")
    world.kill_server()
    b.network = "cut"
    world.start_server()
    world.run(10)

    a.logout()
    c.logout()
    world.run(1)
    c.login()
    world.run(1)
    b.heal()
    world.run(10)

    assert b.changes() == [("DELETE", ["a"])]


def test_who_is_kicked_before_it_is_back_at_a_restarted_server_stays_out() -> None:
    """The others are told at once, also who is not back yet; it is told KICK_OUT on its return, and may log in again."""
    world = World()
    a, b, c = world.members("a", "b", "c")
    world.kill_server()
    b.cut()
    c.cut()
    world.start_server()
    world.run(10)

    world.kick("b")
    c.heal()
    world.run(10)
    assert a.changes() == c.changes() == [("DELETE", ["b"])]

    b.heal()
    world.run(10)
    assert b.states()[-1][1:] == ("KICK_OUT", 1002055)

    b.login()
    world.run(300)
    assert b.reasons()[-1] == "LOGINED"
    assert a.changes() == c.changes() == [("DELETE", ["b"]), ("ADD", ["b"])]


def test_newcomer_after_a_restart_is_told() -> None:
    """Who comes for the first time after a restart is an ADD to those who are back."""
    world = World()
    (a,) = world.members("a")
    world.kill_server()
    world.start_server()
    world.run(20)

    world.client("c").login()
    world.run(300)

    assert a.changes() == [("ADD", ["c"])]


def test_server_forgets_whom_it_dropped() -> None:
    """When all have left and every timer has run out, the server remembers nothing."""
    world = World()
    a, b = world.members("a", "b")
    a.logout()
    b.ghost()
    world.run(3000)

    assert world.server is not None
    assert world.server._users == {}
    assert world.server._rooms == {}
    assert world.server._links == {}
    assert world.server.next_deadline() is None
    assert world.connections == [] or all(c.dead for c in world.connections)
