"""Who may take a role."""

import json


def trust_policy(service: str) -> str:
    """Only that service of AWS's, such as "ec2.amazonaws.com".

    In China some services go by other names, so that Regions there are refused (regions.py).
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
