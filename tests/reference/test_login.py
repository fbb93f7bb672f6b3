"""Login, logout and switch: what the client and the others are told."""

import pytest

from reference.world import SECOND, World


def test_login_is_told_at_once_and_then_accepted() -> None:
    """A call of loginRoom tells LOGINING at once and LOGINED when the server has answered."""
    world = World()
    a = world.client("a")

    a.login()
    assert a.states() == [(0.0, "LOGINING", 0)]
    world.run(1)

    assert a.states()[1:] == [(0.2, "LOGINED", 0)]  # the way four times


def test_first_member_is_told_no_list() -> None:
    """Who is alone in a room is told no ADD."""
    world = World()
    a = world.client("a")

    a.login()
    world.run(1)

    assert a.users() == []


def test_newcomer_is_told_all_others_in_one_add() -> None:
    """After LOGINED comes exactly one ADD with all others."""
    world = World()
    world.members("a", "b")
    c = world.client("c")

    c.login()
    world.run(1)

    assert c.changes() == [("ADD", ["a", "b"])]
    assert [callback for _, callback, _ in c.told][-2:] == ["onRoomStateChanged", "onRoomUserUpdate"]


def test_others_are_told_the_newcomer_once() -> None:
    """Each of the others is told one ADD of the newcomer."""
    world = World()
    a, b = world.members("a", "b")

    world.client("c").login()
    world.run(100)

    assert a.changes() == b.changes() == [("ADD", ["c"])]


@pytest.mark.parametrize("made_for", ["nobody", "another user", "the past"])
def test_bad_token_fails_the_login(made_for: str) -> None:
    """A wrong token, another user's and an expired one are LOGIN_FAILED 1002033; the others are told nothing."""
    world = World()
    b, other = world.members("b", "other")
    a = world.client("a")
    world.now += SECOND
    token = {"nobody": "wrong", "another user": other.token(), "the past": a.token(-1)}[made_for]

    a.login(token=token)
    world.run(100)

    assert [s[1:] for s in a.states()] == [("LOGINING", 0), ("LOGIN_FAILED", 1002033)]
    assert b.users() == []


def test_login_without_network_is_held_and_retried() -> None:
    """Without a network the login is held in silence, and accepted within a retry once there is one."""
    world = World()
    a = world.client("a")
    a.cut()

    a.login()
    world.run(301)
    assert a.reasons() == ["LOGINING"]
    a.heal()
    world.run(6)

    assert a.reasons() == ["LOGINING", "LOGINED"]


def test_login_without_network_fails_at_the_retry_timeout() -> None:
    """LOGIN_FAILED 1002053 comes when the retry timeout has passed since LOGINING, and then nothing more."""
    world = World()
    a = world.client("a")
    a.ghost()

    a.login()
    world.run(1300)
    a.heal()
    world.run(100)

    assert a.states() == [(0.0, "LOGINING", 0), (1200.0, "LOGIN_FAILED", 1002053)]


def test_network_lost_during_login_keeps_retrying() -> None:
    """A network that is lost between login and answer delays LOGINED; it fails nothing."""
    world = World()
    a = world.client("a")

    a.login()
    world.run(0.12)  # the login is on its way
    a.ghost()
    world.run(30)
    a.heal()
    world.run(6)

    assert a.reasons() == ["LOGINING", "LOGINED"]


def test_answer_lost_does_not_add_twice() -> None:
    """A login whose answer was lost is repeated, and the others are told one ADD."""
    world = World()
    (b,) = world.members("b")
    a = world.client("a")

    a.login()
    world.run(0.12)
    a.stall()
    world.run(20)
    a.heal()
    world.run(20)

    assert a.reasons() == ["LOGINING", "LOGINED"]
    assert b.changes() == [("ADD", ["a"])]


def test_second_login_to_the_same_room_is_refused() -> None:
    """A call of loginRoom to a joined room is refused with 1002001, without a callback, and changes nothing."""
    world = World()
    a, b = world.members("a", "b")

    a.login()
    world.run(100)

    assert a.refused == [1002001]
    assert a.told == b.told == []


@pytest.mark.parametrize("state", ["LOGINING", "RECONNECTING"])
def test_login_while_on_the_way_is_refused(state: str) -> None:
    """A call of loginRoom while LOGINING or RECONNECTING is refused, and the way goes on."""
    world = World()
    a = world.client("a")
    a.login()
    if state == "RECONNECTING":
        world.run(1)
        a.cut()
    assert a.reasons()[-1] == state

    a.login()
    a.heal()
    world.run(20)

    assert a.refused == [1002001]
    assert a.reasons()[-1] in ("LOGINED", "RECONNECTED")


def test_logout_is_told_at_once() -> None:
    """A call of logoutRoom tells LOGOUT at once, and the others DELETE."""
    world = World()
    a, b = world.members("a", "b")

    a.logout()
    assert [s[1:] for s in a.states()] == [("LOGOUT", 0)]
    world.run(1)

    assert b.users() == [(world.now / SECOND - 0.9, "DELETE", ["a"])]


def test_nothing_is_told_after_logout() -> None:
    """Who has left is told nothing of the room."""
    world = World()
    a, b = world.members("a", "b")
    a.logout()
    a.forget()

    b.logout()
    world.run(200)

    assert a.told == []


