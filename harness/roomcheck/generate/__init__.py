"""Hypothesis strategies for schedules over any spec. Pure: a contract in, a strategy out; nothing is played here.

It knows no vendor's word and no number of its own: what can be called, broken and waited for comes from the contract.
"""

from roomcheck.generate.kin import under_other_faults, with_one_more
from roomcheck.generate.shrink import candidates, size
from roomcheck.generate.strategies import schedules

__all__ = ["candidates", "schedules", "size", "under_other_faults", "with_one_more"]
