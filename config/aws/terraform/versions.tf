terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.60"
    }
  }
}

data "aws_partition" "here" {}
data "aws_region" "here" {}
data "aws_caller_identity" "here" {}

locals {
  region   = data.aws_region.here.name
  account  = data.aws_caller_identity.here.account_id
  arn      = "arn:${data.aws_partition.here.partition}"
  has_key  = var.kms_key_arn != ""
  has_base = var.redshift_workgroup == ""
  tags     = merge({ application = "scanmill" }, var.tags)
}
