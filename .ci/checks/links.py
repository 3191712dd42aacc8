#!/usr/bin/env python3
"""Every relative link of the Markdown files leads to a file, and every anchor to a heading.

    python3 .ci/checks/links.py
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def prose(text):
    """The text without code blocks and code spans, whose brackets are no links."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", lambda span: "x" * len(span.group()), text)


def anchors(path):
    """The anchors that GitHub gives the headings of a file."""
    found, text = {}, re.sub(r"^```.*?^```", "", path.read_text(), flags=re.S | re.M)
    for heading in re.findall(r"^#+ +(.*?)\s*#*$", text, flags=re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = found.get(anchor, 0)
        found[anchor] = count + 1
        if count:
            found[f"{anchor}-{count}"] = 1
    return set(found)


def broken(path, target):
    """Why a link does not lead anywhere, or None."""
    if re.match(r"[a-z]+:", target):
        return None
    place, _, anchor = target.partition("#")
    if not place:
        file = path
    elif place.startswith("/"):
        file = ROOT / place[1:]
    else:
        file = path.parent / place
    if not file.exists():
        return "there is no such file"
    if anchor and file.suffix == ".md" and anchor not in anchors(file):
        return "there is no such heading"
    return None


def main():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    wrong, count = [], 0
    for name in listed.stdout.split():
        path = ROOT / name
        for target in LINK.findall(prose(path.read_text())):
            count += 1
            why = broken(path, target)
            if why:
                wrong.append(f"{name}: {target}: {why}")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{count} links lead somewhere")


main()
