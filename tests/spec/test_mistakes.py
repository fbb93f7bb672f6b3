"""Every mistake that can be known is said where it stands.

Each row turns a piece of a sound spec into a mistaken one; `@` marks the places that the messages must name, in order.
"""

from pathlib import Path

import pytest

from roomcheck.errors import SpecError
from roomcheck.spec.load import load_spec

TEXT = (Path(__file__).parents[1] / "specs" / "every-construct.yaml").read_text()

UNITS = "a duration is wanted here, such as 90s; units: us, ms, s, min, h"

MISTAKES = [
    # --- shape
    ("  initial: OUT\n", "  initial: OUT\n  server tells: [@INN]\n", "unknown state 'INN'; did you mean 'IN'?"),
    (
        "{from: LOST, cause: link up, to: BACK",
        "@{from: LOST, @cuase: link up, to: BACK",
        "'cause' is missing here",
        "unknown key 'cuase'; did you mean 'cause'?",
    ),
    ("extendedData: any", "extendedData: @7", "expected 'str', 'int', 'list', 'any' or 'code', found 7"),
    ("cause: link up, to: BACK", "cause: link up, optional: @sometimes, to: BACK",
     "expected true or false or 'whenever' or 'repeatedly', found 'sometimes'"),
    (
        "connection:\n  callback: onState\n  state: reason\n  told: {KICKED: KICKOUT}",
        "groups: {inside: [IN, BACK]}\nconnection:\n  callback: onState\n  state: reason\n  told: {KICKED: KICKOUT, @inside: X}",
        "unknown state 'inside'",
    ),
    (
        "told: {KICKED: KICKOUT}",
        "told: {KICKED: KICKOUT, OUT: {onState: {errorCode: @{ok: 1}}}}",
        "{'ok': 1} cannot be in a field of type code",
    ),
    ("V-LOST: {should:", "V-LOST: {@shuld:", "unknown key 'shuld'; did you mean 'should'?"),
    ("V-LOST: {should: Lost., ", "V-LOST: @{", "V-LOST needs one of `must`, `should`, `may`"),
    ("V-LOST: {should: Lost., inferred: b}", "V-LOST: @Lost.", "expected a map, found 'Lost.'"),
    ("inferred: b}", "inferred: b, @must: Found.}", "V-LOST has `should` already"),
    ("while: link up", "while: @link down", "expected 'link up', found 'link down'"),
    ("should: Lost.", "should: @3", "expected text, found 3"),
    ("tags: [slow]", "tags: @slow", "expected a list, found 'slow'"),
    ("tags: [slow]", "tags:@", "expected a list, found nothing"),
    ("own server: true", "own server: @sure", "expected true or false, found 'sure'"),
    ("own server: true", "@own sever: true", "unknown key 'own sever'; did you mean 'own server'?"),
    ("A: []", "A: {@otters: allowed, items: []}", "unknown key 'otters'; did you mean 'others'?"),
    ("A: []", "A: {others: @maybe, items: []}", "expected 'allowed', found 'maybe'"),
    ("scenarios:\n", "scenarios:\n  - {id: x, title: x, members: [A], schedule: @[]}\n", "expected at least one, found an empty list"),
    ("scenarios:\n", "scenarios:\n  - @{id: idle, title: x, schedule: [{wait: 1s}]}\n",
     "nobody is there: a step names a member, such as A"),
    ("scenarios:\n", "scenarios:\n  - {id: typo, title: x, schedule: [A: login, @wiat: 1s]}\n",
     "unknown member 'wiat'; did you mean 'wait'?"),
    ("scenarios:\n", "stories: {enter: login, leave: @logut, kick: kick}\nscenarios:\n",
     "unknown operation 'logut'; did you mean 'logout'?"),
    ("scenarios:\n", "stories: {enter: {login: {token: valid}}, kick: @logout}\nscenarios:\n",
     "unknown act 'logout'; known: kick"),
    ("scenarios:\n", "stories: {enter: login, not: [blink, @blnk], for: {@alon: V-IN}}\nscenarios:\n",
     "unknown story 'blnk'; did you mean 'blink'?", "unknown story 'alon'; did you mean 'alone'?"),
    ("scenarios:\n", "stories: @{enter: {login: {token: vald}}, leave: logout, not: [kick]}\nscenarios:\n",
     "unknown value of token 'vald'; did you mean 'valid'?"),
    ("scenarios:\n", "stories: {enter: login, for: {alone: @V-INN}}\nscenarios:\n",
     "unknown requirement 'V-INN'; did you mean 'V-IN'?"),
    ("members: [A]", "members: [@{A: A, B: B}]", "expected only one, found a map"),
    ("members: [A]", "members: [@3]", "expected a map, found 3"),
    ("ok: 0", "ok: @[1]", "expected one value, found a list"),
    ("unless: [link down, logout]", "unless: @[3, logout]", "expected a map, found a list"),
    ("callback: onState", "callback: @3", "expected text, found 3"),
    (
        "extendedData: any",
        "extendedData: @anny",
        "expected 'str', 'int', 'list', 'any' or 'code', found 'anny'; did you mean 'any'?",
    ),
    # --- constants and expressions
    ("beat: 30s", "beat: @30", UNITS),
    ("beat: 30s", "beat: 30@sec", "unknown unit 'sec'; known: h, min, ms, s, us"),
    ("beat: 30s", "beat: '30@x'", "unknown unit 'x'; known: h, min, ms, s, us"),
    ("beat: 30s", "beat: @-30s", "beat is negative"),
    ("beat: 30s", "beat: @99999999h", "longer than 285 years"),
    ("beat: 30s", f"beat: @{'1+' * 100}1s", "longer than 200 characters"),
    ("beat: 30s", "beat: 30s + @+ 2s", "'+' does not belong here"),
    ("beat: 30s", "beat: 30s @! 2s", "'!' does not belong here"),
    ("beat: 30s", "beat: 30s +@", "a number, a duration or a name is missing at the end"),
    ("beat: 30s", "beat: @30s * 2s", "a duration times a duration is no duration"),
    ("beat: 30s", "beat: @30s + 2", "a duration and a number cannot be added or subtracted; a unit is missing"),
    ("beat: 30s", "beat: @2 / 30s", "a number cannot be divided by a duration"),
    ("beat: 30s", "beat: 3s + @30s / 0", "division by zero"),
    ("beat: 30s", "beat: @30s / 2s", UNITS),
    ("value: 3 * beat", "value: 3 * @beet", "unknown name 'beet'; did you mean 'beat'?"),
    (
        "value: 3 * beat",
        'value: "3 * (@beet + @laps)"',
        "unknown name 'beet'; did you mean 'beat'?",
        "unknown name 'laps'",
    ),
    ("beat: 30s", "beat: @heartbeat_timeout", "beat is defined by way of itself: beat -> heartbeat_timeout -> beat"),
    ("login_limit: 5s", "login_limit: 5s\n  @login-time: 5s", "'login-time' cannot stand in an expression; use letters, digits and _"),
    # --- names of the vocabulary
    ("default: callback", "default: @callbak", "unknown value of wrong_room 'callbak'; did you mean 'callback'?"),
    ("inferred: b}", "inferred: b}\n  @V-IN: {may: Twice., inferred: d}", "'V-IN' stands here for the second time; the first is in line 28"),
    ("callbacks:\n  onState: {room: roomID,", "callbacks:\n  onState: {room: @roomid,", "unknown field 'roomid'"),
    ('about: "users[].userID"', 'about: @"users[.userID"', "'users[.userID' is no path such as roomID or users[]"),
    ("callback: onState", "callback: @onStat", "unknown callback 'onStat'; did you mean 'onState'?"),
    ("state: reason", "state: @reasons", "unknown field of onState 'reasons'; did you mean 'reason'?"),
    ("told: {KICKED: KICKOUT", "told: {KICKED: KICKOUT, @KICKT: X", "unknown state 'KICKT'; did you mean 'KICKED'?"),
    ("logout: {rooms: [room]}", "@logout: {rooms: [room], users: [room]}", "logout has two arguments of one name"),
    ("logout: {rooms: [room]}", "logout: {rooms: [room], settles: @[OUT]}", "`settles` needs `settle within`"),
    ("logout: {rooms: [room]}", "logout: {rooms: [room], settles: @OUTT, settle within: 1s}", "unknown state 'OUTT'"),
    ("settles: [IN, FAILED], settle within: login_limit}\n  log", "settles: [IN, @FELED], settle within: 1s}\n  log",
     "unknown state 'FELED'; did you mean 'FAILED'?"),
    # --- rules
    ("{from: [OUT, FAILED, KICKED]", "{from: [OUT, @FELED, KICKED]", "unknown state 'FELED'; did you mean 'FAILED'?"),
    ("{from: LOST, cause: link up", "{from: @LOOST, cause: link up", "unknown state 'LOOST'; did you mean 'LOST'?"),
    ("{from: LOST, cause: link up", "{from: LOST, cause: @link upp", "unknown cause 'link upp'; did you mean 'link up'"),
    ("cause: switch.from", "cause: @switch", "which room? write switch.from or switch.to"),
    ("cause: switch.from", "cause: @switch.form", "unknown room of switch 'form'; did you mean 'from'?"),
    ("logout: {rooms: [room]}\n", "logout: {rooms: [room]}\n  sing: {}\n  login2: {rooms: [room], args: @[]}\n",
     "expected a map, found an empty list"),
    ("cause: twin IN", "cause: @twin INN", "unknown state 'INN'; did you mean 'IN'?"),
    ("connection:\n", "groups: {nobody: @[]}\nconnection:\n", "expected at least one, found an empty list"),
    ("LOST], cause: kick,", "LOST], cause: @kick.user,", "kick is an act of the backend; write it without .user"),
    ("unless: link up, for", "unless: @entered, for", "`entered` calls nothing off: a rule ends when its state is left"),
    ("unless: link up, for", "unless: @link down, for", "'link down' is what arms this rule, and cannot call it off"),
    ("unless: [link down, logout]", "unless: [link down, @kick]", "'kick' is what arms this rule, and cannot call it off"),
    ("unless: [link down, logout]", "unless: [link down, @logut]", "unknown cause 'logut'; did you mean 'logout'?"),
    ("unless: link up, for", "unless: {link up: 2 * @notise}, for", "unknown name 'notise'; did you mean 'notice'?"),
    ("with: {errorCode: interrupted}, within: loss,", "with: @{}, within: loss,", "`with` is empty; leave it out"),
    ("with: {errorCode: interrupted}, within: loss,", "with: {errorCode: @interupted}, within: loss,",
     "unknown code 'interupted'; did you mean 'interrupted'?"),
    ("with: {errorCode: interrupted}, within: loss,", "with: {@erorCode: ok}, within: loss,",
     "unknown field of onState 'erorCode'; did you mean 'errorCode'?"),
    ("with: {errorCode: interrupted}, within: loss,", "with: {@roomID: R}, within: loss,",
     "'roomID' names the room, which differ in every run"),
    ("with: {errorCode: interrupted}, within: loss,", "with: {reason: @5}, within: loss,",
     "5 cannot be in a field of type str"),
    ("{from: LOST, cause: link up, to: BACK, within: 10s}", "{from: LOST, cause: link up, to: BACK, @after: 10s}",
     "`after` needs `within`, else nothing is ever due"),
    ("cause: twin IN, to: KICKED, within: notice, optional: true", "cause: twin IN, to: KICKED, @optional: true",
     "`optional` needs `within`, else what is on its way is never due"),
    ("{from: LOST, cause: link up, to: BACK, within: 10s}", "{from: LOST, cause: link up, to: BACK, within: @-10s}",
     "-10s is negative"),
    ("to: OUT, silent: true", "to: OUT, silent: true, @within: 1s",
     "a silent rule moves at once and tells nothing; `within` has no meaning"),
    ("within: 10s}", "within: 10s}\n    - {from: BACK, cause: entered, to: IN, within: 1s, silent: true, @unless: link down}",
     "a silent rule tells nothing; `unless` has no meaning"),
    ("within: 10s}", "within: 10s}\n    - {from: BACK, cause: entered, to: IN, silent: true, @after: 1s}",
     "`after` needs `within`, else nothing is ever due"),
    ("to: OUT, silent: true", "to: OUT, silent: true, @cause in: IN",
     "a silent rule moves at once and tells nothing; `cause in` has no meaning"),
    ("to: OUT, silent: true, optional: true", "to: OUT, silent: true, @optional: whenever",
     "a silent rule moves at once and tells nothing; `optional: whenever` has no meaning"),
    ("to: BACK, within: 10s}", "to: BACK, within: 10s, @immediately: true}",
     "`immediately` follows what told the state: its cause is `entered`"),
    ("within: 10s}", "within: 10s}\n    - {from: BACK, cause: entered, to: IN, within: 1s, immediately: true, @optional: true}",
     "what comes immediately comes next, whatever happens; `optional` has no meaning"),
    ("to: OUT, silent: true", "to: OUT, silent: true, @@about: 1s",
     "`about` needs the contract's `tolerance`: how much earlier or later is still about then",
     "a silent rule moves at once and tells nothing; `about` has no meaning"),
    ("watch: 2 * notice", "watch: 2 * notice\ntolerance: @1", UNITS),
    ("to: OUT, silent: true", "to: OUT, silent: true, @immediately: true",
     "a silent rule moves at once and tells nothing; `immediately` has no meaning"),
    ("answer: {status: refused, errorCode: ok}", "answer: {status: @refuse, errorCode: ok}",
     "unknown status 'refuse'; did you mean 'refused'?"),
    ("answer: {status: refused, errorCode: ok}", "answer: {status: refused, errorCode: @okay}", "unknown code 'okay'"),
    ("answer: {status: refused, errorCode: ok}", "answer: {status: refused}, @within: 3s",
     "an answer is judged when the call returns; `within` has no meaning"),
    ("answer: {status: refused, errorCode: ok}", "answer: {status: refused}, @silent: true", "an answer is not silent"),
    ("- {from: OUT, cause: switch.to, answer", "- @{from: OUT, cause: switch.to, to: IN, answer",
     "a rule has either `to` or `answer`"),
    ("given: {token: valid}", "given: {@tokn: valid}", "unknown argument 'tokn'; did you mean 'token'?"),
    ("given: {token: valid}", "given: {token: @vald}", "unknown value of token 'vald'; did you mean 'valid'?"),
    ("given: {token: [wrong]}", "given: {token: [valid, @wron]}", "unknown value of token 'wron'; did you mean 'wrong'"),
    ("unless: [link down, logout]}", "unless: [link down, logout], @provided: {room: IN}}",
     "`provided` needs a call as the cause"),
    ("provided: {from: [IN, BACK]}", "provided: {@form: [IN, BACK]}", "unknown room argument 'form'; did you mean"),
    ("provided: {from: [IN, BACK]}", "provided: {from: [IN, @BAK]}", "unknown state 'BAK'; did you mean 'BACK'?"),
    ("when: {wrong_room: answer}}\n    - {from: [IN, BACK, LOST], cause: kick",
     "when: {wrong_room: @answr}}\n    - {from: [IN, BACK, LOST], cause: kick",
     "unknown value of wrong_room 'answr'; did you mean 'answer'?"),
    ("opened by: {IN: V-OTHERS", "opened by: {IN: @V-OTHER", "unknown requirement 'V-OTHER'; did you mean"),
    ("inside: [IN, BACK], cut off: [LOGGING, LOST]", "inside: [IN, @BAC], cut off: @LOGING",
     "unknown state 'BAC'; did you mean 'BACK'?", "unknown state 'LOGING'; did you mean 'LOGGING'?"),
    # --- scenarios
    ("- id: server", "- id: @back-late", "scenario 'back-late' is already in line 64"),
    ("- id: server", "- id: @a/b", "'a/b' is no id; use letters, digits, '-', '_' and '.'"),
    ("when: {wrong_room: answer}\n    members", "when: {@wrong_rom: answer}\n    members",
     "unknown option 'wrong_rom'; did you mean 'wrong_room'?"),
    ("for: [V-LOST, V-OTHERS]", "for: [V-LOST, @V-OTHRES]", "unknown requirement 'V-OTHRES'; did you mean 'V-OTHERS'?"),
    ("members: [A]", "members: [A, @A]", "there are two members 'A'"),
    ("members: [A]", "members: [A, @server]", "'server' cannot be a member's name"),
    ("members: [A]", "members: [A, {C2: @C}]", "unknown user 'C'; known: A"),
    ("rooms: [R, R2]", "rooms: [R, R2, @R, @1x]", "'R' is no room's name, or there", "'1x' is no room's name, or there"),
    ("faults: [cut, latency]", "faults: [cut, @latencie]", "unknown fault 'latencie'; did you mean 'latency'?"),
    ("faults: [cut, latency]", "faults: [cut, @server-restart]",
     "no step takes the fault 'server-restart': write {fault: server}"),
    ("own server: true", "own server: true\n    faults: [@cut]",
     "no step takes the fault 'cut': write {fault: MEMBER} without `kind`"),
    ("- B: login", "- @D: login", "unknown member 'D'; known: A, A2, B, C, admin, fault, heal, wait"),
    ("- B: login", "- B: @logn", "unknown operation 'logn'; did you mean 'login'?"),
    ("- B: login", "- B: @kick", "unknown operation 'kick'; known: login, logout, switch"),
    ("- B: login", "- B: @[login]", "a call is the name of an operation, or {operation: {argument: value}}"),
    ("- B: login", "- B: {login: {@tokn: valid}}", "unknown argument of login 'tokn'; did you mean 'token'?"),
    ("- B: login", "- B: {login: {token: @vald}}", "unknown value of token 'vald'; did you mean 'valid'?"),
    ("- B: login", "- B: {login: {room: @R3}}", "unknown value of room 'R3'; did you mean 'R'?"),
    ("- B: login", "- @{B: login, C: login}", "one act a step; here are B and C"),
    ("- B: login", "- {B: login, @ass: T0}", "unknown key 'ass'; did you mean 'as'?"),
    ("- B: login", "- @{as: T9}", "a step needs an act: a member's call, fault, heal, admin or wait"),
    ("- B: login", "- {B: login, @kind: cut}", "`kind` belongs to `fault`"),
    ("- B: login", "- {B: login, as: @T-1}", "'T-1' is no label; use letters, digits and _"),
    ("- C: login", "- {C: login, as: T9}\n      - {wait: 1s, as: @T9}", "the label 'T9' is given twice"),
    ("{admin: {kick: {user: A}}", "{admin: @{kick: {}}", "kick needs 'user': a user"),
    ("{admin: {kick: {user: A}}", "{admin: {@kik: {user: A}}", "unknown act 'kik'; did you mean 'kick'?"),
    ("{admin: {kick: {user: A}}", "{admin: @kick", "kick needs 'user': a user"),
    ("{admin: {kick: {user: A}}", "{admin: {kick: {user: @A2}}", "unknown value of user 'A2'; did you mean 'A'?"),
    ("{fault: server, as: S}", "{fault: @D, kind: cut}\n      - {fault: server, as: S}", "unknown member 'D'"),
    ("{fault: server, as: S}", "{fault: A, kind: @cutt}\n      - {fault: server, as: S}", "unknown fault 'cutt'; did you mean 'cut'?"),
    ("latency: 100ms", "latency: 100@mss", "unknown unit 'mss'; did you mean 'ms'?"),
    ("{fault: server, as: S}", "{fault: server, kind: @cut, as: S}", "cut is no fault of the server"),
    ("{fault: server, as: S}\n      - {heal: server", "@{fault: A, as: S}\n      - {heal: A",
     "which fault? give `kind`, or list `faults` of the scenario"),
    ("{heal: server,", "{heal: @A,", "A has no fault here to be healed of"),
    ("{fault: server, as: S}", "{fault: A, kind: cut}\n      - @{fault: A, kind: slice}\n      - {fault: server, as: S}",
     "slice needs a link that is up, and an earlier fault keeps A down here"),
    ("{fault: server, as: S}",
     "{fault: A, kind: cut, endpoint: x}\n      - {fault: A, kind: slice, endpoint: y}\n      - @{fault: A, kind: slice}\n      - {fault: server, as: S}",
     "slice needs a link that is up"),
    ("{fault: server, as: S}", "{fault: A, kind: cut}\n      - {heal: A}\n      - {fault: A, kind: slice}\n      - {A: @logn}\n      - {fault: server, as: S}",
     "unknown operation 'logn'"),
    ("at: S + 2s", "at: @Z + 2s", "unknown label 'Z'; known: S, T0"),
    ("at: S + 2s", "at: @2s", "a moment begins with a label, as in T3 + 2s"),
    ("at: S + 2s", "at: S + @2", UNITS),
    ("at: S + 2s", "at: @S - 2s", "a step cannot begin before its label"),
    ("at: S + 2s", "at: S + @beats", "unknown name 'beats'; did you mean 'beat'?"),
    ("watch: 3s", "watch: @3", UNITS),
    # --- expectations
    ("A: []", "@D: []", "unknown member 'D'; known: A"),
    ("A: []", "@A about D: []", "unknown user 'D'; known: A, anyone"),
    ("A: []", "@A about A: []", "A is told of itself in the line A"),
    ("A: []", "A: [@INN]", "unknown state 'INN'; did you mean 'IN'?"),
    ("A: []", "A: [@ADD]", "unknown state 'ADD'"),
    ("A: []", "A: [@{IN: {}, OUT: {}}]", "one state an entry; here are IN and OUT"),
    ("A: []", "A: [{IN: {}, @wihtin: 3s}]", "unknown key 'wihtin'; did you mean 'within'?"),
    ("A: []", "A: [@{in: R}]", "an entry needs the name of a state, `any of` or `unordered`"),
    ("A: []", "A: [@3]", "expected a map, found 3"),
    ("A: []", "A: [{@unordered: }]", "`unordered` is empty"),
    ("A: []", "A: [{any of: [[IN]], @in: R}]", "'in' cannot stand beside `any of`"),
    ("A: []", "A: [@{unordered: [{any of: [[IN]]}]}]", "`unordered` holds entries only"),
    ("A: []", "A: [{IN: @5}]", "a state is followed by a pattern: {field: value}"),
    ("A: []", "A: [{IN: {errorCode: @okk}}]", "unknown code 'okk'; did you mean 'ok'?"),
    ("A: []", "A: [{IN: {}, in: @R2}]", "unknown room 'R2'; did you mean 'R'?"),
    ("A: []", "A: [{IN: {}, @within: 3s}]", "`within` needs `of`: the label from which it counts"),
    ("A: []", "A: [{IN: {}, @after: 3s}]", "`after` needs `of`: the label from which it counts"),
    ("A: []", "A: [{IN: {}, @about: 3s, of: S}]", "`about` needs the contract's `tolerance`: how much earlier or later"),
    ("A: []", "A: [{IN: {}, @of: S}]", "`of` needs `within` or `about`, else nothing is ever due"),
    ("A: []", "A: [{IN: {}, within: 3s, of: @U}]", "unknown label 'U'"),
    ("A: []", "A: [{IN: {}, within: 3s, of: @U}, {OUT: {}, as: U}]", "unknown label 'U'"),
    ("A: []", "A: [{IN: {}, as: @1x}]", "'1x' is no label; use letters, digits and _"),
    ("A: []", "A: [{IN: {}, for: @V}]", "unknown requirement 'V'"),
    ("{ADD: {users: [A, B]}}", "{ADD: {users: [A, @D]}}", "unknown user 'D'; known: A, B, C"),
    ("{ADD: {users: [A, B]}}", "{ADD: {users: @A2}}", "unknown user 'A2'; did you mean 'A'?"),
]  # fmt: skip


