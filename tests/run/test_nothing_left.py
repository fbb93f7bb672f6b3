"""The proof that no process is left sees what a test started, and nothing else."""

import subprocess
import sys

from support.processes import children, started_since

LATER = "import subprocess, sys; input(); subprocess.Popen(['sleep', '60']); print(flush=True); input()"


def test_what_a_process_of_before_starts_is_not_the_tests() -> None:
    """A process of the test's own is."""
    with subprocess.Popen([sys.executable, "-c", LATER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as old:
        assert old.stdin is not None
        assert old.stdout is not None
        before = set(children())
        old.stdin.write(b"\n")
        old.stdin.flush()
        old.stdout.readline()
        with subprocess.Popen(["sleep", "60"]) as own:
            late = [process for process in children() if process not in before and process.pid != own.pid]
            found = [process.pid for process in started_since(before)]
            own.kill()
        for process in late:
            process.kill()
        old.kill()

    assert len(late) == 1
    assert found == [own.pid]
