"""Who is played next: fresh cases first, then doubtful ones, each as soon as few enough are played beside it."""

from collections import deque
from collections.abc import Callable, Sequence

from roomcheck.model.verdict import Blame, CaseResult, Outcome
from roomcheck.spec.contract import Case

FEWER = 4  # a doubtful case is run again with so many times fewer beside it
ALONE = 8  # cases at once that have an adapter process each


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
        self.broken: set[str] = set()  # those that get an adapter of their own

    @property
    def over(self) -> bool:
        return not self.running and not any(self.waiting)

    def begin(self) -> tuple[Case, int] | None:
        """The case to begin now and which attempt that is; None if first another must end."""
        for attempt, waiting in enumerate(self.waiting, 1):
            if waiting:
                most = self.limit(attempt)
                if self.running < (min(most, ALONE) if waiting[0].id in self.broken else most):
                    self.running += 1
                    return waiting.popleft(), attempt
                return None
        return None

    def close(self) -> None:
        """The case that was to begin is not begun, nor is any other fresh one."""
        self.running -= 1
        self.waiting[0].clear()

    def end(self, case: Case, attempt: int, result: CaseResult) -> bool:
        """Whether the case is played again."""
        self.running -= 1
        passed = result.outcome is Outcome.CONFORMS and self.listed(case.id)
        if attempt == len(self.waiting) or not (passed or may_run_again(result)):
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
    """Doubt and the harness's own trouble deserve another try; a violation never does."""
    return result.outcome is Outcome.INCONCLUSIVE or result.blame in (Blame.HARNESS, Blame.ADAPTER)
