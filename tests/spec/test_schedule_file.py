"""Schedules as files."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomcheck.errors import SpecError
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Member, Schedule, Step, Wait, When
from roomcheck.resources import root
from roomcheck.spec.contract import Contract
from roomcheck.spec.durations import show, simplest
from roomcheck.spec.load import Spec, load_spec
from roomcheck.spec.reader import read
from roomcheck.spec.schedule_file import case_of, read_schedule, spec_named_in, write_schedule
from roomcheck.spec.schemas import schemas

ZEGO = root() / "specs" / "zego-express"
SPECS = Path(__file__).parents[1] / "specs"
S, MIN = 1_000_000, 60_000_000


def spec(file: Path) -> Spec:
    return load_spec(file.read_bytes(), file.name, lambda name: (file.parent / name).read_bytes())


ROOM = spec(ZEGO / "room-status.yaml")
CONTRACTS = {
    "plain": ROOM.bind(),
    "a hundred times as fast": ROOM.bind(scale=100),
    "web, overridden": spec(ZEGO / "web.yaml").bind({"heartbeat_timeout": "100s"}, scale=100),
    "odd scale": ROOM.bind(scale=7.3),
    "slower": ROOM.bind(scale=0.3),
    "every construct": spec(SPECS / "every-construct.yaml").bind(scale=10),
}
PLAIN = CONTRACTS["plain"]
FAST = CONTRACTS["a hundred times as fast"]
A, B, A2 = Member("A", "A"), Member("B", "B"), Member("A2", "A")
LOGIN = Step(Call("A", "loginRoom", {"room": "R", "token": "valid"}), label="S1")


def schedule(*steps: Step, watch: int = 42 * S) -> Schedule:
    return Schedule((A, B, A2), ("R", "R2"), (LOGIN, *steps), watch)


def after(gap: int, contract: Contract = PLAIN) -> str:
    """How a gap is written."""
    text = write_schedule(contract, schedule(Step(Heal("A"), When("S1", gap))))
    return text.split("at: S1")[1].split("}")[0].removeprefix(" + ")


FILE = """\
spec: zego-express/room-status
title: "Away: for long"
found:
  requirement: ZX-RECONNECT-4
  seen: "at +3 s: nothing\\n# nothing at all"
members: [A, B, {A2: A}]
rooms: [R, R2]
schedule:
  - {A: loginRoom, as: S1}
  - {A2: {loginRoom: {room: R2, token: wrong}}, at: S1 + retry_interval, as: S2}
  - {B: {switchRoom: {from: R, to: R2}}, at: S1 + list_limit + 1s, as: S3}
  - {fault: A, kind: cut, at: S3, as: S4}
  - {fault: A, kind: stall, with: {speed: 5, word: up}, endpoint: room, at: S4 + heartbeat_timeout + 1s, as: S5}
  - {heal: A, at: S5 + heartbeat_timeout - retry_limit, as: S6}
  - {fault: server, at: S6 + 45s, as: S7}
  - {heal: server, at: S7 + retry_timeout - 20s, as: S8}
  - {admin: {kick: {user: A}}, at: S8 + 12.345s, as: S9}
  - {wait: 2s, as: S10}
  - {wait: 0s, at: S1 + 1h}
