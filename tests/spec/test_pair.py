"""A server part and a client part as one target: whose word holds of what."""

from dataclasses import replace

import pytest

from roomcheck.errors import SpecError
from roomcheck.spec.pair import pair
from roomcheck.spec.target import Target, load_target
from roomcheck.spec.where import Where

SERVER = """\
target: hall
title: A hall
spec: vendor/lobby
server: {command: ["{dir}/hall", "{room}"], ready within: 3s}
endpoints: {room: "127.0.0.1:{room}"}
constants: {beat: 10s, grace: 1s}
options: {wrong: answer}
lacks: [kick]
"""
CLIENT = """\
target: door
title: a door
spec: vendor/lobby
adapter: {command: ["{dir}/door"]}
constants: {retry: 2s, beat: 10s}
options: {late: told}
lacks: [kick, ban]
"""


def joined(server: str = "", client: str = "") -> Target:
    """The pair, with more in either file."""
    one, other = load_target(SERVER + server, "s"), load_target(CLIENT + client, "c")
    return pair(replace(one, folder="/hall"), replace(other, folder="/door"), other)


def test_each_part_says_what_is_its_own() -> None:
    """The pair has all of it, in the order server, client."""
    made = joined("secrets: [A]\nproxies: [P]", "secrets: [A, B]")

    assert (made.name, made.label, made.title) == ("hall+door", "hall+door", "A hall, through a door")
    assert (made.server_command, made.adapter_command) == (("{dir}/hall", "{room}"), ("{dir}/door",))
    assert (made.endpoints, made.ready_within) == ({"room": "127.0.0.1:{room}"}, 3_000_000)
    assert made.constants == {"beat": "10s", "grace": "1s", "retry": "2s"}
    assert made.options == {"wrong": "answer", "late": "told"}
    assert (made.lacks, made.secrets, made.proxies) == (("kick", "ban"), ("A", "B"), ("P",))
    assert [half.folder for half in made.halves] == ["/hall", "/door"]
    assert (made.places["constants.grace"], made.places["lacks.ban"]) == (Where("s", 6, 31), Where("c", 7, 15))


@pytest.mark.parametrize(
    ("server", "client", "scale", "jobs", "faults"),
    [
        ("", "", None, None, None),
        ("scale: 50\njobs: 9\nfaults: [cut, ghost]", "", None, 9, ("cut", "ghost")),
        ("scale: 50\njobs: 9\nfaults: [cut, ghost]", "scale: 20\njobs: 5\nfaults: [ghost, stall]", 20, 5, ("ghost",)),
        ("", "scale: 20\nfaults: [ghost]", None, None, ("ghost",)),
    ],
)
def test_a_pair_bears_what_both_bear(
    server: str, client: str, scale: float | None, jobs: int | None, faults: tuple[str, ...] | None
) -> None:
    """It has a speed if both have one, the fewer cases at once, the faults that both take."""
    made = joined(server, client)

    assert (made.scale, made.jobs, made.faults) == (scale, jobs, faults)


def test_parts_that_do_not_agree() -> None:
    """Every constant and option of which they say different things is told, with both places."""
    with pytest.raises(SpecError) as caught:
        pair(load_target(SERVER, "s"), load_target(CLIENT.replace("10s", "9s").replace("late: told", "wrong: no"), "c"),
             load_target(SERVER, "s"))  # fmt: skip

    said = "{}, and hall {}; which one holds of both is said by `pairs: {{hall: {{{}: ...}}}}}}`"
    assert [str(problem) for problem in caught.value.problems] == [
        said.format("c:5:30: door says beat: 9s", "10s (s:6)", "constants: {beat"),
        said.format("c:6:18: door says wrong: no", "answer (s:7)", "options: {wrong"),
    ]


@pytest.mark.parametrize("of", ["server", "client"])
def test_what_is_true_of_the_pair_alone(of: str) -> None:
    """Either part may say it; it goes before both, and is of no other pair."""
    own = "pairs: {%s: {constants: {beat: 7s}, options: {late: never}, lacks: [move]}, other: {lacks: [all]}}"
    made = joined(own % "door") if of == "server" else joined(client=own % "hall")

    assert (made.constants["beat"], made.options["late"], made.lacks) == ("7s", "never", ("kick", "ban", "move"))
    assert made.places["constants.beat"].file == of[0]


def test_both_parts_decide_for_the_pair() -> None:
    """They may say the same; what they say otherwise is told, with both places."""
    server, client = "pairs: {door: {constants: {beat: 7s}}}", "pairs: {hall: {constants: {beat: 8s}}}"

    assert joined(server, client.replace("8s", "7s")).constants["beat"] == "7s"
    with pytest.raises(SpecError) as caught:
        joined(server, client)
    assert [str(problem) for problem in caught.value.problems] == [
        "c:8:34: `pairs` of door says beat: 8s, and of hall 7s (s:9): one of them decides"
    ]
