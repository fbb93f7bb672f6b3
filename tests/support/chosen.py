"""Which tests of a file are run: what they share is made for these alone."""

from pathlib import Path

import pytest


def asked(request: pytest.FixtureRequest, file: str) -> set[str]:
    """The ids, as in `test_it[id]`, of the chosen tests of this file. Tests of other files have the same ones."""
    items = [item for item in request.session.items if item.path == Path(file) and "[" in item.name]
    return {item.name.partition("[")[2].removesuffix("]") for item in items}
