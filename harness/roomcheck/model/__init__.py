"""The values that every layer shares: instants, schedules, traces, verdicts, the stream of a run.

All are frozen; times are integers of microseconds on one monotonic clock. No I/O, no clock, no vendor's words here.
"""
