"""Hypothesis strategies for schedules over any spec. Pure: a contract in, a strategy out; nothing is played here."""
