"""`python -m pylb.install` is the builders' door to this package."""

from pylb.install.cli import main

if __name__ == "__main__":
    main()
