"""`sam build` with a cargo that compiles nothing: every function finds its crate, its binary and its processor.

The stand-in for cargo writes down what it was asked and puts that where the binary would be; SAM does the rest as ever.
Nothing of the checkout is touched.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
CARGO = """#!/bin/sh
[ "$1" = metadata ] && exec "{cargo}" "$@"
folder="$CARGO_TARGET_DIR/lambda/$(basename "$PWD")"
mkdir -p "$folder" && echo "$(basename "$PWD") $*" > "$folder/bootstrap"
"""


def build(folder, architecture):
    """Builds into the folder; answers the arguments of cargo by logical id."""
    stub, out = folder / "bin", folder / architecture
    stub.mkdir(exist_ok=True)
    (stub / "cargo").write_text(CARGO.format(cargo=shutil.which("cargo")))
    (stub / "cargo-lambda").write_text("#!/bin/sh\nexit 0\n")
    for program in stub.iterdir():
        program.chmod(0o755)
    environment = dict(os.environ, PATH=f"{stub}:{os.environ['PATH']}", CARGO_TARGET_DIR=str(folder / "target"))
    overrides = f"Stage=dev StripeMode=test Architecture={architecture}"
    sam = pathlib.Path(sys.executable).with_name("sam")
    command = [sam, "build", "--build-dir", out, "--cache-dir", folder / "cache", "--parameter-overrides", overrides]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"sam build failed:\n{done.stdout}{done.stderr}")
    return {path.parent.name: path.read_text().strip() for path in out.glob("*/bootstrap")}


def main():
    template = yaml_parse((ROOT / "template.yaml").read_text())
    functions = {
        name: of for name, of in template["Resources"].items() if of["Type"] == "AWS::Serverless::Function"
    }
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        for architecture, flag in [("arm64", " --arm64"), ("x86_64", "")]:
            built = build(pathlib.Path(folder), architecture)
            for name, of in functions.items():
                binary = of["Metadata"]["BuildProperties"]["Binary"]
                expected = f"{binary} lambda build --bin {binary} --release{flag}"
                arguments = built.get(name, "nothing").split()
                if sorted(arguments) != sorted(expected.split()):
                    wrong.append(f"{name} on {architecture}: built by {' '.join(arguments)}, not by {expected}")
            print(f"{architecture}: {len(built)} functions")
    sys.exit("\n".join(wrong) or 0)


main()
