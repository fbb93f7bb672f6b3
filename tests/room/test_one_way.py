"""Links that are silent one way: what the member hears, and what the server hears of it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from room.parlour import FILE, S, case, contract, enter, leave
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member
from roomcheck.model.trace import Told, Trace
from roomcheck.model.verdict import Outcome
from roomcheck.room import Policy, Timing, alike, play
from roomcheck.spec.load import load_spec

ROOT = Path(__file__).parents[2]
CONNECT = {"room": "R", "ticket": "valid", "session": "kept", "will": "delayed"}
BACK = ("state", "BACK")
DEAF, MUTE = FaultKind.DEAF_STALL, FaultKind.MUTE_STALL
MUST = Policy(eagerness=0.0)


def played(*acts: Call | Admin | Fault | Heal, watch: int = 60 * S) -> Trace:
    trace = play(contract(), case(*acts, watch=watch), MUST)
    assert judge(contract(), trace).outcome is Outcome.CONFORMS
    return trace


def told(trace: Trace, member: str, callback: str) -> Sequence[str]:
    names = {"onSelf": "state", "onPeople": "change"}
    return [
        r.fields[names[callback]]
        for r in trace.records
        if isinstance(r, Told) and (r.member, r.callback) == (member, callback)
    ]


def test_who_is_deaf_loses_its_link_and_the_server_hears_it_all_the_same() -> None:
    """So the others are told nothing, and it misses what they do."""
    trace = played(enter("A"), enter("B"), Fault("A", DEAF), leave("B"))
    assert told(trace, "A", "onSelf")[:3] == ["ENTERING", "IN", "LOST"]
    assert told(trace, "A", "onPeople") == ["CAME"]
    assert told(trace, "B", "onPeople") == ["CAME"]


def test_who_is_mute_need_not_notice_and_is_given_up() -> None:
    """It hears of the others."""
    trace = played(enter("A"), enter("B"), Fault("A", MUTE), enter("C"))
    assert told(trace, "A", "onSelf") == ["ENTERING", "IN"]
    assert told(trace, "A", "onPeople") == ["CAME", "CAME"]
    assert told(trace, "B", "onPeople")[-1] == "WENT"


def test_a_goodbye_of_who_is_deaf_is_heard_and_of_who_is_mute_is_not() -> None:
    """The others are told of the one at once, of the other when it is missed."""
    for kind, expected in ((DEAF, ["CAME", "WENT"]), (MUTE, ["CAME"])):
        trace = played(enter("A"), enter("B"), Fault("A", kind), leave("A"), watch=2 * S)
        assert told(trace, "B", "onPeople") == expected


def test_both_ways_at_once_are_a_link_that_is_down() -> None:
    """Whichever came first; one heal mends both."""
    for first, then in ((DEAF, MUTE), (MUTE, DEAF)):
        trace = played(enter("A"), enter("B"), Fault("A", first), Fault("A", then))
        assert told(trace, "A", "onSelf")[2] == "LOST"
        assert told(trace, "B", "onPeople") == ["CAME", "WENT"]
        trace = played(enter("A"), enter("B"), Fault("A", first), Fault("A", then), Heal("A"))
        assert told(trace, "A", "onSelf")[-1] == "BACK"


@pytest.mark.parametrize(("kind", "like"), [(FaultKind.MUTE_BLACKHOLE, MUTE), (FaultKind.GHOST, FaultKind.CUT)])
def test_faults_are_alike_by_what_they_let_pass(kind: FaultKind, like: FaultKind) -> None:
    """Which is all that a model room knows of them."""
    assert alike(kind) is alike(like)
    assert alike(DEAF) is not alike(MUTE)


@pytest.mark.parametrize(("mute", "healed"), [(False, False), (True, False), (True, True)])
def test_what_a_member_tells_of_itself_does_not_come_while_it_is_mute(*, mute: bool, healed: bool) -> None:
    """The answer that it is back may come after its link was lost one way; its own word of that does not get out."""
    text = FILE.read_text(encoding="utf-8")
    for old, new in (
        ("  initial: OUT\n", "  initial: OUT\n  server tells: [BACK]\n"),
        ("to: BACK, with: {code: fine}, within: entry_limit, while: link up", "to: BACK, within: entry_limit"),
        ("  delivered within: notice\n", "  delivered within: notice\n  told by: member\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    vendor = load_spec(text, "parlour.yaml").bind()
    cut = [enter("A"), enter("B"), Fault("B", FaultKind.CUT), 130 * S, Heal("B")]
    again = [S // 2, Fault("B", MUTE)] if mute else []
    acts = case(*cut, *again, *([30 * S, Heal("B")] if healed else []), watch=30 * S)
    traces = [play(vendor, acts, Policy(timing=Timing.DRAWN, eagerness=1.0, seed=seed)) for seed in range(60)]
    for trace in traces:
        assert judge(vendor, trace).outcome is Outcome.CONFORMS
    back = [
        (t, next((r.at for r in t.records if isinstance(r, Told) and BACK in r.fields.items()), None)) for t in traces
    ]
    late = [t for t, at in back if at is not None and at.lo > 359 * S // 2]
    assert late
    for trace in late:
        assert told(trace, "A", "onPeople").count("CAME") == (1 if mute and not healed else 2)


def test_who_is_mute_is_not_let_in_whatever_happens_meanwhile() -> None:
    """Being in is the answer to a request, though an act of the backend may change which one comes."""
    mqtt = load_spec((ROOT / "specs" / "mqtt" / "presence.yaml").read_text(encoding="utf-8"), "presence.yaml").bind()
    connect = [Call(name, "connect", CONNECT) for name in ("A", "B")]
    kick = Admin("kick", {"room": "R", "user": "A"})
    acts = case(*connect, Fault("A", MUTE), 200 * S, kick, watch=60 * S)
    for seed in range(20):
        trace = play(mqtt, acts, Policy(timing=Timing.DRAWN, eagerness=1.0, seed=seed))
        states = [r.fields.get("state") for r in trace.records if isinstance(r, Told) and r.at.lo > 200 * S]
        assert {"connected", "resumed"}.isdisjoint(states), seed


def test_a_device_that_took_over_does_not_give_back_what_it_was_never_told() -> None:
    """Its login is heard and the answer is not; when it gives up, its session ends and is not the older device's again."""
    file = ROOT / "specs" / "zego-express" / "room-status.yaml"
    zego = load_spec(file.read_text(encoding="utf-8"), str(file)).bind()
    cast = (Member("A", "A"), Member("B", "B"), Member("A2", "A"))
    login = [Call(name, "loginRoom", {"room": "R", "token": "valid"}) for name in ("A", "B")]
    late = Call("A2", "loginRoom", {"room": "R", "token": "valid"})
    acts = case(*login, Fault("A2", FaultKind.DEAF_BLACKHOLE), late, 330 * S, members=cast, watch=160 * S)
    over = 0
    for seed in range(40):
        trace = play(zego, acts, Policy(timing=Timing.DRAWN, seed=seed))
        assert judge(zego, trace).outcome is Outcome.CONFORMS, seed
        over += any(isinstance(r, Told) and r.fields.get("updateType") == "DELETE" for r in trace.records)
    assert over


