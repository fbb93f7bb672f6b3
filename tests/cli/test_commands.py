"""The commands that play nothing: what they print, and the exit code of each mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from roomcheck.cli import COMMANDS, command, main
from roomcheck.cli.files import spec_names, target_names
from roomcheck.resources import root
from support.processes import PATIENCE

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "tests" / "specs"
SPEC = "zego-express/room-status"

HEAVY = {"hypothesis", "jinja2", "junit_xml", "lark", "pydantic", "requests", "rich", "toxiproxy", "websockets", "yaml"}
LOADED = """
import json, sys
from roomcheck.cli import main
try:
    main(sys.argv[1:])
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def loaded(folder: Path, *words: str) -> set[str]:
    """The packages that a process has imported after `roomcheck WORDS`."""
    command = [sys.executable, "-c", LOADED, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True, cwd=folder)
    return set(json.loads(done.stderr.splitlines()[-1]))


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """`roomcheck WORDS` in this process: exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """-h and --help print what the command does and each option with its help."""
    short, long = (CliRunner().invoke(command, [name, word]) for word in ("-h", "--help"))

    assert (short.exit_code, long.exit_code) == (0, 0)
    assert short.output == long.output
    assert f"Usage: roomcheck {name}" in long.output.replace("Usage: command", "Usage: roomcheck")
    found = command.get_command(click.Context(command), name)
    assert found is not None
    assert found.name == name
    assert found.help
    assert "\\" not in long.output  # click's mark of an example, unread
    for parameter in found.params:
        if parameter.param_type_name == "option":
            assert parameter.opts[-1] in long.output


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_what_plays_nothing_imports_nothing_of_what_plays(word: str, tmp_path: Path) -> None:
    """A person who asks for help does not wait for libraries."""
    assert not loaded(tmp_path, word) & HEAVY


def test_only_who_draws_schedules_imports_hypothesis(tmp_path: Path) -> None:
    """It takes a third of a second, which every run would wait, and every proof that draws nothing."""
    assert "hypothesis" in loaded(tmp_path, "fuzz", "--help")
    for words in (("lint", str(SPECS / "two-state.yaml")), ("run", "--simulate", "-k", "login-alone", "-q")):
        assert {"hypothesis", "pydantic"} & loaded(tmp_path, *words) == {"pydantic"}


def test_one_worker_imports_nothing_of_what_spreads(tmp_path: Path) -> None:
    """It is this process; Dask takes a second to import, and need not be installed."""
    words = ("fuzz", "--simulate", "--schedules", "1", "--unpicked", "-q", "--workers", "1")
    assert not loaded(tmp_path, *words) & {"dask", "distributed"}


@pytest.mark.parametrize("words", [["--workers", "0"], ["--workers", "many"]])
def test_workers_that_cannot_be_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A number from 1 or `auto`; exit 4."""
    code, _, err = call(capsys, "fuzz", *words)

    assert code == 4
    assert "--workers" in err


def test_workers_without_dask_say_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Exit 4, in one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "roomcheck.cluster.workers", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    code, _, err = call(capsys, "fuzz", "--simulate", "--workers", "2")

    assert code == 4
    assert err.count("\n") == 1
    assert "pip install 'roomcheck[cluster]'" in err


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command is listed; it is a usage error all the same, since nothing was checked."""
    code, out, _ = call(capsys)

    assert code == 4
    assert all(f"\n  {name} " in out for name in COMMANDS)


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4."""
    code, _, err = call(capsys, "rum")

    assert code == 4
    assert "'rum'" in err


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """--version."""
    code, out, _ = call(capsys, "--version")

    assert code == 0
    assert out.startswith("roomcheck, version ")


