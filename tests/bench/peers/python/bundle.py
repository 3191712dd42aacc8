"""Zips the functions with their site-packages as they would be deployed, and prints what each weighs.

`python bundle.py [x86_64|arm64]` writes dist/<name>.zip and dist/<name>/, which `python dist/webhook/webhook.py` runs. boto3
is in the zip: it is pinned like the rest, as AWS advises, and a function on an OS-only runtime has no other.
"""

import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = {
    "webhook": ["boto3", "stripe"],
    "profile": ["boto3", "phonenumbers", "pydantic", "regex"],
}
SOURCES = {
    "webhook": ["classify.py", "payments.py", "stripe_secrets.py", "webhook.py"],
    "profile": ["access.py", "change.py", "directory.py", "mutation.py", "notices.py", "profile.py", "rules"],
}
COMMON = ["missing.py", "runtime.py", "settings.py", "telemetry.py"]
MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
PLATFORMS = {
    "x86_64": ["manylinux2014_x86_64", "manylinux_2_28_x86_64"],
    "arm64": ["manylinux2014_aarch64", "manylinux_2_28_aarch64"],
}


def install(packages, target, architecture):
    here = MACHINES.get(platform.machine()) == architecture
    wheels = [flag for name in PLATFORMS[architecture] for flag in ("--platform", name)]
    # For another machine its wheels are taken; for this one pip's own choice is right.
    foreign = [] if here else ["--only-binary=:all:", *wheels]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    # The versions alone: pip takes no hashes for some packages of a list. Whoever runs a handler has installed all of it by hash.
    pinned = "\n".join(re.findall(r"^[\w.-]+==[^\s;]+", (HERE / "requirements.txt").read_text(), flags=re.M))
    constraints = target.with_suffix(".constraints.txt")
    constraints.write_text(pinned)
    command += ["--target", str(target), "-c", str(constraints), *foreign, *packages]
    if subprocess.run(command, check=False).returncode != 0:
        print(f"pip could not install {', '.join(packages)}", file=sys.stderr)
        sys.exit(3)


def bundle(name, architecture):
    target = HERE / "dist" / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    install(PACKAGES[name], target, architecture)
    # Scripts and records are of no use at run time.
    for useless in [target / "bin", *target.glob("*.dist-info")]:
        shutil.rmtree(useless, ignore_errors=True)
    for source in COMMON + SOURCES[name]:
        if (HERE / source).is_dir():
            shutil.copytree(HERE / source, target / source, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(HERE / source, target / source)
    if name == "profile":
        shutil.copytree(HERE.parent / "data", target / "rules" / "data")
    archive = target.with_suffix(".zip")
    files = sorted(path for path in target.rglob("*") if path.is_file() and path.suffix != ".pyc")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as zipped:
        for path in files:
            zipped.write(path, path.relative_to(target))
    size = sum(path.stat().st_size for path in files)
    print(json.dumps({"file": f"dist/{name}.zip", "bytes": size, "zipped": archive.stat().st_size}))


def main():
    architecture = sys.argv[1] if len(sys.argv) > 1 else MACHINES.get(platform.machine(), "x86_64")
    if architecture not in PLATFORMS:
        print("usage: python bundle.py [x86_64|arm64]", file=sys.stderr)
        sys.exit(2)
    for name in PACKAGES:
        bundle(name, architecture)


if __name__ == "__main__":
    main()