def test_logout_and_login_again_are_seen_in_this_order() -> None:
    """A call of logoutRoom and at once loginRoom: the others are told DELETE and then ADD, however the links race."""
    world = World()
    a, b = world.members("a", "b")

    a.logout()
    a.login()
    world.run(100)

    assert a.reasons() == ["LOGOUT", "LOGINING", "LOGINED"]
    assert a.changes() == [("ADD", ["b"])]
    assert b.changes() == [("DELETE", ["a"]), ("ADD", ["a"])]


def test_logout_during_login_leaves_nothing_behind() -> None:
    """A login that is given up on its way leaves no member behind."""
    world = World()
    (b,) = world.members("b")
    a = world.client("a")

    a.login()
    world.run(0.12)
    a.logout()
    world.run(200)

    assert a.reasons() == ["LOGINING", "LOGOUT"]
    assert b.changes() == [("ADD", ["a"]), ("DELETE", ["a"])]


def test_login_after_a_given_up_login_waits_for_its_own_answer() -> None:
    """login, logout, login in one breath: LOGINED answers the second login, and the client is a member."""
    world = World()
    (b,) = world.members("b")
    a = world.client("a")

    a.login()
    world.run(0.12)
    a.logout()
    a.login()
    world.run(200)

    assert a.reasons() == ["LOGINING", "LOGOUT", "LOGINING", "LOGINED"]
    assert b.changes()[-1] == ("ADD", ["a"])


def test_logout_while_offline_is_told_at_once() -> None:
    """A logout without network tells LOGOUT at once; the others DELETE at the heartbeat timeout; nothing comes later."""
    world = World()
    a, b = world.members("a", "b")
    cut_at = world.now / SECOND
    a.cut()

    world.run(10)
    a.logout()
    assert a.reasons() == ["RECONNECTING", "LOGOUT"]
    world.run(1)
    a.heal()
    world.run(200)

    assert a.reasons() == ["RECONNECTING", "LOGOUT"]
    ((at, update, users),) = b.users()
    assert (update, users) == ("DELETE", ["a"])
    assert cut_at + 80 <= at <= cut_at + 91


def test_logout_of_a_wrong_room_fails_and_changes_nothing() -> None:
    """A call of logoutRoom of a room that was not joined is LOGOUT_FAILED 1002002 there; the client stays in its own."""
    world = World()
    a, b = world.members("a", "b")

    a.logout("elsewhere")
    world.run(200)

    assert [s[1:] for s in a.states("elsewhere")] == [("LOGOUT_FAILED", 1002002)]
    assert a.states() == []
    assert b.told == []


def test_switch_leaves_one_room_and_enters_the_other() -> None:
    """A switch is LOGOUT, LOGINING and LOGINED with the room's own ids; the others are told DELETE and ADD."""
    world = World()
    a, b = world.members("a", "b")
    c = world.client("c")
    c.login("S")
    world.run(1)

    a.switch("R", "S")
    world.run(1)

    told = [(f["reason"], f["roomID"], f["errorCode"]) for _, _, f in a.told if "reason" in f]
    assert told == [("LOGOUT", "R", 0), ("LOGINING", "S", 0), ("LOGINED", "S", 0)]
    assert b.changes() == [("DELETE", ["a"])]
    assert c.changes("S") == [("ADD", ["a"])]
    assert a.changes("S") == [("ADD", ["c"])]


def test_switch_with_a_bad_token_ends_in_no_room() -> None:
    """A switch that the target refuses is LOGIN_FAILED there; the old room has been left."""
    world = World()
    a, b = world.members("a", "b")

    a.call("switchRoom", **{"from": "R", "to": "S", "token": "wrong"})
    world.run(1)

    assert a.reasons() == ["LOGOUT"]
    assert [s[1:] for s in a.states("S")] == [("LOGINING", 0), ("LOGIN_FAILED", 1002033)]
    assert b.changes() == [("DELETE", ["a"])]


def test_switch_from_a_wrong_room_is_refused() -> None:
    """A switch from a room that was not joined is refused with 1002002, without a callback."""
    world = World()
    a, b = world.members("a", "b")

    a.switch("elsewhere", "S")
    world.run(100)

    assert a.refused == [1002002]
    assert a.told == b.told == []


def test_rooms_are_independent() -> None:
    """A client in two rooms has a state in each; leaving one leaves the other alone."""
    world = World()
    a, b = world.members("a", "b")
    a.login("S")
    world.run(1)

    a.logout("S")
    world.run(200)

    assert a.reasons("S") == ["LOGINING", "LOGINED", "LOGOUT"]
    assert a.reasons("R") == []
    assert b.told == []


def test_token_that_expires_in_the_room_expels_nobody() -> None:
    """A token counts at the login; when it expires later the member stays, also through an outage."""
    world = World()
    (b,) = world.members("b")
    a = world.client("a")
    a.login(token=a.token(10 * SECOND))
    world.run(200)

    a.cut()
    world.run(200)
    a.heal()
    world.run(10)

    assert a.reasons() == ["LOGINING", "LOGINED", "RECONNECTING", "RECONNECTED"]
    assert b.changes() == [("ADD", ["a"]), ("DELETE", ["a"]), ("ADD", ["a"])]
