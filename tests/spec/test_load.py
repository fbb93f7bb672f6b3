"""From a sound spec to a contract: every construct of the language, constants and scale, options, faults, extending."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath

import pytest

from roomcheck.errors import SpecError, UsageError
from roomcheck.judge import judge
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Step, Wait, When
from roomcheck.model.time import Instant
from roomcheck.model.trace import Called, Told, Trace
from roomcheck.model.verdict import Outcome
from roomcheck.spec.case import ANYONE, AnyOf, Case, Entry, Unordered
from roomcheck.spec.contract import SECOND_SESSION, Cause, CauseKind, Contract, Hearing, Rule, Sign, Unless
from roomcheck.spec.interface import Callback, Operation, Path
from roomcheck.spec.load import Spec, load_spec
from roomcheck.spec.where import Where

SPECS = FilePath(__file__).parents[1] / "specs"
S = 1_000_000


def load(name: str) -> Spec:
    return load_spec((SPECS / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")


EVERY = load("every-construct")
CONTRACT = EVERY.bind()
OWN, OTHERS = CONTRACT.views


def rule(contract: Contract, to: str | None) -> Rule:
    return next(r for r in contract.views[0].rules if r.to == to)


def case(contract: Contract, name: str) -> Case:
    return next(c for c in contract.cases if c.id == name)


LATE = case(CONTRACT, "back-late/cut")


def problems(call: object) -> list[str]:
    with pytest.raises(SpecError) as caught:
        call()  # type: ignore[operator]  # a lambda of each test
    return [str(p) for p in caught.value.problems]


# --- the vocabulary ---------------------------------------------------------------------------------------------------


def test_what_a_spec_says_of_itself() -> None:
    """Before anything is bound."""
    assert (EVERY.spec, EVERY.revision, EVERY.file) == ("vendor/all", "3", "every-construct.yaml")
    assert EVERY.constants == ("beat", "heartbeat_timeout", "login_time", "login_limit", "notice", "loss")
    assert EVERY.options == {"wrong_room": ("callback", "answer")}
    assert EVERY.operations == ("login", "logout", "switch", "kick")
    assert EVERY.requirements == ("V-IN", "V-LOST", "V-OTHERS")


def test_constants_have_values() -> None:
    """Also those that are built from others; which are typical is known."""
    assert CONTRACT.constants == {
        "beat": 30 * S, "heartbeat_timeout": 90 * S, "login_time": 120_000, "login_limit": 5 * S, "notice": 500_000,
        "loss": 65 * S,
    }  # fmt: skip
    assert CONTRACT.typical == {"login_time"}
    assert (CONTRACT.pace, CONTRACT.scale) == (500_000, 1.0)


def test_codes_options_and_callbacks() -> None:
    """By their names; paths are taken apart."""
    assert CONTRACT.codes == {"ok": 0, "interrupted": 1002051}
    assert CONTRACT.options == {"wrong_room": "callback"}
    room = Path((("roomID", False),))
    about = Path((("users", True), ("userID", False)))
    assert CONTRACT.callbacks["onUsers"] == Callback(
        "onUsers", room, about, {"roomID": "str", "updateType": "str", "users": "list"}
    )
    assert CONTRACT.callbacks["onState"].about is None


def test_operations() -> None:
    """A member's and the backend's."""
    assert CONTRACT.operations["switch"] == Operation(
        "switch", admin=False, rooms=("from", "to"), users=(), args={"token": ("valid", "wrong")},
        settles=frozenset({"IN", "FAILED"}), settle_within=5 * S,
    )  # fmt: skip
    assert CONTRACT.operations["kick"] == Operation("kick", admin=True, rooms=("room",), users=("user",), args={})


def test_a_requirement_knows_its_place() -> None:
    """For reports."""
    requirement = CONTRACT.requirements["V-LOST"]

    assert (requirement.level, requirement.basis, requirement.cite, requirement.says) == (
        "should", "inferred", "b", "Lost.",
    )  # fmt: skip
    assert requirement.where == Where("every-construct.yaml", 29, 3)


# --- views ------------------------------------------------------------------------------------------------------------


def test_views() -> None:
    """States in the order of the file; a state is told by its name unless the file says otherwise."""
    assert (OWN.callbacks, OWN.initial, OWN.hearing) == (("onState",), "OUT", None)
    assert OWN.signs["KICKED"] == Sign("onState", {"reason": "KICKOUT"})
    assert list(OWN.told) == ["OUT", "LOGGING", "IN", "FAILED", "LOST", "BACK", "KICKED"]
    assert OWN.told["KICKED"] == "KICKOUT"
    assert OTHERS.told == {"absent": "DELETE", "present": "ADD"}
    assert OTHERS.hearing == Hearing(frozenset({"IN", "BACK"}), frozenset({"LOGGING", "LOST"}), 500_000, shared=True)


def test_rules_have_numbers_of_their_own() -> None:
    """Over all views, whatever options switch off."""
    numbers = [r.id for view in EVERY.bind(options={"wrong_room": "answer"}).views for r in view.rules]

    assert numbers == list(range(1, 13))
    assert [r.id for view in CONTRACT.views for r in view.rules] == [n for n in numbers if n != 10]


def test_a_rule() -> None:
    """Codes by value, windows in microseconds."""
    lost = rule(CONTRACT, "LOST")

    assert (lost.from_, lost.cause) == (frozenset({"IN", "BACK"}), Cause(CauseKind.LINK_DOWN))
    assert (lost.pattern, lost.after, lost.within) == ({"errorCode": 1002051}, 0, 65 * S)
    assert (lost.unless, lost.requirement) == ((Unless(Cause(CauseKind.LINK_UP)),), "V-LOST")
    assert (lost.text, lost.where.line) == ("LOST upon the loss of the link while IN or BACK", 40)


@pytest.mark.parametrize(
    ("to", "cause"),
    [
        ("LOGGING", Cause(CauseKind.CALL, "login")),
        ("IN", Cause(CauseKind.ENTERED)),
        ("BACK", Cause(CauseKind.LINK_UP)),
        ("KICKED", Cause(CauseKind.ADMIN, "kick")),
    ],
)
def test_causes(to: str, cause: Cause) -> None:
    """Acts, levels, and what the member itself is told."""
    assert rule(CONTRACT, to).cause == cause


def test_what_only_the_server_tells_needs_the_link() -> None:
    """Whatever the cause; a silent move tells nothing, and an answer is the call's."""
    text = (SPECS / "every-construct.yaml").read_text(encoding="utf-8").replace(", while: link up", "")
    text = text.replace("  initial: OUT\n", "  initial: OUT\n  server tells: [IN, BACK]\n")

    rules = load_spec(text, "every-construct.yaml").bind(options={"wrong_room": "answer"}).views[0].rules

    assert {r.to for r in rules if r.while_up} == {"IN", "BACK"}
    assert all(r.while_up is (r.to in {"IN", "BACK"}) for r in rules)


