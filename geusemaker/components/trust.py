"""Trust policies of IAM roles."""

import json


def trust_policy(service: str) -> str:
    """Policy that lets one AWS service assume the role, such as "ec2.amazonaws.com".

    Some services have other names in China. Regions there are unsupported (regions.py).
    """
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    )
