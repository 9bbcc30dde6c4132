"""`python -m pylb.lab` is `pylb lab`: it loads nothing else of the command."""

from pylb.lab.cli import lab

if __name__ == "__main__":
    lab()
