output "queue_url" {
  description = "For sqs.queue_url"
  value       = aws_sqs_queue.this["photos"].id
}

output "stamp_queue_url" {
  description = "For pump.stamp_queue_url"
  value       = aws_sqs_queue.this["stamps"].id
}

output "workgroup" {
  description = "For redshift.workgroup"
  value       = local.workgroup
}

output "copy_role_arn" {
  description = "For redshift.copy_role"
  value       = aws_iam_role.copy.arn
}

output "database_user" {
  description = "The engine's user in Redshift, for grants."
  value       = "IAMR:${aws_iam_role.engine.name}"
}

output "group_name" {
  value = aws_autoscaling_group.engine.name
}

output "log_group_name" {
  value = aws_cloudwatch_log_group.engine.name
}
