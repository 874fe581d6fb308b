"""Deploys a stack of its own, takes it through its life, and removes it. It costs money on AWS.

python scripts/live                      prompts for the account's id first
python scripts/live --compare FILE       also shows what differs from another run's answers
python scripts/live --compare ONE OTHER  compares two files, runs nothing
"""

import argparse
import math
import os
import shutil
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from geusemaker import terminal
from geusemaker.config import DeploymentConfig
from geusemaker.cost import estimate_of
from geusemaker.cost.parts import HOURS_A_MONTH
from geusemaker.dlami.image import SMALLEST_ROOT_GIB
from geusemaker.errors import ConfigError, GeuseMakerError
from geusemaker.host.session import how_to_install, missing
from geusemaker.services.aws_errors import translate
from geusemaker.today import today

from . import run
from .host import PORT, is_taken
from .stack import CONFIG, Failed, create, say

HOURS_TO_REMOVE = 1


def most_usd(region: str, hours: int, day: date) -> int:
    """What the run costs at most, in whole USD, by list prices.

    Everything twice, since the old host runs while its replacement starts. Raises `ConfigError`
    where a price is unknown.
    """
    config = DeploymentConfig.model_validate(dict(CONFIG))
    found = estimate_of(config, region=region, today=day, root_gib=SMALLEST_ROOT_GIB)
    if not found.is_complete:
        why = "; ".join(f"{part.name}: {part.why}" for part in found.unknown)
        raise ConfigError(
            f"The cost of a run in {region} is unknown ({why}), so no limit would hold. Run it in "
            "us-east-1, whose prices are known: `make live LIVE='--region us-east-1'`. Where there "
            "is internet, `.venv/bin/python scripts/update_prices.py --write` reads those of more."
        )
    return math.ceil(2 * found.total * Decimal(hours) / HOURS_A_MONTH)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        others = [run.read(file) for file in options.compare]
        if len(others) == 2:
            run.show_differences(*others)
            return 0
        simulated = os.environ.get("GEUSEMAKER_SIMULATED") == "1"
        region = options.region or boto3.Session().region_name or "us-east-1"
        hours = options.hours + HOURS_TO_REMOVE
        usd = most_usd(region, hours, today())
        if usd > options.max_usd:
            raise ConfigError(
                f"The run costs up to {usd} USD, and --max-usd is {options.max_usd}. Allow more: "
                f"`make live LIVE='--max-usd {usd}'`; or allow less time by --hours."
            )
        if not simulated:
            _check_machine()
        account, arn = _identity(region)
        who = f"SIMULATED account {account}" if simulated else f"Account {account} ({arn})"
        terminal.paragraph(f"{who}, Region {region}.")
        terminal.paragraph(
            f"The run makes a stack of its own, with one host {CONFIG['instanceType']}, and "
            "removes it at the end, also after a failure or Ctrl-C. It costs up to "
            f"{usd} USD by AWS's list prices: everything twice for {hours} hours, "
            f"{HOURS_TO_REMOVE} of them for the removal. What is not removed goes on costing."
        )
        if input("Type the account's id to go on: ").strip() != account:
            say("This is not its id. Nothing was made.")
            return 1
        live = create(region, account, simulated, f"{today():%Y%m%d}")
    except (EOFError, KeyboardInterrupt):
        say("\nNothing was made.")
        return 1
    except (GeuseMakerError, Failed) as error:
        terminal.paragraph(str(error), err=True)
        return 1
    say(f"Stack {live.name}. Only if this program is killed, once no pulumi runs:")
    say(live.by_hand())
    live.limit(options.hours)
    name = "live-answers-simulated.json" if simulated else "live-answers.json"
    return run.finish(live, run.run(live), options.answers or Path(name), others)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/live", description="Take a stack of its own through its life, on AWS."
    )
    parser.add_argument("--region", help="default: that of your AWS settings, else us-east-1")
    parser.add_argument("--max-usd", type=int, default=5, help="refuse to cost more; default 5")
    parser.add_argument("--hours", type=int, default=2, help="time limit of the steps; default 2")
    parser.add_argument("--answers", type=Path, help="where to write what AWS answered")
    parser.add_argument(
        "--compare", type=Path, nargs="+", default=[], metavar="FILE",
        help="show what differs from these answers; two files: compare them and run nothing",
    )  # fmt: skip
    found = parser.parse_args(arguments)
    if len(found.compare) > 2:
        parser.error("--compare takes one file or two")
    return found


def _identity(region: str) -> tuple[str, str]:
    """The account and the caller. Raises `AwsError`."""
    try:
        found = boto3.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError, ValueError) as error:
        raise translate(
            error, service="sts", operation="GetCallerIdentity", region=region
        ) from None
    return str(found["Account"]), str(found["Arn"])


def _check_machine() -> None:
    """`ConfigError` where the tunnel could not be opened later."""
    if lacking := missing(shutil.which):
        raise ConfigError(
            f"The run needs {' and '.join(lacking)}, which PATH does not have. Install: "
            f"{how_to_install(lacking)}."
        )
    if is_taken(PORT):
        raise ConfigError(
            f"Port {PORT} of this machine is in use, and the run forwards it to the host: end the "
            f"program that has it, such as a `geusemaker connect`; `lsof -i :{PORT}` shows it."
        )
