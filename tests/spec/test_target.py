"""Target files: what they hold, and every mistake at its place."""

import re
from dataclasses import replace

import pytest

from roomcheck.errors import SpecError
from roomcheck.spec.target import FORWARD, Install, Pairing, Target, load_target
from roomcheck.spec.where import Where

FULL = """\
target: lobby
title: A lobby
spec: vendor/lobby
adapter: {command: ["{python}", "{dir}/adapter.py", --json, '{"a": 1}']}
server: {command: ["{python}", "{dir}/server.py", --port, "{room}"], ready within: 1.5 * 2s}
endpoints: {room: "127.0.0.1:{room}"}
constants: {beat: 10s, more: 2 * beat}
options: {wrong: answer}
scale: 100
faults: [cut, ghost]
lacks: [kick]
install: {needs: {npm: with Node.js}, steps: [[npm, ci], [sh, "{dir}/more"]]}
versions: {lobby: ["{install}/lobby", --version]}
proxies: [HTTPS_PROXY]
"""
SHORT = """\
target: far
spec: vendor/lobby
adapter: {dial: true}
endpoints: {room: "example.org:443"}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load_target(text, "t")
    return [str(p) for p in caught.value.problems]


def test_a_full_target() -> None:
    """Placeholders stay, the time to get ready is in microseconds, constants stay text."""
    assert load_target(FULL, "t") == Target(
        name="lobby",
        title="A lobby",
        spec="vendor/lobby",
        adapter_command=("{python}", "{dir}/adapter.py", "--json", '{"a": 1}'),
        server_command=("{python}", "{dir}/server.py", "--port", "{room}"),
        ready_within=3_000_000,
        endpoints={"room": "127.0.0.1:{room}"},
        constants={"beat": "10s", "more": "2 * beat"},
        options={"wrong": "answer"},
        scale=100.0,
        faults=("cut", "ghost"),
        lacks=("kick",),
        install=Install({"npm": "with Node.js"}, (("npm", "ci"), ("sh", "{dir}/more"))),
        versions={"lobby": ("{install}/lobby", "--version")},
        proxies=("HTTPS_PROXY",),
        where=Where("t", 1, 1),
        places={
            "constants.beat": Where("t", 7, 19),
            "constants.more": Where("t", 7, 30),
            "options.wrong": Where("t", 8, 18),
            "lacks.kick": Where("t", 11, 9),
        },
    )


def test_a_pin_stands_for_a_version_wherever_commands_are() -> None:
    """Several of them; a version is text, whatever it looks like."""
    text = FULL.replace("[npm, ci]", '[npm, install, "a@{a}", "b@{b}"]') + 'pins: {a: "1.10", b: [2.0.0, 2.2.0]}\n'
    target = load_target(text, "t")

    assert target.pins == {"a": "1.10", "b": "2.2.0"}
    assert target.listed == {"a": ("1.10",), "b": ("2.0.0", "2.2.0")}


def test_a_short_target() -> None:
    """A room elsewhere whose adapter dials in."""
    target = load_target(SHORT, "t")

    assert (target.title, target.adapter_command, target.server_command) == ("far", (), None)
    assert (target.dial, target.scale, target.jobs, target.faults, target.lacks) == (True, None, None, None, ())


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("{dir}/adapter.py", "{dri}/adapter.py", "t:4:33: unknown placeholder '{dri}'; did you mean '{dir}'?"),
        ('--port, "{room}"', '--port, "{rom}"', "t:5:59: unknown placeholder '{rom}'; did you mean '{room}'?"),
        ('"{dir}/adapter.py"', '"{work}"', "t:4:33: unknown placeholder '{work}'; known: {dir}, {go-kit}, {install}, {python}"),
        ("{dir}/more", "{room}", "t:12:63: unknown placeholder '{room}'; known: {dir}, {go-kit}, {install}, {python}"),
        ("{install}/lobby", "{instal}/lobby", "t:13:20: unknown placeholder '{instal}'; did you mean '{install}'?"),
        ("[[npm, ci]", "[[]", "t:12:47: expected at least one, found an empty list"),
        ('"127.0.0.1:{room}"', '"127.0.0.1:{rom}"', "t:6:19: unknown placeholder '{rom}'; did you mean '{room}'?"),
        ('"127.0.0.1:{room}"', "localhost", "t:6:19: 'localhost' is no address; write host:port, as in 127.0.0.1:{room}"),
        ('endpoints: {room: "127.0.0.1:{room}"}', 'endpoints: {room: "a:{room}", dir: "a:1"}',
         "t:6:31: 'dir' cannot be an endpoint's name"),
        ("1.5 * 2s", "1.5 * 2x", "t:5:91: unknown unit 'x'; known: h, min, ms, s, us"),
        ("[cut, ghost]", "[cut, gost]", "t:10:15: unknown fault 'gost'; did you mean 'ghost'?"),
        ("scale: 100", "pins: {room: '1'}", "t:9:8: 'room' cannot be a pin's name"),
        ("scale: 100", "pins: {a: []}", "t:9:11: expected at least one, found an empty list"),
        ("scale: 100", "with: other", "t:9:7: `with` is of a server part or a client part, and this target is whole"),
        ("scale: 100", "pairs: {other: {lacks: [kick]}}",
         "t:9:8: `pairs` is of a server part or a client part, and this target is whole"),
        ("scale: 100", "scale: 0", "t:9:8: expected a number above 0, found 0"),
        ("scale: 100", "jobs: 0", "t:9:7: expected a number above 0, found 0"),
        ("scale: 100", "scale: fast", "t:9:8: expected a number, found 'fast'"),
        ("scale: 100", "scael: 100", "t:9:1: unknown key 'scael'; did you mean 'scale'?"),
        ("spec: vendor/lobby\n", "", "t:1:1: 'spec' is missing here"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(old: str, new: str, found: str) -> None:
    """And says what was meant."""
    assert problems(FULL.replace(old, new)) == [found]


def test_somebody_must_start_or_dial() -> None:
    """An adapter is started or dials in."""
    assert problems(SHORT.replace("dial: true", "dial: false")) == [
        "t:3:10: the adapter needs a `command`, or `dial: true`, or a `browser`"
    ]


def test_without_a_server_ports_are_fixed() -> None:
    """Nobody would listen at a port that was made up."""
    assert problems(SHORT.replace("443", "{room}")) == [
        "t:4:19: no server is started here, so the port must be a number"
    ]


PAGE = """\
target: page
spec: vendor/lobby
adapter: {browser: {script: "{install}/a.js", page: "{dir}/p.html", backend: "{dir}/b.mjs", flags: [--mute-audio, --x=1]}}
endpoints: {room: "example.org:443"}
"""


def test_an_adapter_that_is_a_page() -> None:
    """What the browser's driver is told stands where a program's command would."""
    full, short = load_target(PAGE, "t"), load_target(PAGE.replace(', page: "{dir}/p.html"', ""), "t")

    assert full.browser
    assert full.adapter_command == (
        "--script={install}/a.js", "--page={dir}/p.html", "--backend={dir}/b.mjs", "--flag=--mute-audio", "--flag=--x=1"
    )  # fmt: skip
    assert "--page" not in "".join(short.adapter_command)


def test_a_page_that_is_a_program_too() -> None:
    """One of them starts the adapter; a placeholder that cannot be filled in is told at its place."""
    said = problems(PAGE.replace("{browser:", "{dial: true, browser:").replace("{dir}/p", "{work}/p"))

    assert any("an adapter in a `browser` has no `command` and does not dial" in text for text in said)
    assert any("{work}" in text for text in said)


def test_members_that_reach_the_internet() -> None:
    """The proxy that leads there is what is started as the server."""
    target = load_target(SHORT.replace('endpoints: {room: "example.org:443"}', "internet: ['*.example.org', a:1]"), "t")

    assert target.endpoints == {"internet": "127.0.0.1:{internet}"}
    assert target.server_command == ("{python}", "-m", FORWARD, "--port", "{internet}", "*.example.org", "a:1")
    assert target.ready_within == 10_000_000


def test_a_target_has_one_way_out() -> None:
    """The internet, or endpoints and perhaps a server."""
    assert problems(SHORT + "internet: []\n") == [
        "t:5:11: members that reach the internet have no `server` and no `endpoints`"
    ]


def test_a_part_is_half_a_target() -> None:
    """Without endpoints it is a client, without an adapter a server; it may say what it is played with."""
    client = load_target(
        SHORT.partition("endpoints")[0] + "with: hall\npairs: {hall: {constants: {a: 1}, lacks: [x]}}", "t"
    )
    server = load_target(re.sub("adapter: .*\n", "", SHORT), "t")

    assert (client.has_client, client.has_server, client.usual) == (True, False, "hall")
    assert (server.has_client, server.has_server, server.usual) == (False, True, "")
    assert client.pairs == {
        "hall": Pairing({"a": "1"}, {}, ("x",), {"constants.a": Where("t", 5, 31), "lacks.x": Where("t", 5, 43)})
    }


def test_a_part_is_one_of_the_two() -> None:
    """A file with neither is nothing, and a server is reached somewhere."""
    neither = re.sub("adapter: .*\n", "", SHORT).partition("endpoints")[0]

    assert problems(neither) == [
        "t:1:1: a client part needs an `adapter`, a server part `endpoints`, and a whole target both"
    ]
    assert problems(neither + "server: {command: [lobby]}\n") == [
        "t:3:9: a `server` needs `endpoints`, where members connect to it"
    ]


@pytest.mark.parametrize(
    ("pins", "chosen", "label"),
    [
        ({}, {}, "lobby"),
        ({"a": "1"}, {"a": "1"}, "lobby@1"),
        ({"a": "1", "b": "2"}, {}, "lobby"),
        ({"a": "1", "b": "2"}, {"b": "2"}, "lobby@b=2"),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, "lobby@a=1,b=2"),
    ],
)
def test_a_label_holds_the_versions_that_were_chosen(pins: dict[str, str], chosen: dict[str, str], label: str) -> None:
    """As a person writes them."""
    assert replace(load_target(FULL, "t"), pins=pins, chosen=chosen).label == label


def test_credentials() -> None:
    """Without a variable that it names there is no server and no way out; their values are secrets either way."""
    text = SHORT.replace('endpoints: {room: "example.org:443"}', "internet: [a.org]\ncredentials: [APP, KEY]")
    unknown = load_target(text, "t")
    there, half = load_target(text, "t", {"APP": "1", "KEY": "x"}), load_target(text, "t", {"APP": "1", "KEY": ""})

    assert there == unknown
    assert (there.lacks, there.secrets) == ((), ("APP", "KEY"))
    assert (half.lacks, half.secrets) == (("server without KEY in the environment",), ("APP", "KEY"))
    assert there.server_command == (*(half.server_command or ()), "a.org")
