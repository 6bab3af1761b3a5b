# What the engine may do, as in engine.yaml.

data "aws_iam_policy_document" "ec2_assumes" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

locals {
  artifact_bucket = split("/", var.artifact_url)[2]
  group_arn       = "${local.arn}:autoscaling:${local.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${var.name}"
}

data "aws_iam_policy_document" "engine" {
  statement {
    sid = "TakeNotifications"
    # backfill, gaps --enqueue and rejections replay put messages of their own.
    actions = [
      "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:SendMessage",
    ]
    resources = [aws_sqs_queue.this["photos"].arn]
  }
  statement {
    sid       = "CountDeadLetters"
    actions   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
    resources = [aws_sqs_queue.this["photos_dead"].arn]
  }
  statement {
    sid       = "ReadPhotos"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${aws_s3_bucket.this["landing"].arn}/*"]
  }
  statement {
    sid       = "WriteBatches"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.this["results"].arn}/*"]
  }
  # With ListBucket a missing photo is answered with 404; without it with 403, like a forbidden one.
  statement {
    sid       = "LookAtBuckets"
    actions   = ["s3:ListBucket", "s3:GetBucketLocation", "s3:GetBucketNotification"]
    resources = [for bucket in aws_s3_bucket.this : bucket.arn]
  }
  statement {
    sid       = "Load"
    actions   = ["redshift-data:BatchExecuteStatement"]
    resources = [local.workgroup_arn]
  }
  statement {
    sid       = "SignIn"
    actions   = ["redshift-serverless:GetCredentials"]
    resources = [local.workgroup_arn]
  }
  statement {
    sid       = "FollowOwnStatements"
    actions   = ["redshift-data:DescribeStatement", "redshift-data:GetStatementResult", "redshift-data:CancelStatement"]
    resources = ["*"]
    # These take no resource: the condition keeps them to the statements this role began.
    condition {
      test     = "StringEquals"
      variable = "redshift-data:statement-owner-iam-userid"
      values   = ["$${aws:userid}"]
    }
  }
  statement {
    sid       = "Install"
    actions   = ["s3:GetObject"]
    resources = ["${local.arn}:s3:::${local.artifact_bucket}/*"]
  }
  statement {
    sid       = "ShipJournal"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.engine.arn}:*"]
  }
  statement {
    sid       = "SayHowTheInstanceIs"
    actions   = ["autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth"]
    resources = [local.group_arn]
  }
  dynamic "statement" {
    for_each = local.has_key ? [1] : []
    content {
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [var.kms_key_arn]
    }
  }
}

resource "aws_iam_role" "engine" {
  name_prefix        = "${var.name}-engine-"
  description        = "What scanmill may do."
  assume_role_policy = data.aws_iam_policy_document.ec2_assumes.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "engine" {
  name   = "scanmill"
  role   = aws_iam_role.engine.id
  policy = data.aws_iam_policy_document.engine.json
}

# A shell without an open port and without a key.
resource "aws_iam_role_policy_attachment" "shell" {
  role       = aws_iam_role.engine.name
  policy_arn = "${local.arn}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "engine" {
  name_prefix = "${var.name}-"
  role        = aws_iam_role.engine.name
  tags        = local.tags
}
