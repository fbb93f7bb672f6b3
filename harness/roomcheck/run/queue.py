"""Who is played next: fresh cases first, then doubtful ones, each as soon as few enough are played beside it."""

import math
from collections import deque
from collections.abc import Callable, Sequence

from roomcheck.model.verdict import Blame, CaseResult, Outcome
from roomcheck.spec.case import Case

FEWER = 4  # a doubtful case is run again with so many times fewer beside it
ALONE = 8  # cases at once that have an adapter process each
SERVERS = 4  # cases at once that have a server each: starting one takes a processor for a while, and each is restarted
FEW = 16  # cases that are played at once even on a machine that lags: what lags with these is slow by itself
SPARE = 1.5  # so many more at once than fill the time of the longest


class Queue:
    """The cases of a run, each played up to `attempts` times; `limit` says how many at once, by attempt from 1.

    `listed`: whether a case is a known failure. What it breaks may be a race, so that one that passes is played again.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        attempts: int,
        limit: Callable[[int], int],
        listed: Callable[[str], bool] = lambda _case: False,
    ) -> None:
        self.limit = limit
        self.listed = listed
        self.waiting = [deque(cases), *(deque[Case]() for _ in range(1, attempts))]  # by attempt
        self.running = 0
        self.serving = 0  # of those, with a server of their own
        self.broken: set[str] = set()  # those that get an adapter of their own

    @property
    def over(self) -> bool:
        return not self.running and not any(self.waiting)

    def begin(self) -> tuple[Case, int] | None:
        """The case to begin now and which attempt that is; None if first another must end."""
        for attempt, waiting in enumerate(self.waiting, 1):
            if waiting and self.running >= self.limit(attempt):
                return None
            case = next((case for case in waiting if self._may_begin(case)), None)
            if case is not None:
                waiting.remove(case)
                self.running += 1
                self.serving += case.own_server
                return case, attempt
        return None

    def _may_begin(self, case: Case) -> bool:
        if case.id in self.broken and self.running >= ALONE:
            return False
        return not case.own_server or self.serving < SERVERS

    def drop(self, case: Case) -> None:
        """The case, which was to begin, is not played."""
        self._free(case)

    def _free(self, case: Case) -> None:
        self.running -= 1
        self.serving -= case.own_server

    def end(self, case: Case, attempt: int, result: CaseResult, *, last: bool = False) -> bool:
        """Whether the case is played again; not where this was the `last` speed at which it can be."""
        self._free(case)
        passed = result.outcome is Outcome.CONFORMS and self.listed(case.id)
        if last or attempt == len(self.waiting) or not (passed or may_run_again(result)):
            return False
        if result.blame is Blame.ADAPTER:
            self.broken.add(case.id)
        self.waiting[attempt].append(case)
        return True


def at_once(asked: int, bears: int | None, attempt: int) -> int:
    """How many cases are played side by side: no more than the target bears, and fewer where they are run again."""
    fewer: int = FEWER ** (attempt - 1)
    return max(1, min(asked, bears or asked) // fewer)


def may_run_again(result: CaseResult) -> bool:
    """Doubt, and whatever died beside it, deserve another try; a violation never does."""
    return result.outcome is Outcome.INCONCLUSIVE or result.blame in (Blame.HARNESS, Blame.ADAPTER, Blame.TARGET)


def duration(case: Case, pace: int = 0) -> int:
    """How long a case will take at least, in microseconds: its offsets along the labels, and the watch.

    `pace`: what passes before a step that names no moment. What calls take to settle is the room's to say.
    """
    labels: dict[str, int] = {}
    at = 0
    for step in case.schedule.steps:
        base = at + pace if step.when.label is None else labels.get(step.when.label, at)
        at = max(at, base + step.when.offset)
        if step.label:
            labels[step.label] = at
    return at + case.schedule.watch


def enough(lengths: Sequence[int]) -> int:
    """How many at once take no longer than the longest case does; more would only make the machine late."""
    longest = max(lengths, default=0)
    return max(FEW, math.ceil(SPARE * sum(lengths) / longest)) if longest else FEW
