"""Checks of this machine: config, Pulumi CLI, its `aws` plugin, and the age of the image table."""

import json
import shlex
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version
from typing import Any, Final

from geusemaker.config import DeploymentConfig
from geusemaker.dlami import load_catalogue
from geusemaker.doctor.check import Check, Place
from geusemaker.errors import GeuseMakerError
from geusemaker.pulumi_cli.find import CACHED, Engine, find_ready_engine
from geusemaker.pulumi_cli.programs import Machine
from geusemaker.toml_table import OLD_AFTER_DAYS

_SECONDS: Final = 60.0


def config(place: Place) -> tuple[Check, DeploymentConfig | None]:
    """Check that the stack's config is valid; with the config, None if it is not."""
    try:
        found = place.config()
    except GeuseMakerError as error:
        return Check("config", "failed", str(error)), None
    detail = f"{found.os_type} / {found.architecture} / {found.ami_type} on {found.instance_type}"
    if place.stack is None:
        return Check(
            "config", "warning", f"no stack, so the defaults: {detail}", place.no_stack
        ), found
    return Check("config", "ok", f"stack {place.stack}: {detail}"), found


def pulumi_cli(
    env: Mapping[str, str], machine: Machine | None = None
) -> tuple[Check, Engine | None]:
    """Check for a suitable Pulumi CLI. Installs and builds none."""
    name = "Pulumi CLI"
    try:
        engine, tried = find_ready_engine(environ=env, machine=machine)
    except GeuseMakerError as error:  # a variable with an invalid path or source
        return Check(name, "failed", str(error)), None
    if engine is None:
        why = f" ({'; '.join(tried)})" if tried else ""
        return (
            Check(
                name,
                "warning",
                f"no suitable one found{why}",
                "`geusemaker deploy` installs or builds it once, in about 5 minutes; for `pulumi "
                "up` see https://www.pulumi.com/docs/install/.",
            ),
            None,
        )
    found = f"{engine.version}, {engine.path_dir / 'pulumi'}"
    if engine.source == CACHED:
        path = shlex.quote(str(engine.path_dir))
        return (
            Check(
                name,
                "warning",
                f"{found}, which only `geusemaker` uses: PATH has no suitable one",
                f'For commands that begin with `pulumi`: `export PATH={path}:"$PATH"`.',
            ),
            engine,
        )
    return Check(name, "ok", found), engine


def aws_plugin(place: Place, engine: Engine | None, machine: Machine | None = None) -> Check:
    """Check that Pulumi's `aws` plugin is installed in the version that this program needs."""
    name = "aws plugin"
    wanted = version("pulumi-aws")
    if place.simulated:
        return Check(name, "ok", "not needed for the simulated account")
    if engine is None:
        return Check(name, "unknown", "not checked: no Pulumi CLI")
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
        f"{wanted} is not installed{others}",
        "The next `pulumi up` or `geusemaker deploy` downloads it; to install it now: "
        f"`pulumi plugin install resource aws v{wanted}`.",
    )


def _versions(printed: str) -> list[str] | None:
    """The versions of the `aws` resource plugin in the output of `pulumi plugin ls --json`."""
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
    """Check the age of the image table."""
    name = "catalogue"
    try:
        as_of = load_catalogue().as_of
    except GeuseMakerError as error:
        return Check(name, "failed", str(error))
    days = (today - as_of).days
    detail = f"images as of {as_of}"
    if days > OLD_AFTER_DAYS:
        return Check(
            name,
            "warning",
            f"{detail}, {days} days ago: AWS may have started or ended lines since",
            "`git pull` in the clone gets the newest table.",
        )
    return Check(name, "ok", detail)