def test_a_session_is_that_of_the_last_call() -> None:
    """What was under way when the member called again leads to states, and brings no older arguments back."""
    mqtt = load_spec((ROOT / "specs" / "mqtt" / "presence.yaml").read_text(encoding="utf-8"), "presence.yaml").bind()
    first, second = ({**CONNECT, **new} for new in ({"ticket": "wrong"}, {"will": "at once"}))
    calls = Call("A", "connect", first), Call("B", "connect", CONNECT)
    cut = Fault("A", FaultKind.CUT)
    acts = case(
        *calls, 30 * S, cut, 10 * S, Call("A", "connect", second), 50 * S, Heal("A"), 127 * S, cut, watch=120 * S
    )
    back = 0
    for seed in range(60):
        trace = play(mqtt, acts, Policy(timing=Timing.DRAWN, eagerness=0.5, seed=seed))
        states = [r.fields.get("state") for r in trace.records if isinstance(r, Told) and r.member == "A"]
        assert judge(mqtt, trace).outcome is Outcome.CONFORMS, seed
        back += {"refused", "failed", "resumed"} <= set(states)
    assert back


def test_a_session_ends_as_its_own_request_says_and_not_a_later_one() -> None:
    """A goodbye over a dead link is lost; a later call with another Will, which is refused, does not end that session."""
    mqtt = load_spec((ROOT / "specs" / "mqtt" / "presence.yaml").read_text(encoding="utf-8"), "presence.yaml").bind()
    calls = [Call(name, "connect", CONNECT) for name in ("A", "B")]
    wrong = Call("A", "connect", {**CONNECT, "ticket": "wrong", "will": "at once"})
    again = [S // 2, Fault("A", MUTE), S // 100, Heal("A"), S, wrong]
    acts = case(*calls, Fault("A", MUTE), 20 * S, Heal("A"), S // 2, Call("A", "disconnect", {"room": "R"}), *again)
    gone = 0
    for seed in range(60):
        for timing in (Timing.PROMPT, Timing.DRAWN):
            trace = play(mqtt, acts, Policy(timing=timing, eagerness=0.5, seed=seed))
            assert judge(mqtt, trace).outcome is Outcome.CONFORMS, seed
            gone += any(isinstance(r, Told) and r.fields.get("change") == "gone" for r in trace.records)
    assert gone
