"""The server's sessions and their news, driven by what members are told."""

from collections.abc import Iterable, Mapping

from room.parlour import S, contract
from roomcheck.model.fault import Way
from roomcheck.room.agenda import Agenda
from roomcheck.room.breaks import Break
from roomcheck.room.delivery import Change
from roomcheck.room.link import BOTH, WHOLE, ModelLink
from roomcheck.room.policy import Decisions, Policy, Timing
from roomcheck.room.presence import Presence

VALID = {"ticket": "valid"}
FORGED = {"ticket": "forged"}
GONE = 72 * S  # so long after its loss a member is surely told of: patience, beat, and the news' way
LATE = Policy(Timing.LATE, eagerness=0.0)


class Server:
    """The sessions of A (with a second device, A2) in the room R, and B, which is there and hears of them."""

    broke = False
    broken: Break | None = None

    def __init__(self, policy: Policy = LATE) -> None:
        self.agenda = Agenda(0)
        self.decisions = Decisions(policy)
        self.heard: list[tuple[bool, int]] = []
        self.links = {name: ModelLink(name) for name in ("A", "A2", "B")}
        view = next(v for v in contract().views if v.presence)
        members = [("A", "A", self.links["A"]), ("A2", "A", self.links["A2"]), ("B", "B", self.links["B"])]
        self.presence = Presence(self, view, members, ["R"], ())
        self.enter("B")
        self.agenda.run(20 * S)

    def awaits(self, observer: str, room: str, user: str, *, joined: bool) -> bool | None:  # noqa: ARG002
        return None

    def hurry(self, member: str, room: str) -> None:
        """Nothing comes immediately here."""

    def news(self, observer: str, room: str, users: Iterable[str], change: Change) -> None:  # noqa: ARG002
        if observer == "B":
            self.heard.append((change.joined, self.agenda.now))

    def listed(
        self, observer: str, room: str, users: Iterable[str], name: str, changed: Mapping[str, bool]  # noqa: ARG002
    ) -> None:  # fmt: skip
        raise AssertionError

    def told(self, member: str, *states: str, args: Mapping[str, object] = VALID) -> None:
        """The member is told these, a second apart."""
        for state in states:
            self.presence.told(member, "R", state, args)
            self.agenda.run(self.agenda.now + S)

    def enter(self, member: str) -> None:
        self.told(member, "ENTERING", "IN")

    def cut(self, member: str) -> None:
        self._change(member, BOTH)

    def heal(self, member: str) -> None:
        self._change(member, WHOLE)

    def _change(self, member: str, silent: frozenset[Way]) -> None:
        link = self.links[member]
        link.silent, link.since, link.unheard = silent, self.agenda.now, self.agenda.now
        self.presence.link(link, inbound=True, outbound=True)

    def wait(self, span: int) -> list[bool]:
        """What B was told of A by then, and since it was asked last."""
        self.agenda.run(self.agenda.now + span)
        heard, self.heard = [joined for joined, _ in self.heard], []
        return heard


def test_a_device_that_is_lost_when_it_takes_the_place_is_given_up() -> None:
    """A2 asked first and is told so last, over a link that is dead already; A is turned out."""
    server = Server()
    server.told("A2", "ENTERING")
    server.enter("A")
    session = server.presence.sessions["A", "R"]
    server.presence.stays["A2", "R"].arrived = True
    server.cut("A2")
    server.told("A2", "IN")
    assert session.holder is server.presence.stays["A", "R"]
    server.told("A", "THROWN")
    assert session.holder is server.presence.stays["A2", "R"]
    assert server.wait(0) == [True]

    assert server.wait(GONE) == [False]


def test_a_session_does_not_go_back_to_the_device_that_was_replaced() -> None:
    """A2 took the place of A, which is not told so, and gives up: the user has gone."""
    server = Server(Policy(eagerness=0.0))
    server.enter("A")
    server.enter("A2")
    server.wait(2 * S)
    server.told("A2", "ENDED")

    assert server.wait(GONE) == [False]


def test_a_session_whose_member_asks_anew_is_given_up_all_the_same() -> None:
    """If the new request does not arrive."""
    server = Server()
    server.enter("A")
    server.cut("A")
    server.told("A", "ENDED")
    server.heal("A")
    server.told("A", "ENTERING", args=FORGED)
    assert server.wait(0) == [True]

    assert server.wait(GONE) == [False]


def test_who_is_in_and_asks_once_more_makes_no_new_request() -> None:
    """The server hears it when its link is back: its session goes on."""
    server = Server()
    server.enter("A")
    server.cut("A")
    server.heal("A")
    server.told("A", "ENTERING")
    assert server.wait(0) == [True]

    assert server.wait(GONE) == []


def test_a_session_is_kept_by_who_is_in_when_a_newcomer_never_was() -> None:
    """A2's request arrives and takes the place, and A2 gives up: A is still there until it leaves."""
    first: dict[tuple[object, ...], float] = {("whether", "arrives first", "A", "R", n): 0.0 for n in range(1, 4)}
    server = Server(Policy(eagerness=0.0, fixed=first))
    server.enter("A")
    server.wait(2 * S)
    server.told("A2", "ENTERING")
    server.wait(2 * S)
    assert server.presence.sessions["A", "R"].holder is server.presence.stays["A2", "R"]
    server.told("A2", "ENDED")
    assert False not in server.wait(GONE)

    server.told("A", "OUT")
    assert server.wait(2 * S) == [False]


def test_who_was_given_up_before_it_was_told_to_be_in_opens_another_session() -> None:
    """Its request had arrived, and its link was lost before the answer came; another device came and went meanwhile."""
    first: dict[tuple[object, ...], float] = {("whether", "arrives first", "A", "R", n): 0.0 for n in range(1, 4)}
    server = Server(Policy(eagerness=0.0, fixed=first))
    server.told("A", "ENTERING")
    assert server.wait(2 * S) == [True]
    server.cut("A")
    assert server.wait(GONE) == [False]
    server.enter("A2")
    server.told("A2", "OUT")
    assert server.wait(2 * S) == [True, False]
    server.heal("A")
    server.told("A", "BACK")  # which renews nothing

    assert server.wait(2 * S) == [True]
