"""What `sam deploy` passes to CloudFormation for each stage of samconfig.toml, read and merged by SAM's own code.

Nothing is deployed. A new stack gets exactly these parameters: whatever the template wants and has no default for must be
among them, and an override on the command line, which replaces the whole string, must leave something missing.
"""

import pathlib
import sys

from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.deploy_context import DeployContext
from samcli.lib.config.samconfig import SamConfig
from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
STAGES = {
    "default": {"Stage": "dev", "StripeMode": "test"},
    "dev": {"Stage": "dev", "StripeMode": "test"},
    "prod": {"Stage": "prod", "StripeMode": "live"},
}


def merged(template, overrides):
    """Parameters of a new stack, and what it lacks."""
    values = CfnParameterOverridesType().convert(overrides, None, None)
    unknown = sorted(set(values) - set(template["Parameters"]))
    passed = DeployContext.merge_parameters(template, values)
    given = {one["ParameterKey"]: one["ParameterValue"] for one in passed if "ParameterValue" in one}
    missing = {
        name for name, of in template["Parameters"].items() if "Default" not in of and name not in given
    }
    return given, missing, unknown


def main():
    template = yaml_parse((ROOT / "template.yaml").read_text())
    config = SamConfig(str(ROOT), "samconfig.toml")
    wrong = []
    for stage, expected in STAGES.items():
        told = config.get_all(cmd_names=["deploy"], section="parameters", env=stage)
        given, missing, unknown = merged(template, (told["parameter_overrides"],))
        if missing or unknown or any(given.get(name) != value for name, value in expected.items()):
            wrong.append(f"{stage}: passes {given}, lacks {sorted(missing)}, unknown {unknown}")
        print(f"{stage}: {told['stack_name']} in {told['region']}, {given}")
    _, missing, _ = merged(template, ("AlertEmail=you@example.org",))
    if missing != {"Stage", "StripeMode"}:
        wrong.append(f"an override on the command line alone would deploy: it lacks only {sorted(missing)}")
    sys.exit("\n".join(wrong) or 0)


main()
