"""What a spec may say of presence, and what is said of mistakes in it."""

from pathlib import Path

import pytest

from roomcheck.errors import SpecError
from roomcheck.spec.case import Entry
from roomcheck.spec.contract import Contract, End, Presence
from roomcheck.spec.diagram import diagram
from roomcheck.spec.load import load_spec

TEXT = (Path(__file__).parent.parent / "specs" / "hall.yaml").read_text(encoding="utf-8")


def hall(old: str = "", new: str = "", **options: str) -> Contract:
    assert old in TEXT
    return load_spec(TEXT.replace(old, new) if old else TEXT, "hall.yaml").bind(options=options)


def presence(contract: Contract) -> Presence:
    [found] = [view.presence for view in contract.views if view.presence]
    return found


def test_silence_counts_from_the_last_message_that_was_heard() -> None:
    """It was sent up to 100 ms before the loss, and was 30 ms under way."""
    [loss, at_once] = [e for e in presence(hall()).endings if e.kind is End.LOSS]

    assert (loss.after, loss.within, loss.requirement, loss.earlier) == (270_000, 130_000, "H-GONE", "H-EARLY")
    assert (at_once.after, at_once.within, at_once.again) == (0, 50_000, True)
    assert at_once.given == {"farewell": ("at once",)}
    assert at_once.pattern == {"code": 0}


ABOUT = [
    (
        "{silence: patience,",
        "{silence: {about: patience},",
        (250_000, 170_000, 400_000),
    ),  # 130 ms for what is under way
    ("{silence: patience,", "{silence: {within: patience},", (270_000, 130_000, 0)),
    ("{silence: patience,", "{loss: {about: patience},", (380_000, 40_000, 400_000)),
    ("{silence: patience,", "{loss: {about: 5ms},", (0, 25_000, 5_000)),
]


@pytest.mark.parametrize(("old", "new", "window"), ABOUT)
def test_about_a_time_is_within_the_tolerance_of_it(old: str, new: str, window: tuple[int, int, int]) -> None:
    """Of a silence as of a loss; nothing comes before what it counts from."""
    text = TEXT.replace(old, new).replace("constants:\n", "tolerance: 20ms\nconstants:\n", 1)
    loss = next(e for e in presence(load_spec(text, "hall.yaml").bind()).endings if e.kind is End.LOSS)

    assert (loss.after, loss.within, loss.about) == window


def test_a_group_is_its_states() -> None:
    """Wherever states are named; and a group may not be called like one."""
    own, others = hall().views
    assert others.hearing is not None
    assert others.hearing.states == {"in", "again"}
    assert own.rules[0].from_ == {"out", "refused", "kicked"}


def test_what_is_said_of_a_group_is_said_of_its_states() -> None:
    """As a key, too; what is said of a state by its own name goes before."""
    opened = "opened by: {in: H-JOIN, again: H-BACK}"
    assert presence(hall(opened, "opened by: {inside: H-JOIN}")).opened_by == {"again": "H-JOIN", "in": "H-JOIN"}
    both = presence(hall(opened, "opened by: {inside: H-JOIN, again: H-BACK}"))
    assert both.opened_by == {"again": "H-BACK", "in": "H-JOIN"}
    [left, *_] = presence(hall("{request: out, for", "{request: [kicked, outside], for")).endings
    assert left.text == "told kicked or out or refused"
    asked = presence(hall("requested by: {joining: {ticket: good}", "requested by: {inside: {ticket: good}"))
    assert asked.requested_by == {"again": {"ticket": ("good",)}, "in": {"ticket": ("good",)}, "knock": {}}


def test_two_groups_may_not_say_two_things_of_one_state() -> None:
    groups = {"  inside: [in, again]": "  inside: [in, again]\n  back: again", "opened by: {in:": "opened by: {back:"}
    text = TEXT.replace(", again: H-BACK}", ", inside: H-BACK}")
    for old, new in groups.items():
        text = text.replace(old, new)

    with pytest.raises(SpecError, match="again stands in back and in inside; say it by its own name"):
        load_spec(text, "hall.yaml")


CAME, WENT = 'joined: {people: {change: "+"}}', 'left: {people: {change: "-"}}'


def test_news_may_have_one_of_several_values() -> None:
    """The first of them is what a model room tells, and stands for all."""
    others = hall(CAME, 'joined: {people: {change: ["+", "?"], code: [fine, thrown]}}').views[1]

    assert others.signs["present"].patterns == tuple({"change": c, "code": n} for c in "+?" for n in (0, 9))
    assert others.told == {"present": "+", "absent": "-"}
    told = [others.value("people", {"change": c, "code": n}) for c, n in (("?", 9), ("-", 9), ("+", 7), ("!", 0))]
    assert told == ["+", "-", "+", "change !, code 0"]


def test_a_line_may_name_each_value_of_news_that_has_several() -> None:
    """Only that one is then expected."""
    both = hall(CAME, 'joined: {people: {change: ["+", back]}}')
    line = "schedule: [{B: join}, {A: join}]"
    assert both.views[1].named == {
        "+": ("present", {"change": "+"}), "back": ("present", {"change": "back"}), "-": ("absent", {}),
    }  # fmt: skip
    text = TEXT.replace(CAME, 'joined: {people: {change: ["+", back]}}')
    told = load_spec(text.replace(line, f"{line}, expect: {{B about A: [back]}}"), "hall.yaml").bind()
    [item] = told.cases[0].lines[0].items
    assert isinstance(item, Entry)
    assert (item.value, item.pattern) == ("+", {"change": "back"})

    with pytest.raises(SpecError, match="unknown state 'present'"):
        load_spec(TEXT.replace(line, f"{line}, expect: {{B about A: [present]}}"), "hall.yaml")


