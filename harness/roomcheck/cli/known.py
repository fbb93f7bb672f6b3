"""The file of known failures: found beside the target, read, and written anew when asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from roomcheck.cli.files import find_target, read_text
from roomcheck.errors import UsageError
from roomcheck.model.verdict import CaseResult
from roomcheck.report.known import KnownFailures
from roomcheck.spec.known import load_known, rewrite_known, write_known

NAME = "known_failures.yaml"
ACCEPTED = timedelta(days=90)  # how long a new entry is accepted: about a release


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that may not exist yet, and what stands in it."""

    path: Path
    text: str
    failures: KnownFailures
    whole: bool  # no case of the spec is left out
    update: bool

    def settle(self, results: Sequence[CaseResult]) -> list[CaseResult]:
        """After the last case: a result for each entry that does not hold, or none and the file is up to date."""
        if not self.update:
            return list(self.failures.stale(results, whole=self.whole))
        kept = self.failures.kept(results)
        expires = (datetime.now(UTC) + ACCEPTED).date().isoformat()
        new = self.failures.new(results, kept, expires)
        entries = self.failures.entries
        text = rewrite_known(self.text, entries, kept, new) if self.text else write_known(new)
        try:
            self.path.write_text(text, encoding="utf-8")
        except OSError as e:
            raise UsageError(f"cannot write {self.path}: {e}") from e
        click.echo(f"{self.path}: {len(kept)} kept, {len(new)} new, {len(entries) - len(kept)} gone", err=True)
        return []


def open_known(named: Path | None, target: str, spec: str, *, whole: bool, update: bool) -> KnownFile:
    """The file that was named, or the one beside the target. SpecError lists every mistake in it."""
    if update and not whole:
        raise UsageError("--update-known needs the whole run: leave out -k, --level and --shard")
    path = named or find_target(target).parent / NAME
    if named is not None and not update and not path.is_file():
        raise UsageError(f"there is no file {path}; --update-known makes one")
    text = read_text(path) if path.is_file() else ""
    entries = load_known(text, str(path)) if text else ()
    today = datetime.now(UTC).date().isoformat()
    return KnownFile(path, text, KnownFailures(spec, entries, today), whole, update)
