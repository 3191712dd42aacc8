"""What the three renderings share: reading the page, where the fonts lie, and the two modes of the command line."""

import json
import sys
from pathlib import Path

from timing import number, read_json, timed, usage

FONTS = Path(__file__).resolve().parents[4] / "infra/templates/fonts"
STYLE = Path(__file__).resolve().parents[1] / "data/invoice.css"


def main(name, render):
    """`once page.json out.pdf` renders once; `loop n page.json out.pdf` does so n times and prints what it took."""
    line = f"{name} once <page.json> <out.pdf> | {name} loop <n> <page.json> <out.pdf>"
    match sys.argv[1:]:
        case ["once", file, out]:
            Path(out).write_bytes(render(read_json(file)))
        case ["loop", count, file, out]:
            n, page = number(count, line), read_json(file)
            figures = timed(n, lambda _: render(page))
            Path(out).write_bytes(render(page))
            print(json.dumps(figures))
        case _:
            usage(line)
