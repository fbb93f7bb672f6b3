"""What a target needs is fetched once, by the commands that it names; what is missing is said in one line."""

import threading
from pathlib import Path

import pytest

from roomcheck.errors import TargetError
from roomcheck.run.install import provide
from roomcheck.spec.target import Install, Target

APPEND = ("sh", "-c", 'echo "$1" >> "$2/ran"; pwd >> "$2/where"', "sh")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROOMCHECK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def target(folder: Path, *steps: tuple[str, ...], needs: dict[str, str] | None = None) -> Target:
    return Target(
        name="small", title="Small", spec="s", ready_within=0, endpoints={}, folder=str(folder),
        adapter_command=("{install}/bin/adapter", "{dir}/more"), server_command=("{python}", "{dir}/server.py", "{work}"),
        install=Install(needs or {}, steps), versions={"small": ("sh", "-c", "echo 1.2; echo more")},
    )  # fmt: skip


def test_steps_run_once_and_in_order(tmp_path: Path) -> None:
    """In a folder of the cache that the commands of the target then find as {install}."""
    wanted = target(tmp_path, (*APPEND, "one", "{dir}"), (*APPEND, "two", "{dir}"))
    said: list[str] = []

    first, again = provide(wanted, said.append), provide(wanted, said.append)

    assert (tmp_path / "ran").read_text().split() == ["one", "two"]
    folder = (tmp_path / "where").read_text().split()[0]
    assert first == again
    assert first.adapter_command == (f"{folder}/bin/adapter", f"{tmp_path}/more")
    assert first.server_command is not None
    assert first.server_command[1:] == (f"{tmp_path}/server.py", "{work}")
    assert len(said) == 1


def test_without_steps_only_the_folder_is_filled_in(tmp_path: Path) -> None:
    """Nothing is written to the cache."""
    plain = Target("far", "Far", "s", ("{dir}/adapter",), None, 0, {}, folder=str(tmp_path))

    assert provide(plain).adapter_command == (f"{tmp_path}/adapter",)
    assert not (tmp_path / "cache").exists()


def test_two_runs_install_once(tmp_path: Path) -> None:
    """The second waits for the first."""
    wanted = target(tmp_path, (*APPEND, "one", "{dir}"), ("sleep", "0.2"))
    threads = [threading.Thread(target=provide, args=(wanted,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (tmp_path / "ran").read_text().split() == ["one"]


def test_what_a_step_depends_on_makes_another_folder(tmp_path: Path) -> None:
    """Its words, and the files of the target that it names."""
    script = tmp_path / "fetch"
    folders = set()
    for text, word in (("touch a", "x"), ("touch b", "x"), ("touch b", "y")):
        script.write_text(text)
        folders.add(provide(target(tmp_path, ("sh", "{dir}/fetch", word))).adapter_command[0])

    assert len(folders) == 3


def test_a_folder_that_a_step_names_is_what_lies_in_it(tmp_path: Path) -> None:
    """A file below it that is edited makes another folder; the kit of Go adapters is such a folder."""
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "main.go").write_text("one")
    wanted = target(tmp_path, ("cp", "-r", "{dir}/broker", "{go-kit}", "."))

    first = Path(provide(wanted).adapter_command[0]).parents[1]
    (tmp_path / "broker" / "main.go").write_text("two")
    second = Path(provide(wanted).adapter_command[0]).parents[1]

    assert (first / "broker" / "main.go").read_text() == "one"
    assert (second / "broker" / "main.go").read_text() == "two"
    assert (second / "go" / "kit.go").is_file()


def test_a_missing_program_is_named_with_where_one_gets_it(tmp_path: Path) -> None:
    """Before any step runs; in one line; exit 4."""
    wanted = target(
        tmp_path, (*APPEND, "one", "{dir}"), needs={"sh": "a shell", "no-such-client": "comes with Nothing 2"}
    )

    with pytest.raises(TargetError) as caught:
        provide(wanted)

    assert str(caught.value) == "target small needs no-such-client, which is not on this machine: comes with Nothing 2"
    assert caught.value.exit_code == 4
    assert not (tmp_path / "ran").exists()


def test_a_step_that_fails_says_so_in_one_line_and_is_tried_again(tmp_path: Path) -> None:
    """With its last words; what it left is swept before the next try."""
    fails = ("sh", "-c", 'test ! -e left; touch left; echo "no route to the registry"; test -e "$0/network"', "{dir}")

    with pytest.raises(TargetError) as caught:
        provide(target(tmp_path, fails))
    (tmp_path / "network").touch()

    assert "target small cannot be installed: `sh -c" in str(caught.value)
    assert str(caught.value).endswith("ended with status 1: no route to the registry")
    assert provide(target(tmp_path, fails)).adapter_command[0].endswith("/bin/adapter")


def test_each_part_tells_its_version(tmp_path: Path) -> None:
    """The first line of what it prints; one that cannot is an error of the target."""
    wanted = target(tmp_path, ("true",))

    assert provide(wanted).parts == {"small": "1.2"}

    broken = Target("far", "Far", "s", (), None, 0, {}, versions={"lobby": ("sh", "-c", "exit 3")})
    with pytest.raises(TargetError, match="target far: cannot ask for the version of lobby: `sh -c exit 3"):
        provide(broken)
