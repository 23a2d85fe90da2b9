"""Entry points of the `bitfit` and `bitfit-export` commands."""

import sys

HINT = "error: the command line needs {}; run: pip install 'bitfit-edge[cli]'"
MISSING_EXTRA = 11  # as `cli/failures.py` has it, which needs the extra


def main() -> None:
    """Run `bitfit`."""
    _run("bitfit")


def export_main() -> None:
    """Run `bitfit-export`, which is `bitfit export`."""
    _run("bitfit-export")


def _run(program: str) -> None:
    try:
        from bitfit_toolkit.cli.app import run
    except ModuleNotFoundError as error:
        sys.stderr.write(HINT.format(error.name) + "\n")
        sys.exit(MISSING_EXTRA)
    run(sys.argv[1:], program)


if __name__ == "__main__":
    main()
