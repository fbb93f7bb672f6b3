"""Where data and caches lie, on a user's machine as in the checkout."""

from pathlib import Path

import pytest

from roomcheck import resources
from roomcheck.resources import cache_dir, root


def test_the_root_holds_specs_and_targets() -> None:
    """Whether installed from a wheel or from the checkout."""
    assert (root() / "specs").is_dir()
    assert (root() / "fixtures" / "targets").is_dir()


def test_a_wheel_carries_its_data_beside_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`_data` is preferred where it exists."""
    (tmp_path / "_data").mkdir()
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    assert root() == tmp_path / "_data"


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROOMCHECK_CACHE comes before XDG_CACHE_HOME, and that before the home; what is missing is made."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("ROOMCHECK_CACHE", str(tmp_path / "own" / "deep"))
    assert cache_dir() == tmp_path / "own" / "deep"
    monkeypatch.delenv("ROOMCHECK_CACHE")
    assert cache_dir() == tmp_path / "xdg" / "roomcheck"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == tmp_path / "home" / ".cache" / "roomcheck"
    assert cache_dir().is_dir()


def test_a_cache_that_cannot_be_written_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a temporary folder, the same one for the whole process."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("ROOMCHECK_CACHE", str(tmp_path / "file" / "cache"))
    resources._temporary.cache_clear()

    found = cache_dir()

    assert found.is_dir()
    assert found.parent == tmp_path
    assert cache_dir() == found
    resources._temporary.cache_clear()
