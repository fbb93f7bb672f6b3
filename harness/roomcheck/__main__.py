"""`python -m roomcheck` is `roomcheck`."""

from roomcheck.cli import main

main()