def test_causes_of_an_operation_with_several_rooms_name_the_room() -> None:
    """As the judge expects them; a twin's state is a cause too, and so is a server that goes."""
    causes = {r.cause for view in CONTRACT.views for r in view.rules}

    assert {Cause(CauseKind.CALL, "switch.from"), Cause(CauseKind.CALL, "switch.to")} <= causes
    assert {Cause(CauseKind.TWIN, "IN"), Cause(CauseKind.SERVER_DOWN)} <= causes


def test_a_group_may_stand_for_the_states_of_another_device() -> None:
    """One rule for each, and each calls off what is called off by one of them."""
    text = (SPECS / "every-construct.yaml").read_text(encoding="utf-8")
    text = text.replace("connection:\n", "groups: {inside: [BACK, IN]}\nconnection:\n", 1).replace(
        "twin IN", "twin in inside"
    )
    text = text.replace("unless: [link down, logout]", "unless: twin inside")
    rules = load_spec(text, "every-construct.yaml").bind().views[0].rules

    twins = [r for r in rules if r.cause.kind is CauseKind.TWIN_IN]
    assert [(r.cause.name, r.text) for r in twins] == [
        ("IN", "KICKED upon another device in IN while IN or BACK or LOST"),
        ("BACK", "KICKED upon another device in BACK while IN or BACK or LOST"),
    ]
    assert len({r.id for r in rules}) == len(rules)
    assert len({(r.to, r.from_, r.within, r.optional, r.where) for r in twins}) == 1
    assert rule(replace(CONTRACT, views=(replace(OWN, rules=rules),)), "KICKED").unless == (
        Unless(Cause(CauseKind.TWIN, "IN")),
        Unless(Cause(CauseKind.TWIN, "BACK")),
    )


