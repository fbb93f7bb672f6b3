"""Items in batches to Dask's workers, and what they give back in the items' order.

A batch is as large as a worker does in a fifth of a second, so that sending costs little and nobody waits long for the
last one; a few are on their way at a time, so that neither a worker nor memory ever fills. What all items share goes to
each worker once, with a plugin, which a worker that begins later is given too. Dask gives the batch of a worker that
died to another one, `AGAIN` times; then its items are tried one by one, so that one that kills workers takes no other
along.
"""

import contextlib
import logging
import multiprocessing.resource_tracker
import signal
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from functools import cache
from itertools import count, islice
from typing import Any, Generic, TypeVar

import dask
from distributed import CancelledError, Client, KilledWorker, LocalCluster, WorkerPlugin, get_worker
from distributed.client import ClosedClientError
from distributed.comm import CommClosedError
from distributed.utils import LoopRunner
from distributed.versions import VersionMismatchWarning, get_versions

from roomcheck.errors import HarnessError, UsageError

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

FIRST = 4  # items of a batch, until it is known how long one takes
SECONDS = 0.2  # that a batch takes, about
MOST = 1_000  # items of a batch
AHEAD = 3  # batches on their way for each worker: one is played, one waits there, one is on its way back
KEPT = 4  # things shared with the workers at a time, the last ones that were used
AGAIN = 1  # times that what a worker died of is given to another one
# A busy machine took a minute to start a worker again. Dask gives up one that is not back after 15 s, for good, and
# ends it while it already does something else.
PATIENT = {
    "distributed.deploy.lost-worker-timeout": "1h",
    "distributed.comm.timeouts.connect": "10m",
    "distributed.comm.timeouts.tcp": "10m",
    "distributed.scheduler.worker-ttl": "30s",  # of silence: one that stands still is ended, and another begun
    "distributed.worker.profile.enabled": False,  # which looks at every thread a hundred times a second
}
PATIENCE = 30  # seconds that a scheduler may take to answer first
LOOPBACK = "127.0.0.1:0"  # any port; Dask's own default for its pages is one port for all, on every interface


class Shared(WorkerPlugin):  # type: ignore[misc]  # Dask's types are not looked at, which would take a minute
    """What every worker knows."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.version = version_here()

    def setup(self, worker: object) -> None:  # noqa: ARG002  Dask's
        """Hypothesis sees the `random` that Dask uses meanwhile, and takes that for a strategy's mistake."""
        warnings.filterwarnings("ignore", "Do not use the `random` module")


@dataclass(frozen=True, slots=True)
class Batch(Generic[T]):
    """Items that are done together: an object of its own, into which Dask does not look."""

    items: list[T]


@dataclass(frozen=True, slots=True)
class Killed(Generic[T]):
    """What became of an item whose workers died each time."""

    item: T
    times: int

    def __str__(self) -> str:
        return f"{self.times} workers died while they did this alone"


def _do(name: str, work: Callable[[S, T], R], batch: Batch[T]) -> tuple[list[R], float]:
    """On a worker: what the work gives for each, and how many seconds it took."""
    worker = get_worker()
    known: Shared = worker.plugins[name]
    if (here := version_here()) != known.version:  # one that came after the others were asked
        raise UsageError(refused(worker.address, here, known.version))
    shared: S = known.value
    began = time.monotonic()
    return [work(shared, item) for item in batch.items], time.monotonic() - began


class Workers:
    """Dask's workers, as a Spread. `slots`: how many tasks all of them do at once."""

    def __init__(self, client: Client, number: int, slots: int = 0) -> None:
        self.client = client
        self.number = number
        self.slots = slots or number
        self._shared: dict[str, object] = {}  # by the plugin's name, the last that was used at the end
        self._names = count()

    def __call__(self, work: Callable[[S, T], R], shared: S, items: Iterable[T]) -> Generator[R, None, None]:
        """In the items' order. HarnessError: one of them kills the workers that do it."""
        with contextlib.closing(self.batches(work, shared, items)) as batches:
            while (results := batches.take()) is not None:
                for result in results:
                    if isinstance(result, Killed):
                        raise HarnessError(f"{result}: {result.item}")
                    yield result

    def batches(self, work: Callable[[S, T], R], shared: S, items: Iterable[T]) -> "Batches[S, T, R]":
        """The same by batches, which can be given up."""
        with named():
            return Batches(self, self._name_of(shared), work, items)

    def _name_of(self, shared: object) -> str:
        name = next((name for name, known in self._shared.items() if known is shared), "")
        if name:
            self._shared[name] = self._shared.pop(name)
            return name
        while len(self._shared) >= KEPT:
            self.client.unregister_worker_plugin(next(iter(self._shared)))
            del self._shared[next(iter(self._shared))]
        name = f"roomcheck-{id(self):x}-{next(self._names)}"
        self.client.register_plugin(Shared(shared), name=name)
        self._shared[name] = shared
        return name

    def forget(self) -> None:
        """Workers that go on keep nothing of ours."""
        with contextlib.suppress(Exception):  # a scheduler that is gone keeps nothing
            for name in self._shared:
                self.client.unregister_worker_plugin(name)
        self._shared.clear()