def problems(text: str) -> list[str]:
    """The problems of a spec, each without the file's name."""
    with pytest.raises(SpecError) as caught:
        load_spec(text, "a.yaml")
    return [str(p).removeprefix("a.yaml:") for p in caught.value.problems]


def marked(text: str) -> tuple[str, list[str]]:
    """The text without its marks, and the line:column of each."""
    places = []
    while "@" in text:
        before, _, after = text.partition("@")
        places.append(f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}")
        text = before + after
    return text, places


@pytest.mark.parametrize(("old", "new", "messages"), [(old, new, rest) for old, new, *rest in MISTAKES])
def test_a_mistake_is_named_with_its_place(old: str, new: str, messages: list[str]) -> None:
    """The problems are exactly those, each at its mark."""
    assert old in TEXT
    text, places = marked(TEXT.replace(old, new, 1))

    found = problems(text)

    assert len(found) == len(places) == len(messages), found
    for problem, place, message in zip(found, places, messages, strict=True):
        assert problem.startswith(f"{place}: {message}")


def test_what_the_server_tells_needs_no_link_of_its_own() -> None:
    """One way to say it."""
    text = TEXT.replace("  initial: OUT\n", "  initial: OUT\n  server tells: IN\n")

    (found,) = problems(text)

    assert found.endswith("IN stands in `server tells`; leave `while` out")


