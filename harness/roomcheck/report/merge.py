"""Several runs as one: the shards of a run, or runs of some cases each."""

from collections.abc import Sequence
from dataclasses import replace

from roomcheck.model.verdict import CaseResult, Outcome, RunFooter, RunHeader
from roomcheck.report.exitcode import ADAPTER, AS_EXPECTED, HARNESS, INCONCLUSIVE, NOTHING, VIOLATION, exit_code

INTERRUPTED = 130
PRECEDENCE = (VIOLATION, INTERRUPTED, ADAPTER, HARNESS, NOTHING, INCONCLUSIVE, AS_EXPECTED)
WORST_FIRST = (Outcome.VIOLATES, None, Outcome.INCONCLUSIVE, Outcome.CONFORMS, Outcome.NOT_APPLICABLE)
SAME = ("spec", "revision", "target")

Part = tuple[RunHeader, list[CaseResult], RunFooter | None]


def merged(parts: Sequence[Part]) -> Part:
    """One run made of these. A case that is in several counts by its worst result.

    Without a footer, as a run that was cut short, if one of them has none. ValueError: they are not runs of one thing.
    """
    headers = [header for header, _, _ in parts]
    first = headers[0]
    for name in SAME:
        values = dict.fromkeys(str(getattr(header, name)) for header in headers)
        if len(values) > 1:
            raise ValueError(f"they differ in their {name}: {', '.join(values)}")
    if len(parts) == 1:
        return parts[0]
    results: dict[str, CaseResult] = {}
    for _, some, _ in parts:
        for result in some:
            known = results.get(result.case)
            if known is None or _rank(result) < _rank(known):
                results[result.case] = result
    header = replace(
        first,
        room=next((header.room for header in headers if header.room), ""),
        started=min(header.started for header in headers),
        cases=sum(header.cases for header in headers),
    )
    return header, list(results.values()), _footer(parts, list(results.values()))


def missing_shards(headers: Sequence[RunHeader]) -> list[str]:
    """The parts of a run, such as 2/4, of which there is nothing here, where others of the same number are."""
    there = {header.shard for header in headers if header.shard}
    numbers = sorted({int(shard.split("/")[1]) for shard in there})
    return [part for n in numbers for k in range(n) if (part := f"{k + 1}/{n}") not in there]


def _rank(result: CaseResult) -> int:
    return WORST_FIRST.index(result.outcome)


def _footer(parts: Sequence[Part], results: Sequence[CaseResult]) -> RunFooter | None:
    footers = [footer for _, _, footer in parts if footer is not None]
    if len(footers) < len(parts):
        return None
    # What a run says beyond its results counts; that a shard had nothing to check does not.
    beyond = {
        footer.exit_code
        for _, some, footer in parts
        if footer is not None and footer.exit_code != exit_code(some)
    }  # fmt: skip
    codes = beyond | {exit_code(results)}
    return RunFooter(
        exit_code=next(code for code in PRECEDENCE if code in codes),
        seconds=max(footer.seconds for footer in footers),
        lateness_p99=max(footer.lateness_p99 for footer in footers),
        lateness_max=max(footer.lateness_max for footer in footers),
        complete=all(footer.complete for footer in footers),
        died=tuple(line for footer in footers for line in footer.died),
    )
