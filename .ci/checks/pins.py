"""Whatever a build or a check takes from outside is the very thing that was looked at when it was pinned.

    python3 .ci/checks/pins.py

Each list of Python packages has one version and a hash for every package, and all that its .in file asks for. Each cargo
that builds or tests here or in a workflow takes Cargo.lock as it stands. An action of a workflow is named by its commit.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", re.M)
BUILDS = re.compile(r"\bcargo (?:\+\S+ )?(?:build|check|clippy|test|run|deny|install|doc|cyclonedx|lambda|demo)\b[^\n]*")
ACTION = re.compile(r"^\s*-?\s*uses:\s*(\S+)(.*)$", re.M)


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split()]


def name(package):
    return re.sub(r"[-_.]+", "-", package).lower()


def packages(wanted):
    """What is wrong with the list that this .in file has."""
    made = wanted.with_suffix(".txt")
    if not made.exists():
        yield f"{made.relative_to(ROOT)} is missing: run .ci/pins"
        return
    text = re.sub(r"^\s*#.*\n", "", made.read_text(), flags=re.M)
    # A package begins a line, its hashes are indented.
    entries = [entry for entry in re.split(r"^(?=\S)", text, flags=re.M) if entry.strip()]
    pinned = set()
    for entry in entries:
        found = PACKAGE.match(entry)
        if not found or not re.search(r"--hash=sha256:[0-9a-f]{64}", entry):
            yield f"{made.relative_to(ROOT)} does not pin by version and hash: {entry.splitlines()[0]}"
        else:
            pinned.add((name(found[1]), found[2]))
    for package, version in PACKAGE.findall(wanted.read_text()):
        if (name(package), version) not in pinned:
            yield f"{made.relative_to(ROOT)} has no {package}=={version}: run .ci/pins"


def unlocked(path):
    """The commands of a script that would let cargo choose versions."""
    text = re.sub(r"\\\n", " ", path.read_text())
    for line in text.splitlines():
        code = line.split("#")[0]
        if re.match(r"\s*(- name:|step |printf |echo )", code):
            continue
        for command in BUILDS.findall(code):
            if "--version" not in command.split("install")[0] and "--locked" not in command:
                yield f"{path.relative_to(ROOT)}: `{command.strip()}` is not --locked"


def actions(path):
    """The actions that somebody could change under the name that they have here."""
    for action, comment in ACTION.findall(path.read_text()):
        if not re.search(r"@[0-9a-f]{40}$", action) or not re.match(r"\s+# v\d", comment):
            yield f"{path.relative_to(ROOT)}: {action} is not named by its commit, with the version behind it"


def main():
    wrong = [problem for wanted in tracked("*.in") for problem in packages(wanted)]
    for script in [*tracked(".ci/run", ".ci/full", ".ci/rebuild"), *tracked(".github/workflows/*.yml")]:
        wrong += unlocked(script)
    for workflow in tracked(".github/workflows/*.yml"):
        wrong += actions(workflow)
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
