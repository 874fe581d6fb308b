"""Whether the name of the stack is one of the hosted zone's, at preview too."""

import pulumi
import pulumi_aws as aws

from geusemaker.errors import ConfigError, one_line


def check(zone_id: str, domain: str, opts: pulumi.InvokeOptions) -> None:
    """`ConfigError` for a zone that is not there, is private, or does not hold the name.

    Route 53 would take a name from elsewhere for one below the zone, and make a record that
    nobody looks for.
    """
    try:
        zone = aws.route53.get_zone(zone_id=zone_id, opts=opts)
    except Exception as error:  # the SDK raises nothing narrower
        raise ConfigError(
            f"geusemaker:hostedZoneId is {zone_id}, which Route 53 does not show to this account. "
            f"It said: {one_line(error)} -- `aws route53 list-hosted-zones` lists those there are; "
            "`pulumi config rm geusemaker:hostedZoneId` leaves the record to you."
        ) from error
    name = (zone.name or "").rstrip(".").lower()
    if not name:
        return  # only a mock tells no name
    if zone.private_zone:
        raise ConfigError(
            f"geusemaker:hostedZoneId is {zone_id}, the private zone {name}, which no authority of "
            "certificates can see. Name the public zone of geusemaker:domain, or "
            "`pulumi config rm geusemaker:hostedZoneId` and make the record yourself."
        )
    if domain != name and not domain.endswith(f".{name}"):
        raise ConfigError(
            f"geusemaker:hostedZoneId is {zone_id}, the zone {name}, and geusemaker:domain "
            f"{domain} is not in it: the record would never be found. Choose a name in the zone, "
            f"`pulumi config set geusemaker:domain ai.{name}`, or leave the record to yourself, "
            "`pulumi config rm geusemaker:hostedZoneId`."
        )
