""".ci/advisories sees what it is for: a made-up advisory fails it, the known ones do not, and in a release neither does silence.

    python3 .ci/checks/advisories.py          # with cargo-deny in PATH
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADVISORY = """```toml
[advisory]
id = "{id}"
package = "{package}"
date = "2026-08-01"
[versions]
patched = ["{patched}"]
```

# Made up

For this check.
"""
# Where the known ones are, and which version of it is not affected.
KNOWN = [(id, "quick-xml", ">= 0.41") for id in re.findall(r'id = "(RUSTSEC-[0-9-]+)"', (ROOT / "deny.toml").read_text())]


def exits(advisories, **variables):
    """The exit code of .ci/advisories on a copy with these; without a copy and a network if there are none."""
    with tempfile.TemporaryDirectory() as folder:
        for id, package, patched in advisories:
            file = pathlib.Path(folder, "crates", package, f"{id}.md")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(ADVISORY.format(id=id, package=package, patched=patched))
        environment = {name: value for name, value in os.environ.items() if name not in ("RELEASE", "REQUIRE_TOOLS")}
        environment |= {"ADVISORY_DB": folder if advisories else "", **variables}
        if not advisories:
            # No repository is reached under this name.
            away = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{folder}/none.insteadOf"}
            environment |= away | {"GIT_CONFIG_VALUE_0": "https://github.com/"}
        ran = subprocess.run(["bash", ".ci/advisories"], cwd=ROOT, env=environment, capture_output=True, check=False)
        return ran.returncode


def main():
    another = [*KNOWN, ("RUSTSEC-2026-9999", "serde", ">= 99")]
    cases = [
        ("the known ones", exits(KNOWN), 0),
        ("one more", exits(another), 1),
        ("a known one that is gone", exits(KNOWN[1:]), 1),
        ("no copy and no network", exits([]), 0),
        ("the same in a release", exits([], RELEASE="1"), 1),
        ("the same where everything must", exits([], REQUIRE_TOOLS="1"), 1),
        ("a copy that is none", exits([], ADVISORY_DB="/nowhere"), 1),
    ]
    wrong = [f"{what}: exit code {code} instead of {right}" for what, code, right in cases if code != right]
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