def test_what_a_rule_wants_is_said_with_states() -> None:
    """A group is a word of the contract's file, which no reader of a finding knows."""
    text = (SPECS / "every-construct.yaml").read_text(encoding="utf-8")
    text = text.replace("connection:\n", "groups: {inside: [BACK, IN]}\nconnection:\n", 1)
    assert "from: [IN, BACK]" in text
    lost = rule(load_spec(text.replace("from: [IN, BACK]", "from: [inside, BACK]"), "s").bind(), "LOST")

    assert lost.text == "LOST upon the loss of the link while BACK or IN"


def test_what_calls_a_rule_off() -> None:
    """One, several, or each with the time that it takes to be sure."""
    kicked = rule(CONTRACT, "KICKED")
    text = (SPECS / "every-construct.yaml").read_text(encoding="utf-8")
    lost = rule(load_spec(text.replace("unless: link up,", "unless: {link up: notice},"), "s").bind(), "LOST")

    assert kicked.unless == (Unless(Cause(CauseKind.LINK_DOWN)), Unless(Cause(CauseKind.CALL, "logout")))
    assert lost.unless == (Unless(Cause(CauseKind.LINK_UP), 500_000),)


def test_conditions_of_a_rule() -> None:
    """Arguments, rooms, the link, options, silence."""
    asked = rule(EVERY.bind(options={"wrong_room": "answer"}), None)

    assert rule(CONTRACT, "IN").given == {"token": ("valid",)}
    assert rule(CONTRACT, "IN").while_up
    assert asked.answer == {"status": "refused", "errorCode": 0}
    assert asked.provided == {"from": frozenset({"OUT"})}
    assert asked.text == "the answer upon switch.to while OUT"
    silent = next(r for r in OWN.rules if r.silent)
    assert (silent.optional, silent.to) == (True, "OUT")


# --- cases ------------------------------------------------------------------------------------------------------------


def test_one_case_for_each_fault() -> None:
    """Named after it; scenarios whose option is not so are left out."""
    assert [(c.id, c.fault) for c in CONTRACT.cases] == [("back-late/cut", "cut"), ("back-late/latency", "latency")]
    assert [c.id for c in EVERY.bind(options={"wrong_room": "answer"}).cases][-1] == "server"


def test_what_a_case_says_of_itself() -> None:
    """Members of one user, rooms, requirements, tags."""
    assert LATE.schedule.members == (Member("A", "A"), Member("A2", "A"), Member("B", "B"), Member("C", "C"))
    assert LATE.schedule.rooms == ("R", "R2")
    assert (LATE.requirements, LATE.tags, LATE.own_server) == (("V-LOST", "V-OTHERS"), ("slow",), False)
    assert (LATE.scenario, LATE.title, LATE.where.line) == ("back-late", "Away for long", 64)


def test_the_schedule() -> None:
    """Calls have all arguments; durations are microseconds; a step without a moment follows the one before."""
    settings = {"latency": 100_000, "rate": 5, "jitter": 6, "direction": "up"}
    valid = {"room": "R", "token": "valid"}
    assert LATE.schedule.steps == (
        Step(Call("B", "login", valid)),
        Step(Call("C", "login", valid)),
        Step(Call("A", "login", valid), label="T0"),
        Step(Fault("A", FaultKind.CUT, settings), label="T3"),
        Step(Heal("A"), When("T3", 135 * S), "T5"),
        Step(Admin("kick", {"room": "R", "user": "A"}), label="K"),
        Step(Wait(), When(None, S), "W"),
        Step(Call("A", "switch", {"from": "R", "to": "R2", "token": "valid"})),
    )


def test_a_fault_of_the_server() -> None:
    """It is a restart, and such a case has a server of its own."""
    server = case(EVERY.bind(options={"wrong_room": "answer"}), "server")

    assert [s.act for s in server.schedule.steps[1:]] == [Fault(None, FaultKind.SERVER_RESTART), Heal(None)]
    assert server.own_server
    assert server.schedule.watch == 3 * S


