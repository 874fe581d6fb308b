"""Who may take a role."""

import json


def trust_policy(service: str) -> str:
    """Only that service of AWS's, such as "ec2.amazonaws.com", the same in every partition."""
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
