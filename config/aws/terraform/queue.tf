# The queue of notifications, that of load tests, and what died in each, as in pipeline.yaml.

locals {
  queues = {
    photos      = "${var.name}-photos"
    photos_dead = "${var.name}-photos-dead"
    stamps      = "${var.name}-photos-stamps"
    stamps_dead = "${var.name}-photos-stamps-dead"
  }
}

resource "aws_sqs_queue" "this" {
  for_each                   = local.queues
  name                       = each.value
  visibility_timeout_seconds = var.visibility_timeout_seconds
  receive_wait_time_seconds  = 20
  message_retention_seconds  = each.key == "stamps" ? 345600 : 1209600
  sqs_managed_sse_enabled    = local.has_key ? null : true
  kms_master_key_id          = local.has_key ? var.kms_key_arn : null
  tags                       = local.tags
}

resource "aws_sqs_queue_redrive_policy" "this" {
  for_each  = { photos = "photos_dead", stamps = "stamps_dead" }
  queue_url = aws_sqs_queue.this[each.key].id
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.this[each.value].arn
    maxReceiveCount     = var.max_receive_count
  })
}

data "aws_iam_policy_document" "queue" {
  for_each = aws_sqs_queue.this
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
  dynamic "statement" {
    for_each = each.key == "photos" ? [1] : []
    content {
      sid       = "LandingBucketAnnouncesPhotos"
      actions   = ["sqs:SendMessage"]
      resources = [each.value.arn]
      principals {
        type        = "Service"
        identifiers = ["s3.amazonaws.com"]
      }
      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = ["${local.arn}:s3:::${var.landing_bucket}"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each  = aws_sqs_queue.this
  queue_url = each.value.id
  policy    = data.aws_iam_policy_document.queue[each.key].json
}
