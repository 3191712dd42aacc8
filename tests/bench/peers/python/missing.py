"""A library that is not installed ends the program with one clear line and exit code 3."""

import contextlib
import sys


@contextlib.contextmanager
def needed():
    try:
        yield
    except ImportError as error:
        name = error.name or "a library"
        print(
            f"{name} is not installed: run `pip install -r requirements.txt` in tests/bench/peers/python",
            file=sys.stderr,
        )
        sys.exit(3)
    except OSError as error:
        # WeasyPrint loads Pango, which no package brings along.
        print(f"a library of the system is missing: {error}".splitlines()[0], file=sys.stderr)
        sys.exit(3)