def test_the_lines() -> None:
    """Own callbacks, those about one user, and whole callbacks about anyone."""
    own, about, anyone = LATE.lines

    assert [(x.observer, x.about, x.open) for x in LATE.lines] == [
        ("A", None, False), ("B", "A", True), ("C", ANYONE, False),
    ]  # fmt: skip
    assert own.where.line == 81
    (group,) = anyone.items
    assert isinstance(group, Unordered)
    assert [(e.view, e.value, e.pattern) for e in group.entries] == [
        ("presence", "ADD", {"users": ["A", "B"]}), ("presence", "DELETE", {}),
    ]  # fmt: skip
    assert [e.value for e in about.items if isinstance(e, Entry)] == ["ADD", "DELETE", "ADD"]


def test_entries() -> None:
    """By state or told value, with windows, labels, rooms and alternatives."""
    logging, _, lost, back, either = LATE.lines[0].items

    assert isinstance(logging, Entry)
    assert (logging.view, logging.value, logging.room, logging.within) == ("connection", "LOGGING", "R", None)
    assert isinstance(lost, Entry)
    assert (lost.pattern, lost.of, lost.after, lost.within) == ({"errorCode": 1002051}, "T3", 0, 65 * S)
    assert isinstance(back, Entry)
    assert (back.label, back.text) == ("T5b", "BACK")
    assert isinstance(either, AnyOf)
    (kicked,), (optional, out) = either.branches
    assert isinstance(kicked, Entry)
    assert isinstance(optional, Entry)
    assert isinstance(out, Entry)
    assert (kicked.value, optional.value, optional.optional) == ("KICKOUT", "KICKOUT", True)
    assert (out.room, out.text) == ("R2", "OUT in R2")


def test_observation_outlasts_every_window() -> None:
    """T5b comes at most 10 s after T5, ADD 0.5 s later; from T5 to the last step pass 2.5 s, and a pace is added."""
    assert LATE.schedule.watch == round((10 + 0.5 - 2.5 + 0.5) * S)


def test_a_scenario_may_have_a_pace_of_its_own() -> None:
    """By which its steps follow each other, and the observation gets shorter or longer."""
    text = (SPECS / "every-construct.yaml").read_text(encoding="utf-8")
    assert text.count("    id: back-late\n") + text.count("  - id: back-late\n") == 1
    hasty = case(load_spec(text.replace("- id: back-late\n", "- id: back-late\n    pace: 250ms\n"), "s").bind(),
                 "back-late/cut")  # fmt: skip

    assert (LATE.schedule.pace, hasty.schedule.pace) == (None, 250_000)
    assert hasty.schedule.watch == LATE.schedule.watch + 3 * 250_000  # of three steps


def test_a_callback_may_name_no_room() -> None:
    """Then no entry has one, and none may be asked for."""
    text = (SPECS / "two-state.yaml").read_text(encoding="utf-8").replace("onSelf: {room: place, ", "onSelf: {")
    here = case(load_spec(text, "s").bind(), "come-and-go").lines[0].items[0]

    assert isinstance(here, Entry)
    assert here.room is None
    assert problems(lambda: load_spec(text.replace("[here, gone]", "[{here: {}, in: R}]"), "s")) == [
        "s:54:22: onSelf names no room"
    ]


# --- binding ----------------------------------------------------------------------------------------------------------


def test_a_target_overrides_constants_before_they_are_scaled() -> None:
    """By an expression or by microseconds; what is built from them follows, literals scale as well."""
    contract = EVERY.bind(constants={"beat": "2 * notice", "notice": 2 * S}, scale=10)

    assert contract.constants["beat"] == 400_000
    assert contract.constants["heartbeat_timeout"] == 1_200_000
    assert rule(contract, "BACK").within == S
    assert case(contract, "back-late/cut").schedule.steps[3].act == Fault(
        "A", FaultKind.CUT, {"latency": 10_000, "rate": 5, "jitter": 6, "direction": "up"}
    )
    assert contract.scale == 10


