"""Lints the IAM policies of the CloudFormation templates named: actions that do not exist, resources and conditions that
do not fit an action, and access that is wider than a role here needs. Ends with 1 where there is something to say."""

import json
import re
import sys

import yaml
from parliament import analyze_policy_string, enhance_finding, override_config

ACCOUNT, REGION = "123456789012", "us-east-1"
# What the parameters and the other resources of the templates come to.
VALUES = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:photos",
    "DeadLetterQueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:photos-dead",
    "WorkgroupArn": f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/0f8fad5b-d9cb-469f-a165-70867728950e",
    "LogGroup.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/scanmill/engine:*",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0f8fad5b-d9cb-469f-a165-70867728950e",
    "LandingBucketName": "landing",
    "ResultsBucketName": "results",
    "ArtifactBucketName": "artifacts",
    "Group": "scanmill",
}

class Loader(yaml.SafeLoader):
    pass


def intrinsic(loader, suffix, node):
    if suffix == "Sub":
        return re.sub(r"\$\{([^}!]+)\}", lambda m: VALUES.get(m[1], m[1]), loader.construct_scalar(node))
    if suffix in ("Ref", "GetAtt"):
        return VALUES.get(loader.construct_scalar(node), node.value)
    if suffix == "If":  # The longer half: what it allows is linted too.
        return loader.construct_sequence(node, deep=True)[1]
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


Loader.add_multi_constructor("!", intrinsic)


def policies(template):
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Role":
            for policy in properties.get("Policies", []):
                yield f"{name}/{policy['PolicyName']}", policy["PolicyDocument"]
        elif resource["Type"] == "AWS::IAM::Policy":
            yield name, properties["PolicyDocument"]


def main(files):
    override_config(None)
    seen, bad = 0, 0
    for file in files:
        with open(file) as text:
            template = yaml.load(text, Loader)
        for name, document in policies(template):
            seen += 1
            for finding in analyze_policy_string(json.dumps(document)).findings:
                finding = enhance_finding(finding)
                bad += 1
                print(f"{file}: {name}: {finding.severity} {finding.issue}: {finding.detail} {finding.location}")
    print(f"{seen} policies, {bad} findings")
    return 1 if bad or not seen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
