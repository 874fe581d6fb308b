"""Reads every stack of the project, and the images of their Regions."""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Final

from geusemaker.cli.ami_fleet import Member
from geusemaker.cli.opening import stacks_of
from geusemaker.cli.stack_file import file_of, plain_value
from geusemaker.cli.target import Target
from geusemaker.ec2.regions import OF_STACK, REGION_KEY
from geusemaker.errors import ConfigError, GeuseMakerError
from geusemaker.pulumi_cli.run import PulumiCli
from geusemaker.services.ec2 import LineImages

_AT_ONCE: Final = 4
"""Pulumi CLIs that run at the same time; each takes 0.2 s of CPU time."""


def read_members(target: Target) -> list[Member]:
    """Every stack of the project, in Pulumi's order.

    Raises:
        ConfigError: There is no Pulumi CLI, or it cannot list the stacks.
    """
    if target.cli is None:
        raise ConfigError(target.no_stack)
    cli = target.cli

    def read(stack: str) -> Member:
        return _member(target, cli.of_stack(stack), stack)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(read, stacks_of(cli)))


def _member(target: Target, cli: PulumiCli, stack: str) -> Member:
    try:
        outputs = cli.outputs()
        # The stack's file may be another clone's, or changed since the deployment.
        region = _deployed_in(outputs) or plain_value(
            file_of(target.project, target.env, stack), REGION_KEY
        )
    except GeuseMakerError as error:
        return Member(stack, {}, None, str(error))
    return Member(stack, outputs, region)


def _deployed_in(outputs: dict[str, object]) -> str | None:
    """The Region in the stack's command for a tunnel."""
    _, _, rest = str(outputs.get("connectCommand") or "").partition(" --region ")
    return rest.split()[0] if rest.split() else None


def lines_by_region(
    target: Target, members: Sequence[Member], today: date
) -> tuple[dict[str, tuple[LineImages, ...]], dict[str, str], int]:
    """Each Region's images, the reason for each Region without an answer, and the API calls.

    Images are the same in every account, so one search of each Region is enough.
    """
    answers: dict[str, tuple[LineImages, ...]] = {}
    why_not: dict[str, str] = {}
    calls = 0
    for region in sorted({one.region for one in members if one.region and one.outputs}):
        own = dataclasses.replace(
            target, region=region, region_source=OF_STACK, calls=0, _session=None
        )
        try:
            answers[region] = own.ec2().list_lines(today)
        except GeuseMakerError as error:
            why_not[region] = str(error)
        calls += own.calls
    return answers, why_not, calls
