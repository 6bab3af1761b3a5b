# The role that COPY reads batches with, and a warehouse unless there is one, as in pipeline.yaml and warehouse.yaml.

data "aws_iam_policy_document" "redshift_assumes" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "copy" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.this["results"].arn}/*"]
  }
  statement {
    actions   = ["s3:ListBucket", "s3:GetBucketLocation"]
    resources = [aws_s3_bucket.this["results"].arn]
  }
  dynamic "statement" {
    for_each = local.has_key ? [1] : []
    content {
      actions   = ["kms:Decrypt"]
      resources = [var.kms_key_arn]
    }
  }
}

resource "aws_iam_role" "copy" {
  name_prefix        = "${var.name}-copy-"
  description        = "What Redshift may do while it copies batches - read them."
  assume_role_policy = data.aws_iam_policy_document.redshift_assumes.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "copy" {
  name   = "read-batches"
  role   = aws_iam_role.copy.id
  policy = data.aws_iam_policy_document.copy.json
}

resource "aws_redshiftserverless_namespace" "this" {
  count                 = local.has_base ? 1 : 0
  namespace_name        = var.name
  db_name               = var.redshift_database
  manage_admin_password = true
  default_iam_role_arn  = aws_iam_role.copy.arn
  iam_roles             = [aws_iam_role.copy.arn]
  kms_key_id            = local.has_key ? var.kms_key_arn : null
  log_exports           = ["userlog", "connectionlog", "useractivitylog"]
  tags                  = local.tags
}

resource "aws_redshiftserverless_workgroup" "this" {
  count                = local.has_base ? 1 : 0
  workgroup_name       = var.name
  namespace_name       = aws_redshiftserverless_namespace.this[0].namespace_name
  base_capacity        = 8
  max_capacity         = 32
  publicly_accessible  = false
  enhanced_vpc_routing = false
  subnet_ids           = var.redshift_subnet_ids
  security_group_ids   = var.redshift_security_group_ids
  tags                 = local.tags
}

locals {
  workgroup     = local.has_base ? aws_redshiftserverless_workgroup.this[0].workgroup_name : var.redshift_workgroup
  workgroup_arn = local.has_base ? aws_redshiftserverless_workgroup.this[0].arn : var.redshift_workgroup_arn
}
