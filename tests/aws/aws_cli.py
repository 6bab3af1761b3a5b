"""Amazon's command line, as far as the guide uses it, over boto3 and ministack (AWS_ENDPOINT_URL).

A stack's parameters are looked at before anything is made: each must be one of the template's, and those without a default must be
given. ministack has no Redshift Serverless, so a template of it is only looked at; its outputs are told as NAME=VALUE in
WAREHOUSE_OUTPUTS."""
import argparse
import os
import re
import sys
import time

import boto3
import jmespath
import yaml

IMAGE = "ami-12345678"


class Template(yaml.SafeLoader):
    """CloudFormation's own tags (`!Ref`, `!Sub`) are read as what they stand before."""


def untagged(loader, _, node):
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else loader.construct_mapping(node)


Template.add_multi_constructor("!", untagged)


def pairs(given):
    """NAME=VALUE, each."""
    apart = [one.partition("=") for one in given]
    bad = [name for name, sign, _ in apart if not (name and sign)]
    if bad:
        sys.exit(f"not NAME=VALUE: {bad}")
    return {name: value for name, _, value in apart}


def deploy(options):
    text = open(options.template_file).read()
    template, given = yaml.load(text, Template), pairs(options.parameter_overrides)
    known = template["Parameters"]
    lacking = [name for name, one in known.items() if "Default" not in one and not given.get(name)]
    if lacking or given.keys() - known.keys():
        sys.exit(f"{options.template_file}: without {lacking}, unknown {given.keys() - known.keys()}")
    if any(one["Type"].startswith("AWS::RedshiftServerless::") for one in template["Resources"].values()):
        return
    if any(one["Type"] == "AWS::IAM::Role" for one in template["Resources"].values()) and options.capabilities != "CAPABILITY_IAM":
        sys.exit(f"{options.template_file}: makes roles, which needs CAPABILITY_IAM")
    for name, one in known.items():
        if one["Type"].startswith("AWS::SSM::Parameter"):
            # Amazon's own, under /aws/, are not ours to put.
            given[name] = "/images/linux"
            boto3.client("ssm").put_parameter(Name=given[name], Value=IMAGE, Type="String", Overwrite=True)
    # ministack knows no alarm that is computed from several metrics.
    body = re.sub(r"\n  StuckAlarm:\n(?:(?:    .*)?\n)*", "\n", text)
    cloud = boto3.client("cloudformation")
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    tags = [{"Key": name, "Value": value} for name, value in pairs(options.tags).items()]
    capabilities = [options.capabilities] if options.capabilities else []
    cloud.create_stack(StackName=options.stack_name, TemplateBody=body, Parameters=parameters, Capabilities=capabilities, Tags=tags)
    while (made := cloud.describe_stacks(StackName=options.stack_name)["Stacks"][0])["StackStatus"].endswith("IN_PROGRESS"):
        time.sleep(0.2)
    if made["StackStatus"] != "CREATE_COMPLETE":
        events = cloud.describe_stack_events(StackName=options.stack_name)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"].endswith("FAILED")]
        sys.exit(str([(one["LogicalResourceId"], one.get("ResourceStatusReason")) for one in failed]))


def describe(options):
    if options.stack_name == os.environ.get("WAREHOUSE_STACK"):
        outputs = pairs(os.environ["WAREHOUSE_OUTPUTS"].split())
        answer = {"Stacks": [{"Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]}]}
    else:
        answer = boto3.client("cloudformation").describe_stacks(StackName=options.stack_name)
    found = jmespath.search(options.query, answer)
    found = found if isinstance(found, list) else [found]
    if options.output != "text" or not found or None in found:
        sys.exit(f"{options.stack_name}: {options.query} finds {found}")
    print("\t".join(found))


def place(address):
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def copy(options):
    bucket, key = place(options.to)
    key = key + os.path.basename(options.file) if not key or key.endswith("/") else key
    boto3.client("s3").upload_file(options.file, bucket, key)


def make_bucket(options):
    boto3.client("s3").create_bucket(Bucket=place(options.bucket)[0])


parser = argparse.ArgumentParser(prog="aws", allow_abbrev=False)
services = parser.add_subparsers(required=True)
cloudformation = services.add_parser("cloudformation").add_subparsers(required=True)
command = cloudformation.add_parser("deploy", allow_abbrev=False)
command.set_defaults(run=deploy)
command.add_argument("--stack-name", required=True)
command.add_argument("--template-file", required=True)
command.add_argument("--capabilities")
command.add_argument("--tags", nargs="+", default=[])
command.add_argument("--parameter-overrides", nargs="+", default=[])
command = cloudformation.add_parser("describe-stacks", allow_abbrev=False)
command.set_defaults(run=describe)
for name in ["--stack-name", "--query", "--output"]:
    command.add_argument(name, required=True)
s3 = services.add_parser("s3").add_subparsers(required=True)
command = s3.add_parser("cp")
command.set_defaults(run=copy)
command.add_argument("file")
command.add_argument("to")
command = s3.add_parser("mb")
command.set_defaults(run=make_bucket)
command.add_argument("bucket")
options = parser.parse_args()
options.run(options)
