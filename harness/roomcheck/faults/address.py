"""host:port, as targets write it, with an IPv6 host in brackets or bare; and which failures are the machine's own.

A machine that has no file, port or memory left, or no IPv6, cannot tell whether somebody listens, so that is no answer.
"""

import errno

from roomcheck.errors import HarnessError

_OURS = frozenset({
    errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN, errno.EAFNOSUPPORT,
})  # fmt: skip


def split(address: str) -> tuple[str, int]:
    """Host, without brackets, and port."""
    host, _, port = address.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def written(address: str) -> str:
    """As every program reads it: an IPv6 host in brackets. What is no host:port stays as it is."""
    host, _, port = address.rpartition(":")
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else address


def blame_the_machine(error: OSError) -> None:
    """HarnessError if this machine, not the other side, is why a connection failed."""
    if error.errno in _OURS:
        raise HarnessError(f"this machine cannot make a connection: {error.strerror}") from error
