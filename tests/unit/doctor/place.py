"""A `Place` with given answers of AWS; nothing of this machine is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError
from botocore.stub import Stubber

from geusemaker.config import DeploymentConfig
from geusemaker.errors import GeuseMakerError

Answer = tuple[str, Any]
"""An operation in boto3's spelling, and its response or its error code."""


@dataclass
class Somewhere:
    """Clients by service; an error in place of a client is raised."""

    clients: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] | GeuseMakerError = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    region: str | None = "us-east-1"
    region_source: str = "AWS_REGION"
    stack: str | None = "prod"
    no_stack: str = ""
    simulated: bool = False
    stack_outputs: dict[str, Any] | GeuseMakerError = field(default_factory=dict)

    def client(self, service: str) -> Any:
        found = self.clients[service]
        if isinstance(found, BotoCoreError | ValueError):
            raise found
        return found

    def outputs(self) -> dict[str, Any]:
        if isinstance(self.stack_outputs, GeuseMakerError):
            raise self.stack_outputs
        return self.stack_outputs

    def config(self) -> DeploymentConfig:
        if isinstance(self.settings, GeuseMakerError):
            raise self.settings
        return DeploymentConfig(**self.settings)


def stubbed(service: str, *answers: Answer, said: str = "AWS's own words") -> Any:
    """A client that returns exactly these answers, in this order."""
    # The type stubs require a literal service name.
    make: Any = boto3.client
    client = make(
        service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stubber = Stubber(client)
    for operation, answer in answers:
        if isinstance(answer, str):
            stubber.add_client_error(operation, answer, said)
        else:
            stubber.add_response(operation, answer)
    stubber.activate()
    return client
