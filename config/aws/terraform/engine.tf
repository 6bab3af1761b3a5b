# The instances, as in engine.yaml. Where CloudFormation waits for a signal, the group here waits for its launch hook:
# an instance whose engine does not become ready is abandoned, and a refresh of such instances rolls back.

data "aws_ssm_parameter" "image" {
  name = var.image_parameter
}

resource "aws_cloudwatch_log_group" "engine" {
  #checkov:skip=CKV_AWS_158:A key of one's own is an option, kms_key_arn.
  #checkov:skip=CKV_AWS_338:Thirty days unless log_retention_days says otherwise: the rows are the record, not the log.
  name              = "/scanmill/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = local.has_key ? var.kms_key_arn : null
  tags              = local.tags
}

resource "aws_launch_template" "engine" {
  name_prefix            = "${var.name}-"
  update_default_version = true
  image_id               = data.aws_ssm_parameter.image.value
  instance_type          = var.instance_type
  vpc_security_group_ids = var.security_group_ids
  tags                   = local.tags
  user_data = base64encode(templatefile("${path.module}/user-data.sh.tftpl", {
    artifact_url     = var.artifact_url
    artifact_sha256  = var.artifact_sha256
    region           = local.region
    group            = var.name
    log_group        = aws_cloudwatch_log_group.engine.name
    landing_bucket   = aws_s3_bucket.this["landing"].id
    results_bucket   = aws_s3_bucket.this["results"].id
    key_prefix       = var.key_prefix
    queue_url        = aws_sqs_queue.this["photos"].id
    workgroup        = local.workgroup
    database         = var.redshift_database
    copy_role        = aws_iam_role.copy.arn
    load_interval_ms = var.load_interval_ms
  }))
  iam_instance_profile {
    arn = aws_iam_instance_profile.engine.arn
  }
  # IMDSv2 alone, and one hop: the engine is no container. In one, on a bridge network, it would need two.
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled"
  }
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = 16
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }
  dynamic "tag_specifications" {
    for_each = ["instance", "volume"]
    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = var.name })
    }
  }
}

resource "aws_autoscaling_group" "engine" {
  name                = var.name
  min_size            = var.min_size
  max_size            = var.max_size
  vpc_zone_identifier = var.subnet_ids
  # scanmill-watch reports an engine that has failed for good; a bucket that is away for all is no instance's fault.
  health_check_type         = "EC2"
  health_check_grace_period = 300
  metrics_granularity       = "1Minute"
  enabled_metrics           = ["GroupInServiceInstances"]
  wait_for_capacity_timeout = "15m"
  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = 0
      on_demand_percentage_above_base_capacity = var.on_demand_percent
      spot_allocation_strategy                 = "price-capacity-optimized"
    }
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.engine.id
        version            = aws_launch_template.engine.latest_version
      }
    }
  }
  initial_lifecycle_hook {
    name                 = "ready"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    heartbeat_timeout    = 900
    default_result       = "ABANDON"
  }
  # Twice the time that a drain may take.
  initial_lifecycle_hook {
    name                 = "drain"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = 120
    default_result       = "CONTINUE"
  }
  # A new artefact, image or size of instance.
  instance_refresh {
    strategy = "Rolling"
    preferences {
      # Photos wait in the queue meanwhile, and max_size may be 1.
      min_healthy_percentage = 0
      auto_rollback          = true
    }
  }
  dynamic "tag" {
    for_each = merge(local.tags, { Name = var.name })
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }
}

# One instance scales inside itself. This adds machines when the backlog outgrows those there are, up to max_size.
resource "aws_autoscaling_policy" "backlog" {
  name                      = "backlog-per-instance"
  autoscaling_group_name    = aws_autoscaling_group.engine.name
  policy_type               = "TargetTrackingScaling"
  estimated_instance_warmup = 180
  target_tracking_configuration {
    target_value = var.backlog_per_instance
    customized_metric_specification {
      metrics {
        id          = "waiting"
        return_data = false
        metric_stat {
          stat = "Maximum"
          metric {
            namespace   = "AWS/SQS"
            metric_name = "ApproximateNumberOfMessagesVisible"
            dimensions {
              name  = "QueueName"
              value = aws_sqs_queue.this["photos"].name
            }
          }
        }
      }
      metrics {
        id          = "instances"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "AWS/AutoScaling"
            metric_name = "GroupInServiceInstances"
            dimensions {
              name  = "AutoScalingGroupName"
              value = aws_autoscaling_group.engine.name
            }
          }
        }
      }
      metrics {
        id          = "backlog"
        label       = "Messages that wait, per instance"
        expression  = "IF(instances > 0, waiting / instances, waiting)"
        return_data = true
      }
    }
  }
}
