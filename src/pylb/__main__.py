"""`python -m pylb` is the `pylb` command."""

from pylb.cli import main

if __name__ == "__main__":
    main()
