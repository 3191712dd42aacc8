"""One feature set: `cargo test -p <member>` builds no crate of other people's otherwise than `cargo test --workspace` does.

Cargo resolves the features of a crate for the members that it is asked to build, so one member alone would build the SDKs of
AWS anew. `infra/workspace-hack/Cargo.toml` asks for what is missing. Without arguments this compares and says what is
missing; `--write` writes the lists of that manifest.

Cargo prints what it would build only with the unstable `--unit-graph`; RUSTC_BOOTSTRAP allows that on the pinned toolchain.
Nothing is built with it. Compared are the tests for x86_64 Linux.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "infra/workspace-hack/Cargo.toml"
TABLES = {False: "[dependencies]", True: "[build-dependencies]"}
TARGET = "x86_64-unknown-linux-gnu"
ROUNDS = 8  # What the manifest asks for may bring crates of its own.

Features = frozenset[str]
Crate = tuple[str, str]  # name, version
Key = tuple[str, str, bool]  # a crate, and whether for build scripts and macros


def resolved(*selection: str) -> dict[Crate, set[tuple[bool, Features]]]:
    """How cargo builds each registry crate for the tests of a selection of members."""
    command = ["cargo", "test", "--no-run", "--locked", "--unit-graph", "-Z", "unstable-options", "--target", TARGET]
    command += selection
    environment = os.environ | {"RUSTC_BOOTSTRAP": "1"}
    graph = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    built: dict[Crate, set[tuple[bool, Features]]] = {}
    for unit in json.loads(graph)["units"]:
        source, _, name_and_version = unit["pkg_id"].rpartition("#")
        if not source.startswith("path+") and unit["mode"] == "build" and "custom-build" not in unit["target"]["kind"]:
            name, _, version = name_and_version.rpartition("@")
            built.setdefault((name, version), set()).add((unit["platform"] is None, frozenset(unit["features"])))
    return built


def members() -> list[str]:
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return [package["name"] for package in metadata["packages"]]


def missing() -> dict[Key, tuple[Features, list[str]]]:
    """What members build otherwise than the workspace: the workspace's features, and those members."""
    whole = resolved("--workspace")
    found: dict[Key, tuple[Features, list[str]]] = {}
    for member in members():
        for crate, ways in resolved("--package", member).items():
            theirs = whole.get(crate, ways)
            for of_host, _ in ways - theirs:
                same_side = {way for way in theirs if way[0] == of_host} or theirs
                side = next(iter(same_side))[0]
                features = frozenset().union(*(features for _, features in same_side))
                found.setdefault((*crate, side), (features, []))[1].append(member)
    return found


def asked() -> dict[Key, Features]:
    """What the manifest asks for."""
    entries: dict[Key, Features] = {}
    host = False
    for line in MANIFEST.read_text().splitlines():
        if line in TABLES.values():
            host = line == TABLES[True]
        entry = re.match(r'([\w-]+) = \{ (?:package = "([\w-]+)", )?version = "([^"]+)".*features = \[(.*)\]', line)
        if entry:
            features = frozenset(re.findall(r'"([^"]+)"', entry[4]))
            entries[(entry[2] or entry[1], entry[3], host)] = features
    return entries


def write(entries: dict[Key, Features]) -> None:
    text = MANIFEST.read_text()
    versions = {(name, version) for name, version, _ in entries}
    names = [name for name, _ in versions]
    for host, table in TABLES.items():
        rows = []
        for (name, version, of_host), features in sorted(entries.items()):
            if of_host == host:
                twice = names.count(name) > 1
                key = f"{name}-{version.replace('.', '_')}" if twice else name
                package = f'package = "{name}", ' if twice else ""
                listed = ", ".join(f'"{feature}"' for feature in sorted(features))
                rows.append(f'{key} = {{ {package}version = "{version}", default-features = false, features = [{listed}] }}\n')
        text = re.sub(rf"(?m)^{re.escape(table)}\n(?:[\w-]+ = .*\n)*", lambda _: table + "\n" + "".join(rows), text)
    MANIFEST.write_text(text)
    subprocess.run(["cargo", "metadata", "--format-version", "1"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    if "--write" in sys.argv:
        write({})
    found = missing()
    if "--write" in sys.argv:
        for _ in range(ROUNDS):
            if not found:
                break
            before = asked()
            more = {key: features for key, (features, _) in found.items()}
            # What was asked for and is missing still is missing on the other side.
            other = {(name, version, not host): more[name, version, host] for name, version, host in more.keys() & before}
            write(before | more | other)
            found = missing()
    for (name, version, host), (features, who) in sorted(found.items()):
        where = "build-dependency" if host else "dependency"
        print(f"{name} {version} ({where}): {', '.join(who)} should have {', '.join(sorted(features)) or 'no features'}")
    if found:
        print("run `python3 .ci/checks/features.py --write`, or edit infra/workspace-hack/Cargo.toml by hand", file=sys.stderr)
        return 1
    print(f"every member resolves the workspace's features ({len(asked())} crates by infra/workspace-hack)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
