"""What a campaign writes is what it reads: a search that goes on is the search that was ended."""

import json
from collections import Counter

from roomcheck.cli.files import find_spec, read_spec
from roomcheck.report.ndjson import read_schedule, schedule_data
from roomcheck.run.campaign import _expected, _packed, _text, digest
from roomcheck.run.choosing import draw


def test_schedules_and_expectations_come_back_as_they_were() -> None:
    """To the letter: candidates are told apart by their text."""
    contract = read_spec(find_spec("zego-express/room-status")).bind(scale=100)
    expected: Counter[object] = Counter()
    chosen = draw(contract, 0, 10, expected)

    for schedule, _drawn in chosen:
        again = read_schedule(json.loads(_text(schedule_data(schedule))))
        assert again == schedule
        assert digest(again) == digest(schedule)
    assert _expected(_packed(expected)) == expected
    assert _expected("") == Counter()
