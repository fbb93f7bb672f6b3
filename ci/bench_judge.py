"""How fast the judge is, alone, on lawful traces of the ZEGO contract: events a second, and cost over length.

An event is relevant to a view when the judge feeds it to it: A's LOGINED is one to A's own view and one to each
observer's view of A. Records are the lines of the trace. One core; the best of several rounds, as other programs can
only slow it down. Speed is reported, not judged: exit 1 only if a trace does not conform, or if twice the length takes
clearly more than twice the time.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from roomcheck.judge import judge
from roomcheck.judge.observer import Observer
from roomcheck.judge.view import Simulation
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Member
from roomcheck.model.time import Instant
from roomcheck.model.trace import Answered, Called, Faulted, Healed, Record, Told, Trace
from roomcheck.model.verdict import Outcome
from roomcheck.spec.contract import Contract
from roomcheck.spec.load import load_spec

SPEC = Path(__file__).parents[1] / "specs" / "zego-express" / "room-status.yaml"
WANTED = 200_000  # relevant events a second
LENGTHS = (100, 200, 400, 800)  # cycles
ROUNDS = 5
GROWTH = 1.6  # cost for each event may be so much higher in a trace of twice the length
BLUR = 500  # microseconds by which every instant is uncertain
MS = 1000


class Tape:
    """A's life, cycle by cycle, with the others watching; everything as the contract wants it."""

    def __init__(self, contract: Contract, others: str) -> None:
        self.constants = contract.constants
        self.codes = contract.codes
        self.others = others
        self.now = 1_000_000
        self.records: list[Record] = []
        self.counts: dict[str, int] = {}
        for k, member in enumerate(others):
            self.login(member, others[:k])

    def at(self, after: int) -> Instant:
        self.now += after
        return Instant(self.now - BLUR, self.now + BLUR)

    def call(self, member: str | None, operation: str, **args: str) -> None:
        number = len(self.records)
        self.records.append(Called(number, member, operation, {"room": "R", **args}, self.at(400 * MS)))
        self.records.append(Answered(number, member, "ok", {}, self.at(MS)))

    def told(self, member: str, callback: str, **fields: Any) -> None:
        n = self.counts[member] = self.counts.get(member, 0) + 1
        self.records.append(Told(member, n, callback, {"roomID": "r", **fields}, self.at(2 * MS)))

    def state(self, member: str, reason: str, code: str = "ok") -> None:
        self.told(member, "onRoomStateChanged", reason=reason, errorCode=self.codes[code], extendedData={})

    def news(self, update: str, users: str, *observers: str) -> None:
        for observer in observers:
            listed = [{"userID": user.lower()} for user in users]
            self.told(observer, "onRoomUserUpdate", updateType=update, users=listed)

    def login(self, member: str, present: str) -> None:
        self.call(member, "loginRoom", token="valid")  # noqa: S106 - a word of the contract
        self.state(member, "LOGINING")
        self.state(member, "LOGINED")
        if present:
            self.news("ADD", present, member)
        self.news("ADD", member, *present)
        self.now += self.constants["list_limit"] + self.constants["notice_limit"]

    def logout(self) -> None:
        self.call("A", "logoutRoom")
        self.state("A", "LOGOUT")
        self.news("DELETE", "A", *self.others)

    def outage(self, *, gone: bool) -> None:
        self.records.append(Faulted("A", FaultKind.CUT, self.at(400 * MS)))
        began = self.now
        self.state("A", "RECONNECTING", "interrupted")
        if gone:
            self.now = began + self.constants["heartbeat_timeout"]
            self.news("DELETE", "A", *self.others)
        self.records.append(Healed("A", self.at(5_000 * MS)))
        self.state("A", "RECONNECTED")
        if gone:
            self.news("ADD", "A", *self.others)
        self.now += self.constants["list_limit"] + self.constants["notice_limit"]

    def kicked(self) -> None:
        self.call(None, "kick", user="A")
        self.state("A", "KICK_OUT", "kicked")
        self.news("DELETE", "A", *self.others)

    def trace(self) -> Trace:
        members = tuple(Member(name, name) for name in "A" + self.others)
        users = {m.user: m.user.lower() for m in members}
        end = self.now + 2 * self.constants["heartbeat_timeout"]
        return Trace("zego-express/room-status", "", None, members, users, {"R": "r"}, tuple(self.records), end)


