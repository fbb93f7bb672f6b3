"""Trace + contract -> verdict. Pure: values in, values out; no I/O, no clock, no chance.

A trace is judged twice: by the rules of every view, and, where it came from a scenario, by the expected sequences.
"""

from roomcheck.judge.verdict import judge, judging

__all__ = ["judge", "judging"]
