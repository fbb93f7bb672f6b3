"""Whether a contract is sound, before any room is judged by it.

Lawful model rooms are played and judged: whoever is refused is a false red. Then rooms that break one promise each: a
requirement that none of them is caught by is vacuous. No room, no socket and no clock is needed for either.
"""

from roomcheck.prove.asked import asked, unproven
from roomcheck.prove.lawful import FalseRed, in_words, lawful_trace, told
from roomcheck.prove.proof import Proof, summary

__all__ = ["FalseRed", "Proof", "asked", "in_words", "lawful_trace", "summary", "told", "unproven"]
