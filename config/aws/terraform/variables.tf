variable "name" {
  description = "Beginning of the names of queue, roles, log group and auto-scaling group."
  type        = string
  default     = "scanmill"
}

variable "landing_bucket" {
  description = "Bucket that phones upload photos to. Made by this module."
  type        = string
}

variable "results_bucket" {
  description = "Bucket for batches and manifests. Made by this module. Never the landing bucket."
  type        = string
}

variable "key_prefix" {
  description = "Only keys with this beginning are announced and read. Empty takes all."
  type        = string
  default     = ""
}

variable "visibility_timeout_seconds" {
  description = "The same as queue.visibility_timeout_seconds."
  type        = number
  default     = 60
}

variable "max_receive_count" {
  description = "Not below queue.dead_letter_after; scanmill writes a rejection row before a message dies."
  type        = number
  default     = 25
}

variable "batch_retention_days" {
  description = "Days that loaded batches are kept: more than the longest time the warehouse may be away, or rows are lost."
  type        = number
  default     = 30
}

variable "per_photo_retention_days" {
  description = "Days that the JSON object of each photo is kept, where output.per_photo_json is on."
  type        = number
  default     = 30
}

variable "photo_retention_days" {
  description = "Days that photos are kept in the landing bucket. 0 keeps them for ever."
  type        = number
  default     = 0
}

variable "kms_key_arn" {
  description = "A key of your own for buckets, queues and logs; its policy must let s3.amazonaws.com and logs use it. Empty takes the services' keys."
  type        = string
  default     = ""
}

variable "redshift_workgroup" {
  description = "A workgroup that is there already, with redshift_workgroup_arn. Empty makes one."
  type        = string
  default     = ""
}

variable "redshift_workgroup_arn" {
  description = "ARN of redshift_workgroup."
  type        = string
  default     = ""
}

variable "redshift_database" {
  type    = string
  default = "scanmill"
}

variable "redshift_subnet_ids" {
  description = "Three subnets in different availability zones, for a new workgroup."
  type        = list(string)
  default     = []
}

variable "redshift_security_group_ids" {
  description = "Who may connect to a new workgroup by JDBC or ODBC."
  type        = list(string)
  default     = []
}

variable "load_interval_ms" {
  description = "Time between two loads. A load wakes Redshift Serverless, which bills at least 60 s."
  type        = number
  default     = 300000
}

variable "artifact_url" {
  description = "Where the release was uploaded, like s3://my-artifacts/scanmill-0.1.0-x86_64.tar.gz."
  type        = string
  validation {
    condition     = can(regex("^s3://[^/]+/.+[.]tar[.]gz$", var.artifact_url))
    error_message = "An s3:// address of a .tar.gz that packaging/release.sh made."
  }
}

variable "artifact_sha256" {
  description = "Its checksum. A new one refreshes the instances."
  type        = string
  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.artifact_sha256))
    error_message = "64 hexadecimal digits."
  }
}

variable "image_parameter" {
  description = "Public parameter of the image; for Graviton /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64."
  type        = string
  default     = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

variable "instance_type" {
  type    = string
  default = "c7i.4xlarge"
}

variable "on_demand_percent" {
  description = "How many of the instances are no spot instances."
  type        = number
  default     = 100
}

variable "subnet_ids" {
  description = "Subnets of the instances."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Outbound HTTPS is all the engine needs."
  type        = list(string)
}

variable "min_size" {
  type    = number
  default = 1
}

variable "max_size" {
  type    = number
  default = 1
}

variable "backlog_per_instance" {
  description = "Messages that may wait per instance before one is added: seconds a photo may wait, times photos a second of one instance."
  type        = number
  default     = 60000
}

variable "lag_alarm_seconds" {
  description = "Alarm when the oldest message waits longer."
  type        = number
  default     = 900
}

variable "alarm_topic_arn" {
  description = "SNS topic for alarms; empty sends none."
  type        = string
  default     = ""
}

variable "log_retention_days" {
  type    = number
  default = 30
}

variable "endpoints" {
  description = "Ways to the services out of a VPC without a NAT gateway. Null makes none."
  type = object({
    vpc_id                   = string
    route_table_ids          = list(string)
    engine_security_group_id = string
  })
  default = null
}

variable "tags" {
  description = "Put on everything, beside application = scanmill."
  type        = map(string)
  default     = {}
}