watch: loss_detection + retry_limit
"""


def test_a_file_is_as_a_person_would_write_it() -> None:
    """One line a step, defaults left out, times as constants where one fits."""
    steps = (
        Step(Call("A2", "loginRoom", {"room": "R2", "token": "wrong"}), When("S1", 5 * S), "S2"),
        Step(Call("B", "switchRoom", {"from": "R", "to": "R2", "token": "valid"}), When("S1", 37 * S), "S3"),
        Step(Fault("A", FaultKind.CUT), When("S3"), "S4"),
        Step(Fault("A", FaultKind.STALL, {"speed": 5, "word": "up"}, "room"), When("S4", 91 * S), "S5"),
        Step(Heal("A"), When("S5", 78 * S), "S6"),
        Step(Fault(None, FaultKind.SERVER_RESTART), When("S6", 45 * S), "S7"),
        Step(Heal(None), When("S7", 1180 * S), "S8"),
        Step(Admin("kick", {"user": "A", "room": "R"}), When("S8", 12_345_000), "S9"),
        Step(Wait(), When(None, 2 * S), "S10"),
        Step(Wait(), When("S1", 60 * MIN)),
    )
    notes = {"requirement": "ZX-RECONNECT-4", "seen": "at +3 s: nothing\n# nothing at all"}

    text = write_schedule(PLAIN, schedule(*steps), title="Away: for long", notes=notes)

    assert text == FILE
    assert read_schedule(text, "f", PLAIN) == schedule(*steps)


def test_a_person_may_write_otherwise() -> None:
    """What a file means does not hang on how it is written; times are documented ones."""
    assert read_schedule(FILE, "f", FAST).steps[1].when == When("S1", 5 * S // 100)
    assert read_schedule(FILE.encode(), "f", PLAIN).steps[4].act == Fault(
        "A", FaultKind.STALL, {"speed": 5, "word": "up"}, "room"
    )


def test_a_file_fits_the_published_schema() -> None:
    """An editor that knows the schema has nothing to say."""
    jsonschema.validate(read(FILE, "f").plain(), schemas()["schedule.schema.json"])


@pytest.mark.parametrize(
    ("gap", "text"),
    [
        (0, ""),
        (90 * S, "heartbeat_timeout"),
        (91 * S, "heartbeat_timeout + 1s"),
        (89 * S, "heartbeat_timeout - 1s"),
        (45 * S, "45s"),
        (200_000, "200ms"),
        (84 * S, "heartbeat_timeout - logout_limit"),
        (96 * S, "heartbeat_timeout + logout_limit"),
        (120 * S, "2min"),
        (23_456_000, "23.456s"),
        (1_234, "1.234ms"),
        (7, "7us"),
        (120_000, "login_time"),
        (6 * S, "logout_limit"),
    ],
)
def test_a_time_reads_like_a_persons(gap: int, text: str) -> None:
    """Constants where one fits, else few digits in the unit that fits."""
    assert after(gap) == text


@pytest.mark.parametrize("name", CONTRACTS)
@given(gap=st.integers(0, 3000 * S), pace=st.none() | st.integers(0, 3000 * S))
def test_a_time_is_read_back_to_the_microsecond(name: str, gap: int, pace: int | None) -> None:
    """At any scale, also where the documented time is no round number."""
    contract = CONTRACTS[name]
    room = next(iter(contract.operations.values()))
    arguments = {**dict.fromkeys(room.rooms, "R"), **{n: v[0] for n, v in room.args.items()}}
    steps = (Step(Call("A", room.name, arguments), label="S1"), Step(Wait(), When("S1", gap)))
    whole = Schedule((A,), ("R",), steps, gap, pace)

    assert read_schedule(write_schedule(contract, whole), "f", contract) == whole


@given(st.integers(1, 10**12), st.sampled_from([Fraction(1, 3), Fraction(1), Fraction(73, 10), Fraction(1000)]))
def test_no_shorter_number_means_the_same(micros: int, scale: Fraction) -> None:
    """Not with one digit less."""
    found = simplest(micros, scale)
    exact = micros * scale
    coarser = next(Fraction(10) ** n for n in range(-9, 30) if found % Fraction(10) ** (n + 1))

    assert round(found / scale) == micros
    assert round(round(exact / coarser / 10) * coarser * 10 / scale) != micros


def test_a_duration_of_hours() -> None:
    """Whole ones only."""
    assert [show(Fraction(n * MIN)) for n in (1, 60, 90, 120)] == ["1min", "1h", "90min", "2h"]


def test_the_steps_of_scenarios_can_be_written_too() -> None:
    """Every schedule of every case."""
    for contract in CONTRACTS.values():
        for case in contract.cases:
            text = write_schedule(contract, case.schedule, title=case.title)

            assert read_schedule(text, "f", contract) == case.schedule


def test_an_act_that_follows_late_and_names_no_moment_cannot_be_written() -> None:
    """The language has no words for it."""
    with pytest.raises(ValueError, match="no file can say that"):
        write_schedule(PLAIN, schedule(Step(Heal("A"), When(None, 5))))


@pytest.mark.parametrize(
    "value", ["a: b", "# c", "null", "12", "- x", "", " a", "é\n\t", "[", "x" * 300, "plain words"]
)
def test_any_text_survives(value: str) -> None:
    """Quoted where it must be."""
    text = write_schedule(PLAIN, schedule(), title=value or "t", notes={value: value})
    found = read(text, "f").plain()

    assert found["found"] == {value: value}
    assert found["title"] == (value or "t")


@pytest.mark.parametrize("value", [None, True, False, 1, -5, 2.5, 0.0000001, "true"])
def test_any_setting_survives(value: Any) -> None:
    """As the same value of the same type."""
    whole = schedule(Step(Fault("A", FaultKind.CUT, {"x": value})))
    (_, step) = read_schedule(write_schedule(PLAIN, whole), "f", PLAIN).steps

    assert isinstance(step.act, Fault)
    assert repr(step.act.settings) == repr({"x": value})


def test_every_problem_is_said_at_once() -> None:
    """Each with its place."""
    text = """\
