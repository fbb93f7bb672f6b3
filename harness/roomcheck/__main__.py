"""`python -m roomcheck` is `roomcheck`."""

from roomcheck.cli import main

if __name__ == "__main__":
    main()
