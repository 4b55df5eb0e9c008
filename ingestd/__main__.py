"""`python -m ingestd`."""

from ingestd.cli.app import main

if __name__ == "__main__":
    main()