@pytest.mark.parametrize(
    ("constants", "options", "scale", "found"),
    [
        ({"baet": "3s"}, {}, 1, "every-construct.yaml:6:3: unknown constant 'baet'; did you mean 'beat'?"),
        ({"beat": "3x"}, {}, 1, "target.yaml:7:9: beat: unknown unit 'x'; known: h, min, ms, s, us"),
        ({"beat": "-3s"}, {}, 1, "target.yaml:7:9: beat: beat is negative"),
        ({"beat": -3}, {}, 1, "target.yaml:7:9: beat: beat is negative"),
        ({}, {"wrong_rom": "x"}, 1, "every-construct.yaml:16:3: unknown option 'wrong_rom'; did you mean 'wrong_room'?"),
        ({}, {"wrong_room": "x"}, 1, "every-construct.yaml:16:3: unknown value of wrong_room 'x'; known: answer, callback"),
        ({}, {}, 0, "every-construct.yaml:1:1: the scale 0 is not above 0"),
    ],
)  # fmt: skip
def test_what_a_target_says_must_fit(
    constants: Mapping[str, str | int], options: Mapping[str, str], scale: float, found: str
) -> None:
    """The problem stands where the target says it, if that is known."""
    places = {"constants.beat": Where("target.yaml", 7, 9)}

    assert problems(lambda: EVERY.bind(constants, options, scale, places=places)) == [found]


def test_what_a_target_lacks_is_said() -> None:
    """Cases that need a fault or an operation that it does not have are not in the contract, but are named."""
    lacking = {"faults": ["cut"], "lacks": ["kick"]}

    assert EVERY.bind(**lacking).cases == ()  # type: ignore[arg-type]  # one dict for two calls
    assert EVERY.not_applicable({}, ["cut"], ["kick"]) == (
        ("back-late/cut", "Away for long", "the room does not have kick"),
        ("back-late/latency", "Away for long",
         "the room does not have kick; the target does not take the fault latency"),
    )  # fmt: skip
    assert EVERY.not_applicable({"wrong_room": "answer"}, ["cut", "latency"]) == (
        ("server", "The server goes", "the target does not take the fault server-restart"),
    )
    assert EVERY.not_applicable() == ()


def test_a_target_may_lack_faults_and_second_sessions_too() -> None:
    """Under `lacks` a fault is what it is under `faults` where that leaves it out."""
    file = SPECS.parents[1] / "specs" / "zego-express" / "room-status.yaml"
    zego = load_spec(file.read_text(encoding="utf-8"), "zego.yaml")
    lacks = ["ghost", SECOND_SESSION, "kick"]
    contract = zego.bind(lacks=lacks)
    reasons = {case: reason for case, _, reason in zego.not_applicable(lacks=lacks)}

    assert contract.faults == frozenset(FaultKind) - {FaultKind.GHOST}
    assert contract.lacks == {SECOND_SESSION, "kick"}
    assert contract.cases
    assert not any(case.schedule.second_session or case.fault == "ghost" for case in contract.cases)
    assert reasons["lost-while-logging-in/ghost"] == "the target does not take the fault ghost"
    assert "a user of the room has no second session" in reasons.values()


def test_what_a_target_lacks_is_something_that_there_could_be() -> None:
    """A misspelt name would leave the case to fail; its place is where the target says it."""
    places = {"lacks.kik": Where("target.yaml", 7, 9)}

    assert problems(lambda: EVERY.bind(lacks=["kik"], places=places)) == [
        "target.yaml:7:9: unknown operation, fault or session 'kik'; did you mean 'kick'?"
    ]
    with pytest.raises(SpecError):
        EVERY.bind(lacks=["second sesion"])


