"""Checks during preview that the hosted zone contains the stack's domain."""

import pulumi
import pulumi_aws as aws

from geusemaker.errors import ConfigError, one_line


def check(zone_id: str, domain: str, opts: pulumi.InvokeOptions) -> None:
    """Raises `ConfigError` for a zone that does not exist, is private, or lacks the domain.

    Route 53 would append the zone to a name outside of it, and no resolver would find the record.
    """
    try:
        zone = aws.route53.get_zone(zone_id=zone_id, opts=opts)
    except Exception as error:  # the SDK raises nothing narrower
        raise ConfigError(
            f"geusemaker:hostedZoneId is {zone_id}, which does not exist for this account. Route "
            f"53 answered: {one_line(error)} -- `aws route53 list-hosted-zones` lists the existing "
            "zones. To create the record yourself: `pulumi config rm geusemaker:hostedZoneId`."
        ) from error
    name = (zone.name or "").rstrip(".").lower()
    if not name:
        return  # only under mocks
    if zone.private_zone:
        raise ConfigError(
            f"geusemaker:hostedZoneId is {zone_id}, the private zone {name}, which no certificate "
            "authority can read. Set the public zone of geusemaker:domain. To create the record "
            "yourself: `pulumi config rm geusemaker:hostedZoneId`."
        )
    if domain != name and not domain.endswith(f".{name}"):
        raise ConfigError(
            f"geusemaker:hostedZoneId is {zone_id}, the zone {name}, and geusemaker:domain "
            f"{domain} is not in it: the record would never be found. Set a name in the zone, "
            f"`pulumi config set geusemaker:domain ai.{name}`, or create the record yourself, "
            "`pulumi config rm geusemaker:hostedZoneId`."
        )
