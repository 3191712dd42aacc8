"""Every role of template.yaml before parliament, which knows AWS's actions, their resources and their conditions.

An action that does not exist, or does not work on the resource it is given for, is a right that a function lacks in
production and nowhere else: the stand-in for AWS enforces no policy. A star instead of a resource must be one of ALONE.
"""

import json
import pathlib
import re
import sys

from parliament import analyze_policy_string
from samcli.yamlhelper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCOUNT, REGION = "123456789012", "eu-west-3"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "comptoir-dev",
    "AWS::URLSuffix": "amazonaws.com",
}
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{lower}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Cognito::UserPool": "arn:aws:cognito-idp:{region}:{account}:userpool/{name}",
    "AWS::AppSync::GraphQLApi": "arn:aws:appsync:{region}:{account}:apis/{lower}",
}
# The actions that AWS lets nobody narrow to a resource.
ALONE = {"dynamodb:ListStreams", "ses:GetAccount"}


def arn(template, name, attribute="Arn"):
    pattern = ARNS[template["Resources"][name]["Type"]]
    text = pattern.format(region=REGION, account=ACCOUNT, name=name, lower=name.lower())
    # AWS's label of a stream is a time with colons, at which parliament would take the ARN apart.
    return f"{text}/stream/2026-11-26" if attribute == "StreamArn" else text


def resolve(template, value):
    if isinstance(value, list):
        return [resolve(template, one) for one in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        name = value["Ref"]
        return PSEUDO.get(name) or f"{name.lower()}"
    if "Fn::GetAtt" in value:
        parts = value["Fn::GetAtt"]
        name, attribute = parts if isinstance(parts, list) else parts.split(".")
        return arn(template, name, attribute)
    if "Fn::If" in value:
        return resolve(template, value["Fn::If"][2])
    if "Fn::Sub" in value:
        text, own = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})

        def one(found):
            name = found.group(1)
            if name in own:
                return resolve(template, own[name])
            if name in PSEUDO:
                return PSEUDO[name]
            return arn(template, *name.split(".")) if "." in name else name.lower()

        return re.sub(r"\$\{([^}]+)\}", one, text)
    return {name: resolve(template, one) for name, one in value.items()}


def actions(statement):
    found = statement["Action"]
    return {found} if isinstance(found, str) else set(found)


def main():
    template = yaml_parse((ROOT / "template.yaml").read_text())
    wrong, roles = [], 0
    for name, of in template["Resources"].items():
        if of["Type"] not in ("AWS::IAM::Role", "AWS::IAM::Policy"):
            continue
        roles += of["Type"] == "AWS::IAM::Role"
        if of["Properties"].get("ManagedPolicyArns"):
            wrong.append(f"{name}: carries managed policies, which reach beyond this stack")
        for policy in of["Properties"].get("Policies", [of["Properties"]]):
            document = resolve(template, policy["PolicyDocument"])
            for statement in document["Statement"]:
                if any("*" in action for action in actions(statement)):
                    wrong.append(f"{name}, {statement['Sid']}: names actions with a star")
                if statement["Resource"] == "*" and not actions(statement) <= ALONE:
                    wrong.append(f"{name}, {statement['Sid']}: reaches every resource")
            for finding in analyze_policy_string(json.dumps(document)).findings:
                wrong.append(f"{name}: {finding.issue} {finding.detail}")
    print(f"{roles} roles")
    sys.exit("\n".join(wrong) or 0)


main()
