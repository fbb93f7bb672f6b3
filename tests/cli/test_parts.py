"""What a person writes for a target: pairs of parts, usual partners and versions."""

import re
from pathlib import Path

import pytest

from report import samples
from roomcheck.cli.files import part_names
from roomcheck.cli.known import open_known
from roomcheck.cli.targets import open_target, parts_of
from roomcheck.errors import SpecError, UsageError
from roomcheck.model.verdict import Outcome, Verdict
from roomcheck.resources import root
from support.parts import CLIENT, SERVER, write_part


@pytest.fixture(autouse=True)
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server and a client in the folder where commands are typed."""
    monkeypatch.chdir(tmp_path)
    write_part(tmp_path, "hall", SERVER, "pins: {hall: ['1', '2']}")
    write_part(tmp_path, "door", CLIENT, "with: ../hall")
    return tmp_path


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ("hall+door", "hall+door"),
        ("door", "hall+door"),
        ("./hall/+door/target.yaml", "hall+door"),
        ("hall@1+door", "hall@1+door"),
        ("hall@hall=1.0+build+door", "hall@1.0+build+door"),
        ("a+b@c/hall@1+door", "hall@1+door"),
        ("a+b@c/door", "hall+door"),
    ],
)
def test_a_pair_has_one_name_however_it_is_written(written: str, label: str, parts: Path) -> None:
    """The server first; a version belongs to the name before it, and a path may hold any sign."""
    write_part(parts / "a+b@c", "hall", SERVER, "pins: {hall: ['1', '2']}")
    write_part(parts / "a+b@c", "door", CLIENT, "with: ../hall")

    assert open_target(written).label == label


def test_a_part_alone_that_has_no_partner(parts: Path) -> None:
    """What is missing, and which parts fit: by contract, not by name."""
    write_part(parts, "alone", SERVER, "")
    with pytest.raises(UsageError, match="alone is one part only: name its client too, as in alone[+]CLIENT") as caught:
        open_target("alone")
    write_part(parts, "alone", CLIENT, "", spec="mqtt/presence")

    assert "no clients of its contract" in str(caught.value)
    with pytest.raises(UsageError, match="as in SERVER[+]alone, .* there are the servers .*mosquitto"):
        open_target("alone")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("door+hall", "door is the client part: write hall+door"),
        ("door+hall@1", "door is the client part: write hall@1+door"),
        ("hall+hall", "hall and hall are two servers, and a target needs a client too"),
        ("door+door", "door and door are two clients, and a target needs a server too"),
        ("reference+door", "reference is a whole target, server and client in one folder: name it alone"),
        ("hall+doer", "there is no target 'doer'"),
        ("mosquito+paho", "there is no target 'mosquito' (did you mean 'mosquitto'?)"),
        ("mosquitto+slixmpp", "mosquitto and slixmpp do not fit: the contract of one is mqtt/presence, of the other "),
        ("mosquitto+slixmpp", "xmpp-muc/occupants, and neither extends the other. There are the clients "),
        ("+", "there is no target ''"),
        ("hall@+door", "hall@ does not say which version of what"),
    ],
)  # fmt: skip
def test_two_that_make_no_target(written: str, said: str) -> None:
    """Each mistake is said by its name, with what would fit."""
    with pytest.raises(UsageError, match=re.escape(said)):
        open_target(written)


def test_parts_that_say_different_things_of_one_constant(parts: Path) -> None:
    """The message says where, and how the pair decides; then it does."""
    write_part(parts, "hall", SERVER, "constants: {notice_limit: 1s}")
    write_part(parts, "door", CLIENT, "constants: {notice_limit: 2s}")
    with pytest.raises(SpecError, match="door/target.yaml:.*door says notice_limit: 2s, and hall 1s"):
        open_target("hall+door")
    write_part(parts, "door", CLIENT, "constants: {notice_limit: 2s}\npairs: {hall: {constants: {notice_limit: 3s}}}")

    assert open_target("hall+door").constants["notice_limit"] == "3s"


def test_the_narrower_contract_is_played() -> None:
    """Where the contract of one part extends that of the other."""
    assert open_target("socketio+python-socketio").spec == "socketio/python"
    assert open_target("socketio+socketio-client").spec == "socketio/connection"


def test_the_parts_of_a_contract() -> None:
    """Those that speak it, or one that extends it; whole targets are no parts."""
    servers, clients = parts_of("socketio/connection")

    assert "socketio" in servers
    assert {"python-socketio", "socketio-client"} <= {*clients}
    assert parts_of("zego-express/room-status") == ([], [])
    assert {*servers, *clients} <= {*part_names()}


ENTRY = """\
- case: {case}
  requirement: ZX-KICK-1
  seen: told
  reason: something
  owner: {owner}
{more}  expires: 9999-12-31
"""


def known(folder: Path, *entries: str) -> Path:
    file = folder / "known_failures.yaml"
    file.write_text("".join(entries), encoding="utf-8")
    return file


def test_what_is_known_is_said_by_the_part_it_belongs_to(parts: Path) -> None:
    """Both files hold for the pair, but what is of another pair does not; what meets no case is no matter."""
    known(parts / "hall", ENTRY.format(case="kick", owner="hall", more=""),
          ENTRY.format(case="other", owner="hall", more="  with: window\n"))  # fmt: skip
    known(parts / "door", ENTRY.format(case="logout", owner="door", more="  with: hall\n"))

    found = open_known(None, open_target("door"), "v/s", whole=True, update=False)

    assert [entry.owner for entry in found.failures.entries] == ["hall", "door"]
    assert not [*found.failures.stale([], whole=True)]
    passed = samples.result("v/s/kick", Outcome.CONFORMS)
    assert [r.case for r in found.failures.stale([passed], whole=True)] == [
        "v/s/known failures/hall/known_failures.yaml:1"
    ]


def test_a_list_speaks_of_the_pinned_versions(parts: Path) -> None:
    """Another version that no longer fails is none of its failures, and writes no list."""
    known(parts / "hall", ENTRY.format(case="kick", owner="hall", more=""))
    other = open_target("hall@1+door")
    passed = samples.result("v/s/kick", Outcome.CONFORMS)

    assert not [*open_known(None, other, "v/s", whole=True, update=False).failures.stale([passed], whole=True)]
    with pytest.raises(UsageError, match="--update-known is of the versions that the target pins"):
        open_known(None, other, "v/s", whole=True, update=True)


def test_a_run_of_a_pair_writes_both_lists(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What holds no more is gone from either; what is of another pair stays; what is new is this pair's."""
    stays = ENTRY.format(case="other", owner="hall", more="  with: window\n")
    hall = known(parts / "hall", ENTRY.format(case="kick", owner="hall", more=""), stays)
    failed = samples.result(
        "v/s/new", Outcome.VIOLATES, verdict=Verdict(Outcome.VIOLATES, (samples.FINDING,), samples.CHECKS)
    )

    open_known(None, open_target("door"), "v/s", whole=True, update=True).settle(
        [samples.result("v/s/kick", Outcome.CONFORMS), failed]
    )

    assert hall.read_text(encoding="utf-8") == stays
    written = (parts / "door" / "known_failures.yaml").read_text(encoding="utf-8")
    assert "- case: new\n" in written
    assert "  with: hall\n" in written
    assert "hall/known_failures.yaml: 1 kept, 0 new, 1 gone" in capsys.readouterr().err


def test_a_part_names_its_partner_from_its_own_folder(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command is typed."""
    monkeypatch.chdir(root())

    assert open_target(str(parts / "door")).label == "hall+door"
