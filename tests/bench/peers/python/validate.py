"""Validating inputs of createProfile over and over, with pydantic."""

import json
import sys

from missing import needed
from timing import number, read_json, timed, usage

with needed():
    from rules import validate

LINE = "validate.py <n> <cases.json>"


def main(arguments):
    if len(arguments) != 2:
        usage(LINE)
    n = number(arguments[0], LINE)
    cases = read_json(arguments[1])
    figures = timed(n, lambda i: validate(cases[i % len(cases)]))
    found = [validate(case).get("violations", []) for case in cases]
    verdicts = [sorted(([one["code"], one["path"]] for one in case), key=lambda one: one[::-1]) for case in found]
    print(json.dumps({**figures, "verdicts": verdicts}))


if __name__ == "__main__":
    main(sys.argv[1:])
