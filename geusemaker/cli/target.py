"""The stack, Region and account that a command works on.

With `--local`, or inside `make shell`, the account is the simulated one. Otherwise the user's own
AWS and Pulumi settings choose it.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from geusemaker import terminal
from geusemaker.cli.stack_file import own_keys
from geusemaker.config import DeploymentConfig
from geusemaker.config.sources import Given
from geusemaker.ec2 import regions
from geusemaker.errors import ConfigError
from geusemaker.messages import NAMESPACE, StackOrigin
from geusemaker.pulumi_cli.run import PulumiCli
from geusemaker.services.aws_errors import translate
from geusemaker.services.ec2 import EC2Service

T = TypeVar("T")


@dataclass(frozen=True)
class Identity:
    """The caller, as AWS names it."""

    account: str
    arn: str


@dataclass
class Target:
    """One stack, or none, and access to AWS.

    Attributes:
        env: The environment that Pulumi and boto3 work in.
        stack: The stack's name; None where none is selected.
        stack_file: The stack's config file; it may not exist yet.
        region: None where nothing names one; `region_source` is what names it.
        stack_region: The aws:region of the stack's own config.
        profile: The stack's aws:profile, which Pulumi uses; None for the default.
        no_stack: Why there is no stack, for a message.
        calls: API calls sent so far, retries included.
    """

    project: Path
    env: Mapping[str, str]
    simulated: bool
    cli: PulumiCli | None
    stack: str | None
    stack_file: Path | None
    region: str | None
    region_source: str
    stack_region: str | None = None
    profile: str | None = None
    no_stack: str = ""
    calls: int = 0
    _session: Any = field(default=None, repr=False)

    def client(self, service: str) -> Any:
        """A boto3 client of that service in the Region."""
        import boto3  # slow to import, and not every command calls AWS
        from botocore.config import Config

        # The adaptive mode may delay a single call; standard retries with jitter, a bounded number.
        retries = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10)
        with _environment(self.env):
            if self._session is None:
                self._session = boto3.Session(profile_name=self.profile, region_name=self.region)
            made = self._session.client(service, config=retries)
        made.meta.events.register("before-send", self._count)
        return made

    def _count(self, **_: Any) -> None:
        self.calls += 1

    def identity(self) -> Identity:
        """The caller, by GetCallerIdentity. Raises `AwsError` or `ConfigError`."""
        self.required_region()  # a misspelt Region would be reported as a network error
        with self.translated("sts", "GetCallerIdentity"):
            answer = self.client("sts").get_caller_identity()
        return Identity(answer["Account"], answer["Arn"])

    def ec2(self) -> EC2Service:
        """The look-up of images. Raises `ConfigError` without a Region, or `AwsError`."""
        region = self.required_region()
        with self.translated("ec2", "DescribeImages"):
            return EC2Service(region, client=self.client("ec2"))

    @contextlib.contextmanager
    def translated(self, service: str, operation: str) -> Iterator[None]:
        """Raises boto3's errors in the block as `AwsError`."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        # The last two: boto3 raises them for an invalid endpoint and for an AWS config file that
        # cannot be read.
        except (BotoCoreError, ClientError, ResponseParserError, ValueError, OSError) as error:
            raise translate(
                error, service=service, operation=operation, region=self.region or ""
            ) from error

    def required_region(self) -> str:
        """The Region. `ConfigError` when nothing names one, or the name is unknown."""
        if self.region is None:
            raise ConfigError(
                "No Region is set: neither --region, nor the stack's aws:region, nor AWS_REGION "
                "names one, and images differ between Regions. Set it: "
                "`pulumi config set aws:region us-east-1` for the stack, or --region us-east-1 for "
                "this command."
            )
        regions.check(self.region, self.region_source)
        return self.region

    @property
    def is_elsewhere(self) -> bool:
        """Whether the Region is not the one that the stack is in."""
        return self.stack_region is not None and self.region != self.stack_region

    def check_own_region(self) -> None:
        """`ConfigError` when the Region is not the one that the stack is in."""
        if self.is_elsewhere:
            raise ConfigError(
                f"--region is {self.region!r}, but stack {self.stack} is in {self.stack_region}, "
                "and this command works in the stack's Region only. Omit --region; "
                f"`geusemaker ami list` shows the images in {self.region}."
            )

    def required_stack(self) -> tuple[str, PulumiCli, Path]:
        """The stack's name, its CLI and its file. `ConfigError` when there is none."""
        if self.stack is None or self.cli is None or self.stack_file is None:
            raise ConfigError(self.no_stack)
        return self.stack, self.cli, self.stack_file

    def given(self) -> list[Given]:
        """The keys of this program that the stack's own file sets; empty without a stack.

        Pulumi reads the values, so they are the ones that the program sees.
        """
        if self.cli is None or self.stack_file is None:
            return []
        own = own_keys(self.stack_file)
        ours = [key for key in own if key.partition(":")[0] == NAMESPACE]
        if not ours:
            return []
        secret = {key for key in ours if own[key]}
        values = self.cli.config(show_secrets=bool(secret))
        return [
            Given(bare, values[key], StackOrigin(bare), key in secret)
            for key in ours
            if key in values
            for bare in [key.partition(":")[2]]
        ]

    def config(self) -> DeploymentConfig:
        """The stack's config; all defaults without a stack. Raises `ConfigError`."""
        return DeploymentConfig.from_given(self.given())

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; empty without a stack, or before its first deployment."""
        return self.cli.outputs() if self.cli and self.stack else {}

    def facts(self, identity: Identity, stack: str) -> dict[str, Any]:
        """The first keys of a command's JSON."""
        return {
            "region": self.region,
            "account": identity.account,
            "simulated": self.simulated,
            "stack": stack,
        }

    def shown_account(self, identity: Identity) -> str:
        """The account as every command prints it."""
        return f"{'SIMULATED ' if self.simulated else ''}account {identity.account}"


class Say(Protocol):
    """Prints a note for the user on stderr."""

    def __call__(self, text: str, /) -> None: ...


def say(text: str) -> None:
    """Prints a note on stderr: stdout is for the result."""
    terminal.paragraph(text, err=True)


@contextlib.contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """Sets this process's environment, the only one that boto3 reads."""
    before = dict(os.environ)
    if before == dict(env):
        yield
        return
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
