"""The command line: `python -m diph --help`, or `diph --help`."""

import sys

from ._diph import command_line


def main() -> None:
    """Runs the command line with the words of this process, and ends the process with its exit code."""
    sys.exit(command_line([sys.executable, "-m", "diph"], sys.argv[1:]))


if __name__ == "__main__":
    main()