def visits(tape: Tape) -> None:
    """Login and logout."""
    tape.login("A", tape.others)
    tape.logout()


def outages(tape: Tape) -> None:
    """Login, an outage that nobody else is told of, one that they are, logout."""
    tape.login("A", tape.others)
    tape.outage(gone=False)
    tape.outage(gone=True)
    tape.logout()


def everything(tape: Tape) -> None:
    """The same, and a kick."""
    outages(tape)
    tape.login("A", tape.others)
    tape.kicked()


def make(contract: Contract, cycle: Callable[[Tape], None], others: str, cycles: int) -> Trace:
    """A lawful trace of so many cycles."""
    tape = Tape(contract, others)
    for _ in range(cycles):
        cycle(tape)
    return tape.trace()


def seconds(contract: Contract, trace: Trace) -> float:
    """The least time that judging it took; SystemExit if it does not conform."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        verdict = judge(contract, trace)
        best = min(best, time.process_time() - began)
        if verdict.outcome is not Outcome.CONFORMS:
            sys.exit(f"a lawful trace {verdict.outcome}: {verdict.findings[0].view}: {verdict.findings[0].seen}")
    return best


def relevant(contract: Contract, trace: Trace) -> int:
    """How many events the judge feeds to views, counted by judging once more."""
    fed = 0

    def counted(method: Callable[..., None]) -> Callable[..., None]:
        def wrapper(*args: Any, **named: Any) -> None:
            nonlocal fed
            fed += 1
            method(*args, **named)

        return wrapper

    methods: list[tuple[type, str]] = [(Simulation, name) for name in ("cause", "callback", "answer")]
    methods += [(Observer, name) for name in ("callback", "listed", "hear")]
    before = [(owner, name, getattr(owner, name)) for owner, name in methods]
    for owner, name, method in before:
        setattr(owner, name, counted(method))
    try:
        judge(contract, trace)
    finally:
        for owner, name, method in before:
            setattr(owner, name, method)
    return fed


def rows(contract: Contract) -> Iterator[tuple[str, int, int, float]]:
    """Name, records, relevant events and seconds of each trace."""
    for cycle, others in ((visits, "B"), (outages, "BC"), (everything, "BCD")):
        for cycles in LENGTHS:
            trace = make(contract, cycle, others, cycles)
            name = f"{cycle.__name__}, {len(others)} watching"
            yield name, len(trace.records), relevant(contract, trace), seconds(contract, trace)


def main() -> int:
    contract = load_spec(SPEC.read_text(encoding="utf-8"), SPEC.name).bind()
    print(f"{'trace':<24} {'records':>8} {'relevant':>9} {'ms':>8} {'records/s':>10} {'relevant/s':>11} {'growth':>7}")
    slowest = float("inf")
    steep = []
    before: tuple[str, float] = ("", 0.0)
    for name, records, events, took in rows(contract):
        cost = took / events
        growth = cost / before[1] if before[0] == name else 1.0
        before = (name, cost)
        slowest = min(slowest, 1 / cost)
        if growth > GROWTH:
            steep.append(name)
        print(
            f"{name:<24} {records:>8} {events:>9} {took * 1000:>8.1f} {records / took:>10,.0f} {1 / cost:>11,.0f}"
            f" {growth:>7.2f}"
        )
    print(f"slowest: {slowest:,.0f} relevant events a second; wanted: {WANTED:,}")
    for name in steep:
        print(f"{name}: the cost of one event grows with the length of the trace")
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main())