class Batches(Generic[S, T, R]):
    """Work that is on its way. One thread takes; any may `close`, whereupon who takes is told CancelledError."""

    def __init__(self, workers: Workers, name: str, work: Callable[[S, T], R], items: Iterable[T]) -> None:
        self.workers = workers
        self.name = name
        self.work = work
        self.items = iter(items)
        self.left = len(items) if isinstance(items, Sized) else None
        self.size = FIRST
        self.flying: deque[tuple[Batch[T], Any]] = deque()

    def take(self) -> list[R | Killed[T]] | None:
        """The results of the next batch; None: that was all."""
        while len(self.flying) < AHEAD * self.workers.slots and (batch := self._next()).items:
            with named():
                self.flying.append((batch, self._send(batch)))
        if not self.flying:
            return None
        batch, future = self.flying[0]
        with named():
            results = self._result(batch, future)
        self.flying.popleft()
        return results

    def close(self) -> None:
        """Nobody wants what is still on its way."""
        with contextlib.suppress(Exception):  # a scheduler that is gone has nothing to cancel
            self.workers.client.cancel([future for _, future in self.flying], asynchronous=False)

    def _next(self) -> Batch[T]:
        size = self.size
        if self.left is not None:  # the last ones are shared out, so that all workers end at about the same time
            size = max(1, min(size, self.left // (2 * self.workers.slots)))
        batch = Batch(list(islice(self.items, size)))
        if self.left is not None:
            self.left -= len(batch.items)
        return batch

    def _send(self, batch: Batch[T]) -> Any:
        return self.workers.client.submit(_do, self.name, self.work, batch, pure=False)

    def _result(self, batch: Batch[T], future: Any) -> list[R | Killed[T]]:
        try:
            results, seconds = future.result()
        except KilledWorker:
            for _, other in self.flying:  # each of these may be what killed them: their ends are awaited
                other.exception()
            return [self._alone(item) for item in batch.items]
        self.size = max(1, min(MOST, int(SECONDS * len(batch.items) / max(seconds, 1e-6))))
        return list(results)

    def _alone(self, item: T) -> R | Killed[T]:
        """While nothing else is under way."""
        try:
            (result,), _ = self._send(Batch([item])).result()
        except KilledWorker as e:
            return Killed(item, e.allowed_failures + 1)
        found: R = result
        return found


@contextlib.contextmanager
def started(number: int, each: int = 1) -> Iterator[Workers]:
    """So many on this machine, with so many tasks at once on each.

    They are gone afterwards, and also if this process is killed.
    """
    runner = LoopRunner()
    with _deaf_to_interrupts():
        runner.start()
    try:
        with (
            dask.config.set({
                "distributed.scheduler.allowed-failures": AGAIN,
                "distributed.scheduler.http.routes": [],  # nobody looks at pages
                "distributed.worker.http.routes": [],
                **PATIENT,
            }),
            tempfile.TemporaryDirectory(prefix="roomcheck-workers-") as folder,
            LocalCluster(
                n_workers=number, threads_per_worker=each, memory_limit=None, local_directory=folder, loop=runner.loop,
                dashboard_address=LOOPBACK, worker_dashboard_address=LOOPBACK, silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):  # fmt: skip
            yield Workers(client, number, number * each)
    finally:
        runner.stop()


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A thread that begins now, and all processes that it starts, do not hear Ctrl-C: this process ends them."""
    multiprocessing.resource_tracker.ensure_running()  # which would unblock it where it begins
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def named() -> Iterator[None]:
    """What Dask says of a scheduler that is gone, in words; all that is on its way is cancelled then."""
    try:
        yield
    except (CancelledError, CommClosedError, ClosedClientError) as e:
        raise HarnessError("Dask's scheduler is lost, with what was on its way to workers") from e


@contextlib.contextmanager
def joined(address: str) -> Iterator[Workers]:
    """All workers that are at the scheduler with this address, which goes on afterwards.

    UsageError: there is none, it has no worker, or one has another version of what counts.
    """
    warnings.simplefilter("ignore", VersionMismatchWarning)  # what Dask itself says of versions is many lines
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # and what is lost is said below
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as e:
        raise UsageError(f"no Dask scheduler answers at {address}: {e}") from e
    with client:
        versions = client.get_versions(packages=["roomcheck"])["workers"]
        for worker, there in versions.items():
            if (other := _version(there["packages"])) != version_here():
                raise UsageError(refused(worker, other, version_here()))
        if not versions:
            raise UsageError(f"the scheduler at {address} has no worker: start `dask worker {address} --nthreads 1`")
        threads = client.nthreads()
        workers = Workers(client, len(threads), sum(threads.values()))
        try:
            yield workers
        finally:
            workers.forget()


def refused(worker: str, other: str, here: str) -> str:
    """Why a worker does nothing."""
    return f"the worker at {worker} has {other}, here is {here}: give both the same"


@cache
def version_here() -> str:
    """What decides whether a worker understands what it is sent: specs and cases come with the work."""
    return _version(get_versions(["roomcheck"])["packages"])


def _version(packages: Mapping[str, str | None]) -> str:
    python = ".".join(str(packages["python"]).split(".")[:2])
    return f"roomcheck {packages['roomcheck']} on Python {python} with Dask {packages['distributed']}"