def test_a_file_that_extends_another_one_replaces_its_patterns() -> None:
    """They are one thing: what the base says of other fields does not stay."""
    over = "extends: base.yaml\nspec: made-up/hall-two\npresence: {left: {people: {code: thrown}}}\n"
    others = load_spec(over, "over.yaml", {"base.yaml": TEXT}.__getitem__).bind().views[1]

    assert others.signs["absent"].fields == {"code": 9}
    assert others.signs["present"].fields == {"change": "+"}


def test_news_that_differs_in_several_fields_is_named_by_what_it_is() -> None:
    text = TEXT.replace(CAME, 'joined: {people: {change: "+", code: fine}}')
    others = load_spec(text.replace(WENT, 'left: {people: {change: "-", code: thrown}}'), "hall.yaml").bind().views[1]

    assert others.told == {"present": "joined", "absent": "left"}
    assert others.value("people", {"change": "+", "code": 0}) == "joined"
    assert others.value("people", {"change": "+", "code": 9}) == "change +, code 9"


@pytest.mark.parametrize("left", ["{}", '{change: "+", code: 9}', '{change: ["-", "+"]}'])
def test_news_of_one_kind_may_not_be_of_the_other_kind_too(left: str) -> None:
    with pytest.raises(SpecError, match="one field must differ between `joined` and `left`"):
        hall(WENT, f"left: {{people: {left}}}")


def test_an_ending_may_depend_on_an_option() -> None:
    acts = "- {act: close, told: maybe, for: H-CLOSE}"
    changed = acts.replace("for:", "when: {closing: untold}, for:")

    assert [e.names for e in presence(hall(acts, changed)).endings if e.kind is End.ACT] == [{"kick"}]
    both = presence(hall(acts, changed, closing="untold"))
    assert [e.owed for e in both.endings if e.kind is End.ACT] == [True, False]


def test_without_a_word_a_new_session_is_quiet() -> None:
    quiet = presence(hall("    replaced: {told as: [nothing, left then joined], for: H-ANEW}\n", ""))
    aloud = presence(hall("told as: [nothing, left then joined]", "told as: left then joined"))

    assert (quiet.replaced_quietly, quiet.replaced_aloud) == (True, False)
    assert (aloud.replaced_quietly, aloud.replaced_aloud) == (False, True)


def test_presence_is_drawn_with_its_causes() -> None:
    assert "presence_absent --> presence_present: told in, told again" in diagram(hall(), "presence")
    assert "presence_present --> presence_absent: told out, kick, close, silence for patience" in diagram(hall())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("joined: {people:", "joined: {peeple:", "unknown callback 'peeple'; did you mean 'people'?"),
        ("left: {people:", "left: {status:", "status does not say who it is about; give it `about`"),
        ("left: {people:", "left: {statos:", "unknown callback 'statos'; did you mean 'status'?"),
        ('change: "-"', 'change: "+"', "one field must differ between `joined` and `left`"),
        ('about: "who[].id", ', "", "people does not say who it is about; give it `about`"),
        ("requested by: {joining:", "requested by: {jioning:", "unknown state 'jioning'; did you mean 'joining'?"),
        ("opened by: {in: H-JOIN", "opened by: {inn: H-JOIN", "unknown state 'inn'; did you mean 'in'?"),
        ("opened by: {in: H-JOIN", "opened by: {in: H-JION", "unknown requirement 'H-JION'; did you mean 'H-JOIN'?"),
        ("renewed by: in", "renewed by: on", "unknown state 'on'"),
        ("{request: out,", "{request: uot,", "unknown state 'uot'; did you mean 'out'?"),
        ("{act: close,", "{act: leave,", "unknown act 'leave'"),
        ("{act: close,", "{act: close, elsewhere: true,", "one way to end a session"),
        ("- {elsewhere: true, for", "- {for", "here is none"),
        ("{act: close,", "{expiry: uot,", "unknown state 'uot'; did you mean 'out'?"),
        ("{act: close,", "{expiry: {told: [], after: 1s},", "expected at least one, found an empty list"),
        ("{act: close,", "{expiry: {told: kicked, after: 1min, within: 1s},", "within"),
        (
            "{act: close,",
            "{expiry: again,",
            "again cannot say that a session has expired: who is told so is still there",
        ),
        ("{act: close,", "{expiry: out,", "out cannot say that a session has expired: that is told who has asked"),
        ("given: {farewell: kept}", "given: {farewell: kpt}", "unknown value of farewell 'kpt'; did you mean 'kept'?"),
        ("{silence: patience,", "{silence: {about: patience},", "`about` needs the contract's `tolerance`"),
        ("{silence: patience,", "{silence: {after: 1s, within: patience},", "`silence` is a time; leave `after` out"),
        ("{silence: patience,", "{silence: {},", "give `within` or `about`, else nothing is ever due"),
        ("{silence: patience,", "{loss: {about: patience, within: 1s},", "whole window; leave `within` out"),
        ("told as: [nothing,", "told as: [nowt,", "expected 'nothing' or 'left then joined', found 'nowt'"),
        ("delivered within: notice", "delivered within: notise", "notise"),
        ("  inside: [in, again]", "  in: [in, again]", "in is a state already; call the group otherwise"),
        ("  inside: [in, again]", "  inside: [inn, again]", "unknown state 'inn'; did you mean 'in'?"),
    ],
)
def test_a_mistake_is_said_where_it_stands(old: str, new: str, message: str) -> None:
    place = "  joined:" if old.startswith("about") else old

    with pytest.raises(SpecError) as caught:
        hall(old, new)

    said = {p.line for p in caught.value.problems if message in p.message}
    assert said & {1 + TEXT[: TEXT.index(place)].count("\n")}, [str(p) for p in caught.value.problems]
