"""What is on this machine: the stack's config, Pulumi, its plugin, and the age of the table."""

import json
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import Any, Final

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import load_catalogue
from geusemaker.doctor.check import Check, Place
from geusemaker.errors import GeuseMakerError
from geusemaker.pulumi_cli.find import Engine, find_ready_engine
from geusemaker.pulumi_cli.programs import Machine

OLD_AFTER_DAYS: Final = 90
"""AWS ends and begins image lines a few times a year."""
_SECONDS: Final = 60.0


def config(place: Place) -> tuple[Check, DeploymentConfig | None]:
    """Whether the stack's config can be used, and the config."""
    try:
        found = place.config()
    except GeuseMakerError as error:
        return Check("config", "failed", str(error)), None
    told = f"{found.os_type} / {found.architecture} / {found.ami_type} on {found.instance_type}"
    if place.stack is None:
        return Check(
            "config", "warning", f"no stack, so the defaults: {told}", place.no_stack
        ), found
    return Check("config", "ok", f"stack {place.stack}: {told}"), found


def pulumi_cli(
    env: Mapping[str, str], machine: Machine | None = None
) -> tuple[Check, Engine | None]:
    """Whether there is a Pulumi CLI that will do; none is installed or built."""
    name = "Pulumi CLI"
    try:
        engine, tried = find_ready_engine(environ=env, machine=machine)
    except GeuseMakerError as error:  # a variable that names no folder or no source
        return Check(name, "failed", str(error)), None
    if engine is None:
        why = f" ({'; '.join(tried)})" if tried else ""
        return (
            Check(
                name,
                "warning",
                f"none that will do{why}",
                "`geusemaker deploy` installs or builds it, about 5 minutes, once; for `pulumi up` "
                "by hand see https://www.pulumi.com/docs/install/.",
            ),
            None,
        )
    where = "" if engine.source == "from PATH" else ", for `geusemaker`; PATH has none that will do"
    return Check(name, "ok", f"{engine.version} {engine.source}{where}"), engine


def aws_plugin(place: Place, engine: Engine | None, machine: Machine | None = None) -> Check:
    """Whether Pulumi's `aws` plugin is there, in the version that this program asks for."""
    name = "aws plugin"
    wanted = version("pulumi-aws")
    if place.simulated:
        return Check(name, "ok", "the simulated account stands in for it")
    if engine is None:
        return Check(name, "unknown", "not looked at: no Pulumi CLI")
    ran = (machine or Machine(place.env)).run(
        [str(engine.path_dir / "pulumi"), "plugin", "ls", "--json"],
        env={**place.env, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        seconds=_SECONDS,
    )
    if ran.code != 0:
        return Check(name, "unknown", f"`pulumi plugin ls` failed: {ran.last_line()}")
    found = _versions(ran.stdout)
    if found is None:
        return Check(name, "unknown", f"`pulumi plugin ls` printed no list: {ran.last_line()}")
    if wanted in found:
        return Check(name, "ok", wanted)
    others = f", only {', '.join(found)}" if found else ""
    return Check(
        name,
        "warning",
        f"{wanted} is not there{others}",
        "The next `pulumi up` or `geusemaker deploy` downloads it; to have it now: "
        f"`pulumi plugin install resource aws v{wanted}`.",
    )


def _versions(printed: str) -> list[str] | None:
    """The versions of the `aws` resource plugin in what `pulumi plugin ls --json` printed."""
    try:
        listed: Any = json.loads(printed)
        return [
            str(one.get("version", "")).removeprefix("v")
            for one in listed
            if one["name"] == "aws" and one["kind"] == "resource"
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def catalogue(today: date) -> Check:
    """How old the table of images is."""
    name = "catalogue"
    try:
        as_of = load_catalogue().as_of
    except GeuseMakerError as error:
        return Check(name, "failed", str(error))
    days = (today - as_of).days
    told = f"images as of {as_of}"
    if days > OLD_AFTER_DAYS:
        return Check(
            name,
            "warning",
            f"{told}, {days} days ago: AWS may have ended or begun lines since",
            "`git pull` in the clone brings the newest table.",
        )
    return Check(name, "ok", told)
