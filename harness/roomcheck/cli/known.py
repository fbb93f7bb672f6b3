"""The file of known failures: found beside the target, read, and written anew when asked.

A pair of parts has two: each part's own. An entry that says `with` is of that pair only.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from roomcheck.cli.files import read_text
from roomcheck.errors import UsageError
from roomcheck.model.verdict import CaseResult
from roomcheck.report.known import KnownFailures
from roomcheck.spec.known import Known, load_known, rewrite_known, write_known
from roomcheck.spec.target import Target

NAME = "known_failures.yaml"
ACCEPTED = timedelta(days=90)  # how long a new entry is accepted: about a release


@dataclass(frozen=True, slots=True)
class OneFile:
    """A file that may not exist yet, and what stands in it. `other`: the part that this part is played with."""

    path: Path
    text: str
    entries: tuple[Known, ...]
    other: str = ""

    @property
    def applying(self) -> tuple[Known, ...]:
        """The entries without those that are of another pair."""
        return tuple(entry for entry in self.entries if entry.with_ in ("", self.other))

    def rewrite(self, holding: Sequence[Known], new: Sequence[Known]) -> None:
        """Leave those that hold, and those of other pairs, and add new ones."""
        keep = [e for e in self.entries if e in holding or e not in self.applying]
        text = rewrite_known(self.text, self.entries, keep, new) if self.text else write_known(new)
        try:
            self.path.write_text(text, encoding="utf-8")
        except OSError as e:
            raise UsageError(f"cannot write {self.path}: {e}") from e
        gone = len(self.entries) - len(keep)
        click.echo(f"{self.path}: {len(keep)} kept, {len(new)} new, {gone} gone", err=True)


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What is known of a target, in one file or, of a pair, in two; what is new goes into the last one."""

    files: tuple[OneFile, ...]
    failures: KnownFailures
    whole: bool  # no case of the spec is left out
    update: bool

    @property
    def path(self) -> Path:
        return self.files[-1].path

    def settle(self, results: Sequence[CaseResult]) -> list[CaseResult]:
        """After the last case: a result for each entry that does not hold, or none and the files are up to date."""
        if not self.update:
            return list(self.failures.stale(results, whole=self.whole))
        kept = self.failures.kept(results)
        expires = (datetime.now(UTC) + ACCEPTED).date().isoformat()
        new = [replace(e, with_=self.files[-1].other) for e in self.failures.new(results, kept, expires)]
        for file in self.files:
            added = new if file is self.files[-1] else []
            if file.text or added or file is self.files[-1]:
                file.rewrite(kept, added)
        return []


def open_known(
    named: Path | None, target: Target, spec: str, *, whole: bool, update: bool, requirements: Collection[str] = ()
) -> KnownFile:  # fmt: skip
    """The file that was named, or those beside the target's parts. SpecError lists every mistake in one."""
    if update and not whole:
        raise UsageError("--update-known needs the whole run: leave out -k, --level and --shard")
    other_versions = any(part.chosen for part in target.halves or (target,))
    if update and other_versions:
        raise UsageError("--update-known is of the versions that the target pins: leave out what stands behind the @")
    if named is not None and not update and not named.is_file():
        raise UsageError(f"there is no file {named}; --update-known makes one")
    if named is not None:
        places = [(named, "")]
    elif target.halves:
        names = [part.name for part in reversed(target.halves)]
        places = [(Path(part.folder, NAME), n) for part, n in zip(target.halves, names, strict=True)]
    else:
        places = [(Path(target.folder, NAME), "")]
    files = []
    for path, other in places:
        text = read_text(path) if path.is_file() else ""
        files.append(OneFile(_shown(path), text, load_known(text, str(_shown(path))) if text else (), other))
    today = datetime.now(UTC).date().isoformat()
    entries = tuple(entry for file in files for entry in file.applying)
    failures = KnownFailures(
        spec, entries, today, pinned=not other_versions, paired=len(files) > 1, requirements=requirements
    )  # fmt: skip
    return KnownFile(tuple(files), failures, whole, update)


def _shown(path: Path) -> Path:
    """The path as the person would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
