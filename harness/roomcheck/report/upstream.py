"""A finding as a text for the issue tracker of whoever maintains what was tested.

Such a reader knows the implementation and its document, and nothing of this program: no requirement has a name here,
and there are clients and connections where contracts speak of members and links.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from roomcheck.judge.route import order
from roomcheck.model.fault import FaultKind
from roomcheck.model.schedule import Admin, Call, Fault, Heal, Schedule, Step, Wait
from roomcheck.model.time import show_duration
from roomcheck.model.trace import Answered, Called, Faulted, Gap, Healed, Marked, Record, Told, Trace
from roomcheck.model.verdict import CaseResult, Finding, Outcome, RunHeader
from roomcheck.report.explain import speed_text
from roomcheck.report.known import signature
from roomcheck.report.text import clipped

EARLIEST = 40  # records before the finding that are shown
AFTER = 3  # and records after it
FAULTS = {
    FaultKind.CUT: "its TCP connections are closed, and new ones are refused",
    FaultKind.RESET: "its TCP connections are reset (RST), and new ones are refused",
    FaultKind.REFUSE: "new TCP connections are refused",
    FaultKind.STALL: "its TCP connection stays open, but nothing gets through in either direction; what was sent is "
    "delivered when the network is back",
    FaultKind.GHOST: "its TCP connection stays open, but everything that is sent in either direction is lost",
    FaultKind.DEAF_STALL: "what the server sends to it is held back until the network is whole again",
    FaultKind.DEAF_BLACKHOLE: "what the server sends to it is lost",
    FaultKind.MUTE_STALL: "what it sends is held back until the network is whole again",
    FaultKind.MUTE_BLACKHOLE: "what it sends is lost",
    FaultKind.HALF_OPEN_SERVER_TOLD: "its TCP connection is closed towards the server, and stays open towards it",
    FaultKind.HALF_OPEN_CLIENT_TOLD: "its TCP connection is closed towards it, and stays open towards the server",
    FaultKind.LATENCY: "everything on its connection arrives later",
    FaultKind.THROTTLE: "its connection has little bandwidth",
    FaultKind.SLICE: "everything on its connection arrives in small pieces",
    FaultKind.TRUNCATE: "its TCP connection is closed in the middle of a message; a new one works at once",
    FaultKind.SERVER_RESTART: "the server is killed, and started again later",
}
AGAIN = re.compile(r"\bagain in (\d+) of (\d+)\b")  # what a search says of a finding that it confirmed
LEVELS = {"must": "this must hold", "should": "this should hold", "may": "this may be expected"}


@dataclass(frozen=True, slots=True)
class Sighting:
    """A finding that a run saw, in the shortest of the cases that show it; `shown` of the `asked` cases that could."""

    result: CaseResult
    finding: Finding
    others: tuple[CaseResult, ...]  # that show it too
    asked: int
    plays: int  # of the very same steps
    shown: int  # of these


def sighting(results: Sequence[CaseResult], chosen: CaseResult) -> Sighting:
    """What `chosen` found, by the shortest case that found the same. ValueError: it violates nothing."""
    kind = _kind(chosen)
    if kind is None:
        ended = chosen.outcome.value if chosen.outcome else "no verdict"
        raise ValueError(f"{clipped(chosen.case)} proves nothing against the implementation: {ended}")
    alike = sorted((r for r in results if _kind(r) == kind), key=lambda r: (_steps(r), r is not chosen, r.case))
    first = alike[0]
    asked = [r for r in results if _bears(r, kind[0])]
    same = [r for r in results if r.schedule is not None and r.schedule == first.schedule and r.outcome is not None]
    return Sighting(
        result=first,
        finding=_first(first),
        others=tuple(alike[1:]),
        asked=len(asked),
        plays=len(same) or 1,
        shown=sum(_kind(r) == kind for r in same) or 1,
    )


def upstream_text(
    header: RunHeader, seen: Sighting, trace: Trace | None, *, repeat: str, schedule: str = "",
    settings: Mapping[str, int] | None = None,
) -> str:  # fmt: skip
    """The whole text as Markdown. `schedule`: the file that `repeat` plays, where it is needed."""
    result, finding = seen.result, seen.finding
    parts = [
        f"# {_line(_title(result, finding))}",
        "\n".join(_versions(header, result, settings or {})),
        "## What the document says\n\n" + "\n".join(_document(header, finding.requirement or "")),
        "## Steps\n\n" + "\n".join(_clients(result.schedule)) + "\n\n" + "\n".join(_steps_text(result.schedule)),
        "## What happens\n\n" + "\n".join(_happened(result, finding, trace)),
        "## How often\n\n" + "\n".join(_often(seen)),
        "## How to repeat it\n\n" + "\n".join(_repeat(repeat, schedule)),
    ]
    return "\n\n".join(parts) + "\n"


def _first(result: CaseResult) -> Finding:
    assert result.verdict is not None
    return result.verdict.findings[0]


def _kind(result: CaseResult) -> tuple[str, str] | None:
    """What findings that are the same have in common."""
    if result.outcome is not Outcome.VIOLATES or result.verdict is None or not result.verdict.findings:
        return None
    finding = result.verdict.findings[0]
    return finding.requirement or "", signature(finding)


def _bears(result: CaseResult, requirement: str) -> bool:
    """Whether a case came to a verdict on this requirement."""
    if result.verdict is None:
        return False
    decided = {
        c.requirement for c in result.verdict.checks if c.outcome in (Outcome.CONFORMS, Outcome.VIOLATES)
    }  # fmt: skip
    return requirement in decided or any((f.requirement or "") == requirement for f in result.verdict.findings[:1])


def _steps(result: CaseResult) -> int:
    return len(result.schedule.steps) if result.schedule else 1 << 30


# --- the parts -----------------------------------------------------------------------------------------------------


def _title(result: CaseResult, finding: Finding) -> str:
    """What was seen, and where: the title of a case that chance made says nothing."""
    return f"{result.title}: {_seen(finding)}" if result.file else _seen(finding)


def _seen(finding: Finding) -> str:
    """What was seen, without what was expected in its place."""
    return _plain(finding.seen.removeprefix(f"expected {finding.expected}, "))


def _versions(header: RunHeader, result: CaseResult, settings: Mapping[str, int]) -> Iterator[str]:
    yield f"**Versions:** {_line(header.room or header.target)}."
    proxy = "" if header.toxiproxy.startswith("none") else f" (Toxiproxy {_line(header.toxiproxy)})"
    yield (
        f"Seen on {_line(header.started[:10])} by a program that runs several clients, each through a TCP proxy"
        f"{proxy}, breaks their connections, and writes down every callback "
        f"(roomcheck {_line(header.roomcheck)})."
    )
    scale = result.scale or header.scale
    if scale != 1:
        yield f"All timers of client and server were set short: everything ran {speed_text(scale)}."
    if settings:
        named = (f"{name.replace('_', ' ')} {show_duration(value)}" for name, value in settings.items())
        yield f"Times that this test used: {_line(', '.join(named), 2000)}."


def _document(header: RunHeader, requirement: str) -> Iterator[str]:
    says, cite = header.sentences.get(requirement, ""), header.cites.get(requirement, "")
    if not says:
        yield "Nothing in it allows what follows."
        return
    level = LEVELS.get(header.levels.get(requirement, ""), "this holds")
    yield f"In our words, {level}:"
    yield ""
    yield f"> {_line(says)}"
    yield ""
    document = _line(header.document)
    if header.document and re.fullmatch(r"https?://[!-~]+", header.url):
        document = f"[{document}](<{header.url.replace('>', '%3E').replace('<', '%3C')}>)"
    source = ": ".join(filter(None, (document, _line(cite))))
    if requirement in header.inferred:
        yield f"No sentence says so; it is inferred from {source}."
    elif source:
        yield f"Source: {source}."


def _clients(schedule: Schedule | None) -> Iterator[str]:
    """Who is who."""
    users: dict[str, list[str]] = {}
    for member in schedule.members if schedule else ():
        users.setdefault(member.user, []).append(_code(member.name))
    alone = [names[0] for names in users.values() if len(names) == 1]
    said = [
        f"{_listed(alone)} {'is a client' if len(alone) == 1 else 'are clients, each of a user of its own'}"
    ] * bool(alone)
    said += [f"{_listed(names)} are clients of one and the same user" for names in users.values() if len(names) > 1]
    if said:
        yield f"{'; '.join(said)}. Each reaches the server through a proxy of its own."


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _steps_text(schedule: Schedule | None) -> Iterator[str]:
    moments: dict[str, int] = {}
    for number, step in enumerate(schedule.steps if schedule else (), 1):
        if step.label:
            moments[step.label] = number
        yield f"{number}. {_when(step, moments, number)}{_act(step)}"
    if schedule is not None:
        yield f"{len(schedule.steps) + 1}. nothing more is done for {show_duration(schedule.watch)}"


def _when(step: Step, moments: Mapping[str, int], number: int) -> str:
    since = moments.get(step.when.label or "")
    if since is not None and step.when.offset:
        side = "before" if step.when.offset < 0 else "after"
        return f"{show_duration(abs(step.when.offset))} {side} step {since}: "
    if since is not None:
        return f"at the same moment as step {since}: "
    if step.when.offset:
        return f"{show_duration(step.when.offset)} later: "
    return "" if number == 1 else "then: "


def _act(step: Step) -> str:
    match step.act:
        case Call(member, operation, args):
            return f"{_code(member)} calls {_code(_called(operation, args))}"
        case Admin(operation, args):
            return f"the backend calls {_code(_called(operation, args))}"
        case Fault(None, kind, _, _):
            return FAULTS[kind]
        case Fault(member, kind, settings, _):
            given = f" ({_pairs(settings)})" if settings else ""
            return f"the network of {_code(member)} fails: {FAULTS[kind]}{given}"
        case Heal(None):
            return "the server is up again"
        case Heal(member):
            return f"the network of {_code(member)} is whole again"
        case Wait():
            return "nothing is done"


def _happened(result: CaseResult, finding: Finding, trace: Trace | None) -> Iterator[str]:
    where = finding.view.partition(" in ")[0].partition(" about ")
    whose = f" at {_code(where[0])}" if where[0] else ""
    whose += f", about {_code(where[2])}" if where[2] else ""
    yield f"Expected{whose}: {_line(_plain(finding.expected))}."
    yield f"Instead: **{_line(_seen(replace(finding, seen=finding.seen.removeprefix(f'{finding.expected}: '))))}**."
    yield ""
    if trace is None:
        yield f"The first thing that is wrong comes {show_duration(finding.at)} after the first step."
        return
    yield from _table(finding, trace)
    if result.lateness:
        yield ""
        yield f"The machine was at most {show_duration(result.lateness)} late in writing down what it received."


def _table(finding: Finding, trace: Trace) -> Iterator[str]:
    """The records around the finding, with times since what it was due to."""
    records = sorted(trace.records, key=order)
    start = order(records[0]) if records else 0
    due = finding.window.opens if finding.window else finding.at
    acts = [r for r in records if isinstance(r, Called | Faulted | Healed)]
    cause = max((r for r in acts if order(r) - start <= due), key=order, default=None)
    zero = order(cause) if cause else start
    wrong = start + finding.at
    shown = [r for r in records if not isinstance(r, Marked) and not (isinstance(r, Answered) and r.status == "ok")]
    before = [r for r in shown if order(r) <= wrong]
    after = [r for r in shown if order(r) > wrong]
    names = {real: alias for alias, real in (*trace.users.items(), *trace.rooms.items())}
    if len(before) > EARLIEST:
        yield f"({len(before) - EARLIEST} earlier lines are left out.)"
        yield ""
    yield "| time | client | |"
    yield "|---:|---|---|"
    for record in before[-EARLIEST:]:
        mark = " (the cause)" if record is cause else ""
        yield f"| {_since(order(record) - zero)} | {_whose(record)} | {_what(record, names)}{mark} |"
    absent = finding.window is not None or re.search(r"\b(never|did not) come|never came", finding.seen)
    yield f"| {_since(wrong - zero) if absent else ''} | | **{_cell(_seen(finding))}** |"
    for record in after[:AFTER]:
        yield f"| {_since(order(record) - zero)} | {_whose(record)} | {_what(record, names)} |"


def _since(micros: int) -> str:
    return "0" if micros == 0 else f"{'+' if micros > 0 else '-'}{abs(micros) / 1e6:.3f} s"


def _whose(record: Record) -> str:
    match record:
        case Called(_, None) | Answered(_, None):
            return "backend"
        case Faulted(None) | Healed(None):
            return "server"
        case Marked():
            return ""
        case _:
            return _code(str(record.member))


def _what(record: Record, names: Mapping[str, str]) -> str:
    match record:
        case Called(_, _, operation, args):
            return f"calls {_code(_called(operation, args))}"
        case Answered(_, _, status, fields):
            return f"its call returns: {_cell(status)} {_fields(fields, names)}".rstrip()
        case Told(_, _, callback, fields):
            return f"callback {_code(callback)}: {_fields(fields, names)}"
        case Faulted(member, kind):
            return _cell(f"its network fails: {FAULTS[kind]}" if member else FAULTS[kind])
        case Healed(member):
            return "its network is whole again" if member else "the server is up again"
        case Gap():
            return "nothing could be observed here"
        case Marked():
            return ""


def _often(seen: Sighting) -> Iterator[str]:
    times = "time" if seen.plays == 1 else "times"
    yield f"These steps were played {seen.plays} {times}; {seen.shown} of {seen.plays} showed it."
    again = AGAIN.search(seen.result.message)
    if again:
        yield f"Played again at once, {again[1]} of {again[2]} showed it."
    if seen.asked > 1:
        yield (
            f"In the same run {seen.asked} sequences of steps touched the same sentence, and "
            f"{len(seen.others) + 1} of them showed this."
        )
    if seen.others:
        titles = dict.fromkeys(
            f"{_line(r.title)} ({_code(r.fault)})" if r.fault else _line(r.title) for r in seen.others
        )
        yield ""
        yield "Also seen where:"
        yield ""
        yield from (f"- {title}" for title in titles)


def _repeat(repeat: str, schedule: str) -> Iterator[str]:
    yield "With roomcheck (Python 3.11 or newer) on a Linux machine:"
    yield ""
    yield from _fenced(repeat, "sh")
    if schedule:
        yield ""
        yield "where `steps.yaml` is:"
        yield ""
        yield from _fenced(schedule, "yaml")


# --- Markdown that no text of others can leave ----------------------------------------------------------------------


def _called(operation: str, args: Mapping[str, Any]) -> str:
    return f"{operation}({_pairs(args)})"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


def _fields(fields: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """What a callback told, users and rooms by the names that they have here."""
    return ", ".join(f"{_cell(name)} {_code(_named(value, names))}" for name, value in fields.items())


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """Users and rooms by the names that they have here, wherever they stand in it."""
    match value:
        case str():
            return names.get(value, value)
        case list():
            return [_named(one, names) for one in value]
        case dict():
            return {key: _named(one, names) for key, one in value.items()}
        case _:
            return value


def _plain(text: str) -> str:
    """The judge's words as a reader without its glossary takes them."""
    for ours, theirs in (
        (r"\btold\b", "received"), (r"\bthe loss of (\w+)'s link\b", r"the loss of \1's network"),
        (r"\bthe link of\b", "the network of"), (r"'s link\b", "'s network"), (r"\bnever came\b", "was never received"),
        (r"\bdid not come\b", "was not received"), (r"\bcame\b", "was received"), (r"\bupon\b", "after"),
    ):  # fmt: skip
        text = re.sub(ours, theirs, text)
    return text


def _line(text: object, longest: int = 400) -> str:
    """One line of text in which nothing is mark-up: of Markdown, of HTML, a mention of a person or of an issue."""
    escaped = re.sub(r"([\\`*_\[\]<>|#~&@])", r"\\\1", clipped(text, longest))
    return escaped.replace("\\@", "@\u200b").replace("\\#", "#\u200b")


def _cell(text: object) -> str:
    return _line(text)


def _code(text: object) -> str:
    """As code, whatever backticks are in it; a bar would end a table's cell."""
    line = clipped(text, 200).replace("|", "\\|")
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else "(nothing)"


def _fenced(text: str, language: str) -> Iterator[str]:
    lines = [clipped(line, 2000) for line in text.splitlines()]
    fence = "`" * max(3, max((len(run) for line in lines for run in re.findall("`+", line)), default=0) + 1)
    yield f"{fence}{language}"
    yield from lines
    yield fence