def test_what_comes_immediately_needs_no_link() -> None:
    """Which may be lost before it."""
    rule = "    - {from: BACK, cause: entered, to: FAILED, within: 1s, immediately: true}\n"
    text = TEXT.replace("  initial: OUT\n", "  initial: OUT\n  server tells: FAILED\n").replace(
        "  rules:\n", f"  rules:\n{rule}"
    )

    (found,) = problems(text)

    assert found.endswith(
        "FAILED stands in `server tells`, so its link may be lost before it; it cannot come immediately"
    )


def test_a_line_about_others_needs_a_view_about_others() -> None:
    """Else nothing of it could ever be heard."""
    text = (Path(__file__).parents[1] / "specs" / "two-state.yaml").read_text(encoding="utf-8")
    start, end = text.index("presence:\n"), text.index("scenarios:\n")

    found = problems(text[:start] + text[end:])

    assert any(problem.endswith(": the spec has no view for this line") for problem in found)


def test_a_view_that_is_broken_makes_no_second_mistake() -> None:
    """Its lines are not said to have no view."""
    text = TEXT.replace("delivered within: notice\n", "delivered within: [notice]\n")

    assert problems(text) == ["61:21: expected text, found a list"]


def test_constants_cannot_build_on_each_other_without_end() -> None:
    """A long chain is as suspicious as a circle."""
    chain = "".join(f"  c{i}: c{i + 1}\n" for i in range(60)) + "  c60: 1s\n"

    found = problems(TEXT.replace("constants:\n", f"constants:\n{chain}"))

    assert [text.split(" ", 1)[1] for text in found] == [
        "nothing uses c0", "more than 40 constants that build on each other"
    ]  # fmt: skip


