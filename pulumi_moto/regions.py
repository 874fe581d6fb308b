"""One account in all Regions, as the providers of a program see it."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .account import Account
from .admission import MADE_UP, Keys
from .backends import has_region
from .lookup import InvokeError
from .seed import NEW_ACCOUNT, Seed


def no_host(region: str) -> str:
    """The real provider's error in an unknown Region: it calls STS, and no host has that name.

    It does not check the name against a list.
    """
    host = f"sts.{region}.amazonaws.com"
    return (
        "unable to validate AWS credentials.\nDetails: validating provider credentials: retrieving "
        "caller identity from STS: operation error STS: GetCallerIdentity, https response error "
        f'StatusCode: 0, RequestID: , request send failed, Post "https://{host}/": dial tcp: '
        f"lookup {host}: no such host\n"
    )


@dataclass
class Regions:
    """The account in each Region in use.

    `region` is that of a provider which sets none: the environment of the CLI, from which the real
    provider takes it, does not reach this process. `endpoint` and `keys` are those of `Account`.
    """

    region: str
    seed: Seed = NEW_ACCOUNT
    endpoint: str | None = None
    keys: Keys = MADE_UP
    in_use: dict[str, Account] = field(default_factory=dict)

    def account(self, region: str) -> Account:
        """The account in a Region; the Region is seeded at its first use."""
        if region not in self.in_use:
            self.seed.open(region)
            self.in_use[region] = Account(region, self.endpoint, self.keys)
        return self.in_use[region]


@dataclass(frozen=True)
class Configured:
    """One provider of a program: the account in its Region, with its default tags."""

    regions: Regions
    region: str
    default_tags: Mapping[str, str]

    @classmethod
    def of(cls, regions: Regions, config: Mapping[str, Any]) -> "Configured":
        """The provider of a config. Raises `InvokeError` for an unknown Region."""
        region = config.get("region") or regions.region
        if not has_region(region):
            raise InvokeError(no_host(region))
        tags = config.get("defaultTags") or {}
        if isinstance(tags, str):
            tags = json.loads(tags)
        return cls(regions, region, tags.get("tags") or {})

    def account(self, *given: Mapping[str, Any]) -> Account:
        """The account in the first Region that a map names as `region`, else the provider's own.

        The maps are the inputs of a resource and then its state, or the arguments of a look-up.
        """
        named = (one["region"] for one in given if isinstance(one.get("region"), str))
        account = self.regions.account(next(filter(None, named), self.region))
        return dataclasses.replace(account, default_tags=self.default_tags)
