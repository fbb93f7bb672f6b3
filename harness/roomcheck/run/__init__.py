"""Plays schedules on a real target: one event loop, every independent case in flight at once.

What it starts it ends: adapters, servers, proxies and ports are gone after success, failure, Ctrl-C or kill -9.
"""
