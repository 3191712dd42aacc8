"""A loop of the same work, timed: `{n, wall_ns, cpu_ns}`, after a warm-up of a tenth. CPU is the whole process's."""

import json
import sys
import time


def timed(n, work):
    for i in range(-(-n // 10)):
        work(i)
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for i in range(n):
        work(i)
    wall = time.perf_counter_ns() - wall
    return {"n": n, "wall_ns": wall, "cpu_ns": time.process_time_ns() - cpu}


def usage(line):
    print(f"usage: python {line}", file=sys.stderr)
    sys.exit(2)


def number(text, line):
    """A whole number of at least one, or the usage."""
    return int(text) if text.isascii() and text.isdigit() and int(text) > 0 else usage(line)


def read(file):
    """The bytes of a file, or a line that says why not."""
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except OSError as error:
        print(f"{file} cannot be read: {error.strerror}", file=sys.stderr)
        sys.exit(2)


def read_json(file):
    """What a file of JSON holds, or a line that says why not."""
    try:
        return json.loads(read(file))
    except ValueError as error:
        print(f"{file} is not JSON: {error}", file=sys.stderr)
        sys.exit(2)