spec: zego-express/web
members: [A, A]
titel: x
rooms: [R, R]
schedule:
  - {A: login, as: S1}
  - {fault: A, at: S1 + heartbeat_timeut, as: S1}
  - {fault: A, kind: slice}
  - {heal: B}
  - {A: {loginRoom: {room: R3, token: vallid}}}
watch: 3
"""
    with pytest.raises(SpecError) as e:
        read_schedule(text, "f.yaml", PLAIN)

    assert [str(problem).removeprefix("f.yaml:") for problem in e.value.problems] == [
        "1:7: this schedule is for 'zego-express/web', the target keeps 'zego-express/room-status'",
        "2:14: there are two members 'A'",
        "3:1: unknown key 'titel'; did you mean 'title'?",
        "4:12: 'R' is no room's name, or there twice",
        "6:9: unknown operation 'login'; did you mean 'loginRoom'?",
        "7:5: which fault? give `kind`",
        "7:25: unknown name 'heartbeat_timeut'; did you mean 'heartbeat_timeout'?",
        "7:47: the label 'S1' is given twice",
        "8:5: slice needs a link that is up, and an earlier fault keeps A down here",
        "9:12: B has no fault here to be healed of",
        "9:12: unknown member 'B'; known: A, server",
        "10:28: unknown value of room 'R3'; did you mean 'R'?",
        "10:39: unknown value of token 'vallid'; did you mean 'valid'?",
        "11:8: a duration is wanted here, such as 90s; units: us, ms, s, min, h",
    ]


@pytest.mark.parametrize("key", ["spec", "watch"])
def test_what_is_missing_is_said_once(key: str) -> None:
    """A file without a spec is not for another spec as well, and no watch is not a watch that cannot be read."""
    lines = {"spec": PLAIN.spec, "members": "[A]", "schedule": "[{wait: 1s}]", "watch": "1s"}
    del lines[key]
    with pytest.raises(SpecError) as e:
        read_schedule("".join(f"{name}: {value}\n" for name, value in lines.items()), "f", PLAIN)

    assert [str(problem) for problem in e.value.problems] == [f"f:1:1: {key!r} is missing here"]


def test_what_is_no_map_is_no_schedule() -> None:
    """It is said what it should be."""
    with pytest.raises(SpecError, match="f:1:1: expected a map, found a list"):
        read_schedule("[a]", "f", PLAIN)


def test_the_example_of_the_readme_can_be_read() -> None:
    """As it stands there."""
    text = (root() / "fixtures" / "schedules" / "README.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]

    assert read_schedule(example, "README", PLAIN).members == (A, B, A2)


def test_the_files_that_ship_can_be_read() -> None:
    """Each for the contract that it names."""
    by_name = {contract.spec: contract for contract in CONTRACTS.values()}
    for file in (root() / "fixtures" / "schedules").glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        read_schedule(text, file.name, by_name[read(text, file.name).plain()["spec"]])


def test_a_file_says_which_spec_it_is_for() -> None:
    """Before anything else of it is read."""
    assert spec_named_in("spec: a/b\nother: 1\n", "x.yaml") == "a/b"
    assert spec_named_in("other: 1\n", "x.yaml") == ""
    assert spec_named_in("spec: [1]\n", "x.yaml") == ""


def test_a_schedule_is_a_case_with_the_one_fault_that_it_has() -> None:
    """It expects nothing of its own; one that breaks everybody's links needs a server of its own."""
    cut, stall, all_of_them = (
        Step(Fault("A", FaultKind.CUT)),
        Step(Fault("B", FaultKind.STALL)),
        Step(Fault(None, FaultKind.SERVER_RESTART)),
    )

    one, two, every = (case_of("found/1", Schedule((), (), s, 0)) for s in ((cut, cut), (cut, stall), (all_of_them,)))

    assert (one.id, one.scenario, one.lines, one.own_server) == ("found/1", "found", (), False)
    assert (one.fault, two.fault, every.fault) == ("cut", None, str(FaultKind.SERVER_RESTART))
    assert every.own_server
