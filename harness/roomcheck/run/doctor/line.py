"""One line of what the doctor says."""

from dataclasses import dataclass
from enum import StrEnum

from roomcheck.model.verdict import Blame


class Seen(StrEnum):
    """How a check ended."""

    OK = "ok"
    FINDING = "finding"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Observation:
    """A check, what was seen, and (for all but ok) what to do. `blame` says who must, where it is a finding."""

    check: str
    seen: Seen
    text: str
    advice: str = ""
    blame: Blame | None = None


def ok(check: str, text: str) -> Observation:
    return Observation(check, Seen.OK, text)


def finding(check: str, blame: Blame, text: str, advice: str) -> Observation:
    return Observation(check, Seen.FINDING, text, advice, blame)


def not_tried(check: str, text: str, advice: str = "") -> Observation:
    return Observation(check, Seen.NOT_TRIED, text, advice)
