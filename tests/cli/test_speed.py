"""--scale: auto, or a number; and which targets can be played at several speeds."""

from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from roomcheck.cli.files import find_target, read_target
from roomcheck.cli.playing import Bound, Choice
from roomcheck.cli.speed import restarts_anywhere, scale_option
from roomcheck.report.traces import TraceFolder


@click.command()
@scale_option()
def said(scale: float | None) -> None:
    click.echo(repr(scale))


@pytest.mark.parametrize(("words", "scale"), [([], "None"), (["--scale", "auto"], "None"), (["--scale", "40"], "40.0")])
def test_auto_is_no_number(words: list[str], scale: str) -> None:
    assert CliRunner().invoke(said, words).output == f"{scale}\n"


@pytest.mark.parametrize("wrong", ["0.5", "fast", ""])
def test_anything_else_is_a_usage_error(wrong: str) -> None:
    assert CliRunner().invoke(said, ["--scale", wrong]).exit_code == 2


def test_which_targets_can_be_started_twice() -> None:
    """Not one whose port is fixed, whose server is somebody else's or whose adapter a person starts."""
    target = read_target(find_target("reference"))
    assert restarts_anywhere(target)
    assert not restarts_anywhere(replace(target, endpoints={"room": "127.0.0.1:{room}", "media": "127.0.0.1:4000"}))
    assert not restarts_anywhere(replace(target, server_command=None))
    assert not restarts_anywhere(replace(target, adapter_command=(), dial=True))


@pytest.mark.parametrize(
    ("choice", "paced"),
    [
        (Choice(), True), (Choice(scale=100), False), (Choice(real_time=True), False),
        (Choice(target="prosody"), False),  # its time cannot be scaled
    ],
)  # fmt: skip
def test_a_speed_that_somebody_fixed_stays(choice: Choice, *, paced: bool) -> None:
    assert Bound.of(choice).paced is paced


def test_a_plan_has_the_contract_at_every_speed(tmp_path: Path) -> None:
    """With the same constants."""
    bound = Bound.of(Choice(), constants={"retry_timeout": "10min"}, fastest=25)
    plan = bound.plan(lambda _text: None, TraceFolder(tmp_path), jobs=1)
    assert plan.contract.scale == 25
    assert plan.slower is not None
    assert plan.slower(25) is plan.contract
    assert plan.slower(5).constants["retry_timeout"] == 5 * plan.contract.constants["retry_timeout"] == 120_000_000
