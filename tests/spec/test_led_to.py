"""Where a cause leads a member, if nothing else happens."""

from roomcheck.spec.contract import CauseKind
from support.lobby import lobby

OWN = lobby().connection


def test_a_call_leads_on_to_what_follows_by_itself() -> None:
    """By its arguments, where these are known."""
    assert [*OWN.led_to("out", CauseKind.CALL, "join")] == ["joining", "in", "refused"]
    assert [*OWN.led_to("out", CauseKind.CALL, "join", {"room": "R", "ticket": "good"})] == ["joining", "in"]
    assert [*OWN.led_to("out", CauseKind.CALL, "join", {"room": "R", "ticket": "bad"})] == ["joining", "refused"]


def test_a_link_that_is_back_brings_what_waited_for_it() -> None:
    """One that is lost brings what follows by itself, too."""
    assert "back" in OWN.led_to("lost", CauseKind.LINK_UP)
    assert [*OWN.led_to("in", CauseKind.LINK_DOWN)] == ["lost", "back", "failed"]


def test_what_a_state_does_not_know_leads_nowhere() -> None:
    """No rule begins there."""
    assert not [*OWN.led_to("out", CauseKind.CALL, "leave")]