def test_without_a_server_only_what_needs_none_applies() -> None:
    """Scenarios with the tag `offline`; the others say which variables are missing."""
    text = (SPECS / "two-state.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("scenarios:")
    first, _, others = rest.partition("    members:")
    spec = load_spec(f"{head}scenarios:{first}    tags: [offline]\n    members:{others}", "s.yaml")
    lacks = ["server without KEY in the environment"]
    left = [case.id for case in spec.bind().cases if "offline" not in case.tags]

    assert left
    assert "offline" in spec.bind(lacks=lacks).cases[0].tags
    assert spec.not_applicable(lacks=lacks)[0][2] == "there is no server without KEY in the environment"
    assert [case for case, _, _ in spec.not_applicable(lacks=lacks)] == left
    assert spec.bind(lacks=lacks).serverless == lacks[0]
    assert spec.bind().serverless == ""


# --- files that extend others -----------------------------------------------------------------------------------------

BASE = (SPECS / "two-state.yaml").read_text(encoding="utf-8")
OVER = """\
extends: base.yaml
spec: two-state/web
title: The same with other words
constants: {beat: 1s}
codes: {lost: 8}
connection: {told: {here: HERE}}
"""


def test_a_file_changes_what_it_extends() -> None:
    """Maps key by key."""
    contract = load_spec(OVER, "specs/over.yaml", {"specs/base.yaml": BASE}.__getitem__).bind()

    assert (contract.spec, contract.constants["patience"], contract.codes) == (
        "two-state/web", 3 * S, {"fine": 0, "lost": 8},
    )  # fmt: skip
    assert contract.views[0].told == {"gone": "gone", "here": "HERE"}
    assert contract.views[1].where.file == "specs/base.yaml"


def test_each_file_of_a_chain_is_looked_for_from_the_one_that_names_it() -> None:
    """Over folders, and however long the chain is."""
    chain = {f"a{n}/own.yaml": f"extends: ../a{n + 1}/own.yaml\nconstants: {{beat: {n}s}}\n" for n in range(1, 30)}
    chain["a30/own.yaml"] = "extends: deeper/base.yaml\n"
    chain["a30/deeper/base.yaml"] = BASE

    contract = load_spec("extends: a1/own.yaml\nspec: two-state/own\n", "own.yaml", chain.__getitem__).bind()

    assert (contract.spec, contract.constants["beat"]) == ("two-state/own", 1 * S)


@pytest.mark.parametrize(
    ("over", "files", "found"),
    [
        (OVER.replace("{here:", "{hear:"), {"base.yaml": BASE}, "o:6:21: unknown state 'hear'; did you mean 'here'?"),
        (OVER, {}, "o:1:10: cannot read 'base.yaml': 'base.yaml'"),
        (OVER, {"base.yaml": OVER}, "base.yaml:1:10: extends in a circle: o -> base.yaml -> base.yaml"),
        ("extends: ./x/../o", {}, "o:1:10: extends in a circle: o -> o"),
        (OVER, None, "o:1:10: cannot read 'base.yaml': no other files can be read here"),
        ("extends: [a]", None, "o:1:1: 'callbacks' is missing here"),
    ],
)
def test_what_cannot_be_extended(over: str, files: dict[str, str] | None, found: str) -> None:
    """Each problem stands in the file that has it."""
    assert found in problems(lambda: load_spec(over, "o", files.__getitem__ if files is not None else None))


def test_why_a_file_cannot_be_read_is_told_once() -> None:
    """As whoever tried to read it says."""

    def refuse(path: str) -> str:
        raise UsageError(f"cannot read {path}: it is no regular file")

    assert problems(lambda: load_spec(OVER, "o", refuse)) == ["o:1:10: cannot read base.yaml: it is no regular file"]


# --- what the judge makes of it ---------------------------------------------------------------------------------------


def told(member: str, n: int, callback: str, at: int, **fields: object) -> Told:
    return Told(member, n, callback, {"place": "r-1", **fields}, Instant(at, at))


def test_a_trace_conforms_to_a_spec_made_of_two_states() -> None:
    """The loader's contract is one that the judge understands: codes, rooms, users, lines about others."""
    contract = load("two-state").bind()
    played = case(contract, "come-and-go")
    enter = {"place": "R"}
    ms = 1000
    trace = Trace(
        spec=contract.spec, case=played.id, scenario=played.scenario, members=played.schedule.members,
        users={"A": "a-1", "B": "b-1"}, rooms={"R": "r-1"}, end=900 * ms,
        records=(
            Called(1, "B", "enter", enter, Instant(0, 0)),
            told("B", 1, "onSelf", 10 * ms, what="here", why=0),
            Called(2, "A", "enter", enter, Instant(300 * ms, 300 * ms), "T0"),
            told("A", 1, "onSelf", 310 * ms, what="here", why=0),
            told("B", 2, "onPresence", 320 * ms, what="here", why=0, whom=[{"id": "a-1"}]),
            told("A", 2, "onPresence", 320 * ms, what="here", why=0, whom=[{"id": "b-1"}]),
            Called(3, "A", "leave", enter, Instant(600 * ms, 600 * ms), "T1"),
            told("A", 3, "onSelf", 610 * ms, what="gone", why=0),
            told("B", 3, "onPresence", 620 * ms, what="gone", why=0, whom=[{"id": "a-1"}]),
        ),
    )  # fmt: skip

    verdict = judge(contract, trace, played)

    assert verdict.outcome is Outcome.CONFORMS, verdict.findings
    assert {c.requirement for c in verdict.checks} == {"TS-ENTER", "TS-LEAVE"}
