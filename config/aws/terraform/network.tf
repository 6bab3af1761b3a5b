# As in network.yaml: none unless var.endpoints is set.

locals {
  interfaces = var.endpoints == null ? [] : ["sqs", "redshift-data", "ssm", "ssmmessages", "logs", "autoscaling"]
}

resource "aws_security_group" "interfaces" {
  count       = var.endpoints == null ? 0 : 1
  name_prefix = "${var.name}-interfaces-"
  description = "HTTPS from scanmill to the interfaces of AWS services"
  vpc_id      = var.endpoints.vpc_id
  tags        = local.tags
  ingress {
    description     = "The engine"
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    security_groups = [var.endpoints.engine_security_group_id]
  }
}

resource "aws_vpc_endpoint" "s3" {
  count             = var.endpoints == null ? 0 : 1
  vpc_endpoint_type = "Gateway"
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_id            = var.endpoints.vpc_id
  route_table_ids   = var.endpoints.route_table_ids
  tags              = local.tags
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = toset(local.interfaces)
  vpc_endpoint_type   = "Interface"
  service_name        = "com.amazonaws.${local.region}.${each.value}"
  vpc_id              = var.endpoints.vpc_id
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.interfaces[0].id]
  private_dns_enabled = true
  tags                = local.tags
}