def test_list_has_every_case_its_length_and_its_requirements(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, in documented time, and how many there are."""
    code, out, _ = call(capsys, "list")

    *cases, total = out.splitlines()
    assert code == 0
    assert total == f"{len(cases)} cases"
    assert len(cases) > 100
    assert all(" s " in line and "ZX-" in line for line in cases)


def test_list_chooses_as_run_does(capsys: pytest.CaptureFixture[str]) -> None:
    """A part of the id, or a pattern that fits all of it."""
    _, part, _ = call(capsys, "list", "-k", "never-back")
    _, whole, _ = call(capsys, "list", "-k", "never-back/?????", "-k", "login-alone")

    assert [line.split()[0] for line in part.splitlines()[:-1]] == [
        f"never-back/{kind}" for kind in ("cut", "reset", "stall", "ghost")
    ]
    assert {line.split()[0] for line in whole.splitlines()[:-1]} == {
        "login-alone", "never-back/reset", "never-back/stall", "never-back/ghost",
    }  # fmt: skip


def test_list_shows_requirements_and_how_many_cases_verify_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Level, basis, number, sentence; none is verified by no case."""
    code, out, _ = call(capsys, "list", "--requirements")

    lines = out.splitlines()
    assert code == 0
    assert all(line.startswith("ZX-") for line in lines)
    assert not [line for line in lines if "   0 cases" in line]
    kick = next(line for line in lines if line.startswith("ZX-KICK-1"))
    assert kick.split()[1:3] == ["must", "documented"]


@pytest.mark.parametrize("spec", spec_names())
def test_every_shipped_spec_can_be_drawn(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`diagram` draws."""
    code, out, _ = call(capsys, "diagram", spec)
    assert code == 0
    assert out.startswith("stateDiagram-v2\n")


def test_a_shipped_spec_has_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """`lint` finds none, and a lawful room that passes each scenario; ci/lint asks it of every spec."""
    code, out, _ = call(capsys, "lint", "xmpp-muc/occupants")
    *notes, looked_at, last = out.splitlines()
    assert (code, notes, last) == (0, [], "1 specs without mistakes")
    assert "lawful model rooms; not looked at: " in looked_at


def test_lint_without_a_name_checks_all_that_ship(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says how many; what it looks at in each is claimed above."""
    monkeypatch.setattr(sys.modules["roomcheck.cli.lint"], "looked_at", lambda spec: [f"looked at {spec.spec}"])

    code, out, _ = call(capsys, "lint")

    assert code == 0
    assert out.splitlines() == [
        *(f"looked at {name}" for name in sorted(spec_names())), f"{len(spec_names())} specs without mistakes",
    ]  # fmt: skip


def test_lint_says_every_problem_of_every_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Two files with a mistake each, both said with their places; exit 4."""
    text = (root() / "specs" / f"{SPEC}.yaml").read_text(encoding="utf-8")
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(text.replace("settles: [LOGINING]", "settles: [LOGINNING]", 1), encoding="utf-8")
    two.write_text(text.replace("retry_timeout: {value: 20min", "retry_timeout: {value: 20mins", 1), encoding="utf-8")

    code, out, _ = call(capsys, "lint", str(one), str(two))

    assert code == 4
    assert "did you mean 'LOGINING'?" in out
    assert {line.split(":")[0] for line in out.splitlines()} == {str(one), str(two)}
    assert all(all(part.isdigit() for part in line.split(":")[1:3]) for line in out.splitlines())


def test_diagram_draws_one_view(capsys: pytest.CaptureFixture[str]) -> None:
    """With its states; an unknown view is a usage error that says which was meant."""
    code, out, _ = call(capsys, "diagram", "--view", "presence")
    assert code == 0
    assert "presence_absent --> presence_present: told LOGINED, told RECONNECTED" in out
    assert "RECONNECTING" not in out.split("-->")[0]

    code, _, err = call(capsys, "diagram", "--view", "presenze")
    assert code == 4
    assert "no view 'presenze'" in err
    assert "did you mean 'presence'?" in err


@pytest.mark.parametrize("words", [["list"], ["diagram"], ["lint"], ["run"], ["judge"]])
def test_an_unknown_spec_lists_those_there_are(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """For every command that takes one; exit 4."""
    code, _, err = call(capsys, *words, "no/such", *([__file__] if words == ["judge"] else []))

    assert code == 4
    assert "there is no spec 'no/such'" in err
    assert SPEC in err


def test_an_unknown_target_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4."""
    code, _, err = call(capsys, "run", "--target", "no-such")

    assert code == 4
    assert all(name in err for name in target_names())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], ""),
        (["not JSON"], ""),
        ([json.dumps({"record": "trace", "version": 99})], "99"),
    ],
    ids=["empty", "not JSON", "version 99"],
)
def test_what_is_no_trace_is_not_judged(
    lines: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4, and the message names the file."""
    path = tmp_path / "trace.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")

    code, _, err = call(capsys, "judge", SPEC, str(path))

    assert code == 4
    assert str(path) in err
    assert said in err


def test_a_judged_trace_can_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """--picture shows its lanes and numbers below the verdict; without it there are none."""
    trace = str(ROOT / "fixtures" / "traces" / "back-after-heartbeat-timeout.stall.jsonl")

    code, out, _ = call(capsys, "judge", SPEC, trace)
    assert (code, out.count("\n")) == (0, 1)
    code, out, _ = call(capsys, "judge", SPEC, trace, "--picture")
    assert code == 0
    assert "|RECONNECTING" in out
    assert "told  LOGINED 0  (T0" in out


def test_a_trace_in_which_nothing_was_asked_for_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "empty.jsonl"
    header = {"record": "trace", "version": 1, "spec": SPEC, "case": "by-hand", "scenario": None}
    header |= {"members": {"A": "A"}, "users": {"A": "a"}, "rooms": {"R": "r"}}
    path.write_text("\n".join(map(json.dumps, (header, {"record": "end", "at": 1}))), encoding="utf-8")
    code, out, err = call(capsys, "judge", SPEC, str(path))
    assert (code, err) == (4, "")
    assert "nothing was checked" in out


def test_a_trace_of_another_spec_is_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 4; both specs are named."""
    path = tmp_path / "trace.jsonl"
    header = {
        "record": "trace", "version": 1, "spec": "vendor/other", "case": "x", "scenario": "x", "members": {"A": "A"},
        "users": {"A": "a"}, "rooms": {"R": "r"}, "constants": {}, "options": {}, "scale": 1.0, "clock": "real",
        "lateness": 0,
    }  # fmt: skip
    path.write_text("\n".join([json.dumps(header), json.dumps({"record": "end", "at": 1})]), encoding="utf-8")

    code, _, err = call(capsys, "judge", SPEC, str(path))

    assert code == 4
    assert "vendor/other" in err
    assert SPEC in err


def test_a_reader_that_is_gone_is_neither_a_crash_nor_a_violation() -> None:
    """`roomcheck list | head`: no traceback, and not exit 1."""
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [sys.executable, "-m", "roomcheck", "list"], stdout=write, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(write)
        _, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 4
    assert err == ""


def test_toxiproxy_says_which_one_a_run_would_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Its version, the program, and where it comes from."""
    code, out, _ = call(capsys, "toxiproxy")

    assert code == 0
    assert out.startswith("Toxiproxy 2.12.0\n")
    assert "from " in out
