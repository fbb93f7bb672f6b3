"""Removed by the backend, or by a login of the same user elsewhere."""

from reference.world import World


def test_kick_is_told_to_the_victim_and_the_others() -> None:
    """A kick is KICK_OUT 1002055 at the victim and DELETE at the others; the victim does not come back."""
    world = World()
    a, b = world.members("a", "b")

    world.kick("a")
    world.run(300)

    assert [s[1:] for s in a.states()] == [("KICK_OUT", 1002055)]
    assert b.changes() == [("DELETE", ["a"])]
    assert world.answers == ["hello", "done"]


def test_login_after_kick_works() -> None:
    """After KICK_OUT loginRoom works again."""
    world = World()
    a, b = world.members("a", "b")
    world.kick("a")
    world.run(1)

    a.login()
    world.run(1)

    assert a.reasons() == ["KICK_OUT", "LOGINING", "LOGINED"]
    assert b.changes() == [("DELETE", ["a"]), ("ADD", ["a"])]


def test_kick_of_one_who_is_cut_off_is_told_at_the_return() -> None:
    """Kicked while cut off: DELETE at the others at once, KICK_OUT instead of RECONNECTED when the network is back."""
    world = World()
    a, b = world.members("a", "b")
    a.cut()
    world.run(10)

    world.kick("a")
    world.run(1)
    assert b.changes() == [("DELETE", ["a"])]
    a.heal()
    world.run(300)

    assert [s[1:] for s in a.states()] == [("RECONNECTING", 1002051), ("KICK_OUT", 1002055)]
    assert b.changes() == [("DELETE", ["a"])]


def test_kick_over_a_dead_link_is_told_at_the_return() -> None:
    """So it is when the link was dead and the server did not know."""
    world = World()
    a, _ = world.members("a", "b")
    a.ghost()

    world.kick("a")
    world.run(60)
    a.heal()
    world.run(30)

    assert a.reasons() == ["RECONNECTING", "KICK_OUT"]


def test_kick_of_one_whom_the_server_has_dropped_is_told_at_the_return() -> None:
    """Kicked after the heartbeat timeout: KICK_OUT at the return all the same."""
    world = World()
    a, b = world.members("a", "b")
    a.cut()
    world.run(200)

    world.kick("a")
    a.heal()
    world.run(30)

    assert a.reasons() == ["RECONNECTING", "KICK_OUT"]
    assert b.changes() == [("DELETE", ["a"])]


def test_kick_of_nobody_succeeds() -> None:
    """A kick of a user who is not there is answered like any other."""
    world = World()
    (a,) = world.members("a")

    world.kick("nobody")

    assert world.answers == ["hello", "done"]
    assert a.told == []


def test_kick_leaves_the_other_room_alone() -> None:
    """A kick from one room leaves the membership of another."""
    world = World()
    (a,) = world.members("a")
    a.login("S")
    world.run(1)

    world.kick("a", "S")
    world.run(300)

    assert a.reasons("S") == ["LOGINING", "LOGINED", "KICK_OUT"]
    assert a.reasons("R") == []


def test_login_elsewhere_kicks_the_older() -> None:
    """The same user on a second device: KICK_OUT 1002050 at the first; in the same room the others are told nothing."""
    world = World()
    a, b = world.members("a", "b")
    a2 = world.client("a", "tablet")

    a2.login()
    world.run(300)

    assert [s[1:] for s in a.states()] == [("KICK_OUT", 1002050)]
    assert a2.reasons() == ["LOGINING", "LOGINED"]
    assert a2.changes() == [("ADD", ["b"])]
    assert b.told == []


def test_login_elsewhere_in_another_room_is_a_delete() -> None:
    """The second device in another room: the first room's others are told DELETE."""
    world = World()
    a, b = world.members("a", "b")
    a2 = world.client("a", "tablet")

    a2.login("S")
    world.run(300)

    assert a.reasons() == ["KICK_OUT"]
    assert b.changes() == [("DELETE", ["a"])]
    assert a2.reasons("S") == ["LOGINING", "LOGINED"]


def test_login_elsewhere_while_cut_off_is_told_at_the_return() -> None:
    """The first device is cut off: it is told KICK_OUT 1002050 when it comes back."""
    world = World()
    a, b = world.members("a", "b")
    a.cut()
    world.run(10)
    a2 = world.client("a", "tablet")

    a2.login()
    world.run(200)
    a.heal()
    world.run(30)

    assert [s[1:] for s in a.states()] == [("RECONNECTING", 1002051), ("KICK_OUT", 1002050)]
    assert a2.reasons() == ["LOGINING", "LOGINED"]
    assert b.told == []


def test_login_elsewhere_is_known_to_a_restarted_server() -> None:
    """A device that comes back to a restarted server, where its user has logged in elsewhere, is turned away too."""
    world = World()
    (a,) = world.members("a")
    a.cut()
    world.kill_server()
    world.start_server()
    a2 = world.client("a", "tablet")
    a2.login()
    world.run(1)

    a.heal()
    world.run(30)

    assert a.reasons() == ["RECONNECTING", "KICK_OUT"]
    assert a2.reasons() == ["LOGINING", "LOGINED"]


def test_same_device_in_two_rooms_kicks_nothing() -> None:
    """A second room on the same device is no login elsewhere."""
    world = World()
    (a,) = world.members("a")

    a.login("S")
    world.run(300)

    assert a.reasons("R") == []
    assert a.reasons("S") == ["LOGINING", "LOGINED"]
