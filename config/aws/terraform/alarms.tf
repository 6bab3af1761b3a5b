# As in engine.yaml. What to do is in docs/runbooks.md.

locals {
  alarms = {
    # Name: queue, metric, threshold, periods of a minute, runbook.
    lag       = ["photos", "ApproximateAgeOfOldestMessage", var.lag_alarm_seconds, 5, "ScanmillMessagesOld"]
    dead      = ["photos_dead", "ApproximateNumberOfMessagesVisible", 0, 1, "ScanmillDeadLetters"]
    in-flight = ["photos", "ApproximateNumberOfMessagesNotVisible", 100000, 3, "ScanmillInFlightHeadroomLow"]
  }
  topics = var.alarm_topic_arn == "" ? [] : [var.alarm_topic_arn]
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each            = local.alarms
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = "See docs/runbooks.md, ${each.value[4]}."
  namespace           = "AWS/SQS"
  metric_name         = each.value[1]
  dimensions          = { QueueName = aws_sqs_queue.this[each.value[0]].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = each.value[3]
  threshold           = each.value[2]
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = local.tags
}

# Whatever it is that stands still: no instance, a bucket that refuses, a disk that is full.
resource "aws_cloudwatch_metric_alarm" "stuck" {
  alarm_name          = "${var.name}-stuck"
  alarm_description   = "Messages wait and none is finished. See docs/runbooks.md, ScanmillBacklogStuck."
  evaluation_periods  = 3
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
  tags                = local.tags
  dynamic "metric_query" {
    for_each = { waiting = ["ApproximateNumberOfMessagesVisible", "Minimum"], finished = ["NumberOfMessagesDeleted", "Sum"] }
    content {
      id          = metric_query.key
      return_data = false
      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value[0]
        stat        = metric_query.value[1]
        period      = 300
        dimensions  = { QueueName = aws_sqs_queue.this["photos"].name }
      }
    }
  }
  metric_query {
    id          = "stuck"
    expression  = "IF(waiting > 0 AND FILL(finished, 0) == 0, 1, 0)"
    return_data = true
  }
}