def test_what_is_missing_hides_nothing() -> None:
    """The rest is looked at all the same."""
    text = TEXT.replace("title: Every", "titel: Every").replace("cause: link up", "cause: link upp")

    assert problems(text) == [
        "1:1: 'title' is missing here",
        "2:1: unknown key 'titel'; did you mean 'title'?",
        "41:27: unknown cause 'link upp'; did you mean 'link up'?",
    ]


def test_names_that_nothing_uses_are_told_with_everything_else() -> None:
    """Not those that a mistake mentions, has in mind, or may have left out."""
    more = {
        "constants:\n": "constants:\n  spare: 1s\n  wanted: 1s\n",
        "codes:\n": "codes:\n  odd: 9\n",
        "callbacks:\n": "callbacks:\n  onNoise: {fields: {level: int}}\n",
        "requirements:\n": "requirements:\n  V-MORE: {may: More., inferred: d}\n",
        "within: 10s": "within: 2 * wnted",
    }
    text = TEXT
    for old, new in more.items():
        assert old in text
        text = text.replace(old, new, 1)

    assert [problem.split(" ", 1)[1] for problem in problems(text)] == [
        "nothing uses spare",
        "nothing uses odd",
        "nothing uses onNoise: it tells no state; say `ignored: true` if that is meant",
        "nothing verifies V-MORE: no rule, entry or scenario is for it",
        "unknown name 'wnted'; did you mean 'wanted'?",
    ]
    assert problems(TEXT.replace("  beat: 30s", "  beat: 30s\n  spare: 1s").replace("* beat + 5s", "* beet-spare")) == [
        "12:22: unknown name 'beet'; did you mean 'beat'?"
    ]


@pytest.mark.parametrize(
    ("old", "new", "places"),
    [
        ("to: LOST,", "to: LOSTT,", ["40:48"]),
        ("to: IN,", "to: INN,", ["38:43"]),
        ("initial: OUT", "initial: OUTT", ["35:12"]),
        ("from: [OUT, FAILED, KICKED], cause: login, to: LOGGING", "from: [FAILED, OOUT], cause: login, to: LOGGING",
         ["37:23"]),
    ],
)  # fmt: skip
def test_a_misspelt_state_is_reported_where_it_is_misspelt(old: str, new: str, places: list[str]) -> None:
    """Not at the places where it is right, however many these are."""
    assert old in TEXT

    found = [problem.split(" ")[0].rstrip(":") for problem in problems(TEXT.replace(old, new))]

    assert found == places


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spec: a\ntitle: b\nrevision: c\ncallbacks: {}", "4:12: expected at least one, found an empty map"),
        ("[spec]", "1:1: expected a map, found a list"),
    ],
)
def test_what_is_no_spec_at_all(text: str, message: str) -> None:
    """It is said what a spec must have."""
    assert message in problems(text)
