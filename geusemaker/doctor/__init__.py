"""Checks whether a deployment can work, before it is tried. Changes and builds nothing."""

from dataclasses import dataclass
from datetime import date

from geusemaker.doctor import account, host, images, machine, vcpus
from geusemaker.doctor.check import NO_CONFIG, NO_TYPE, Check, Place
from geusemaker.doctor.workers import worker_checks
from geusemaker.pulumi_cli.programs import Machine

__all__ = ["Check", "Findings", "Place", "examine"]


@dataclass(frozen=True, slots=True)
class Findings:
    """All checks in order, and the account's number; None without a login."""

    account: str | None
    checks: tuple[Check, ...]

    @property
    def has_failed(self) -> bool:
        return any(check.state == "failed" for check in self.checks)


def examine(place: Place, today: date, this_machine: Machine | None = None) -> Findings:
    """Run every check once; a check that depends on a failed one is `unknown`."""
    who, number = account.credentials(place)
    is_logged_in = number is not None
    where = account.region(place, is_logged_in=is_logged_in)
    has_region = where.state != "failed"
    what, config = machine.config(place)
    of_workers: tuple[Check, ...] = ()
    if config is None:
        image, kind, quota = (
            Check(name, "unknown", NO_CONFIG) for name in (images.NAME, host.NAME, vcpus.NAME)
        )
    else:
        image, wanted = images.image(
            place, config, is_logged_in=is_logged_in, has_region=has_region, today=today
        )
        kind, described = host.instance_type(
            place, config, wanted, is_logged_in=is_logged_in, has_region=has_region
        )
        if kind.state == "failed":  # more quota would not help
            quota = Check(vcpus.NAME, "unknown", NO_TYPE)
        else:
            quota = vcpus.vcpu_quota(
                place,
                config.instance_type,
                described,
                is_logged_in=is_logged_in,
                has_region=has_region,
            )
        of_workers = tuple(
            worker_checks(
                place, config, described, is_logged_in=is_logged_in, has_region=has_region
            )
        )
    cli, engine = machine.pulumi_cli(place.env, this_machine)
    plugin = machine.aws_plugin(place, engine, this_machine)
    table = machine.catalogue(today)
    return Findings(number, (who, where, what, image, kind, quota, *of_workers, cli, plugin, table))
