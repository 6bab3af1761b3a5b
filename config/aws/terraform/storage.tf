# The two buckets, as in pipeline.yaml.

locals {
  buckets = { landing = var.landing_bucket, results = var.results_bucket }
  lifecycle = {
    landing = var.photo_retention_days == 0 ? {} : { photos = ["", var.photo_retention_days] }
    results = {
      loaded-batches      = ["batches/", var.batch_retention_days]
      manifests           = ["manifests/", var.batch_retention_days]
      mended-batches      = ["mended/", var.batch_retention_days]
      one-object-a-photo  = ["photos/", var.per_photo_retention_days]
      plans-of-load-tests = ["pump/", var.batch_retention_days]
    }
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Who reads what is CloudTrail's; server access logs need a third bucket and its retention.
  #checkov:skip=CKV_AWS_21:Versions of photos are the owner's choice; batches are written once and never again.
  #checkov:skip=CKV_AWS_144:One region; photos are read within minutes, and the rows are in the warehouse.
  #checkov:skip=CKV_AWS_145:A key of one's own is an option, kms_key_arn.
  #checkov:skip=CKV2_AWS_62:The results bucket announces nothing, or scanmill would read its own output.
  for_each = local.buckets
  bucket   = each.value
  tags     = local.tags
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = aws_s3_bucket.this
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  rule {
    bucket_key_enabled = local.has_key
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.has_key ? "aws:kms" : "AES256"
      kms_master_key_id = local.has_key ? var.kms_key_arn : null
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
  dynamic "rule" {
    for_each = local.lifecycle[each.key]
    content {
      id     = rule.key
      status = "Enabled"
      filter {
        prefix = rule.value[0]
      }
      expiration {
        days = rule.value[1]
      }
    }
  }
}

data "aws_iam_policy_document" "bucket_tls_only" {
  for_each = aws_s3_bucket.this
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]
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
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  policy   = data.aws_iam_policy_document.bucket_tls_only[each.key].json
}

resource "aws_s3_bucket_notification" "photos" {
  bucket = aws_s3_bucket.this["landing"].id
  queue {
    queue_arn     = aws_sqs_queue.this["photos"].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.key_prefix
  }
  # S3 sends a test message when the notification is made, so the policy must stand before.
  depends_on = [aws_sqs_queue_policy.this]
}
