"""The table of prices and the estimate."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from geusemaker.config import DeploymentConfig
from geusemaker.cost import (
    Estimate,
    StackFacts,
    estimate,
    estimate_of,
    load_prices,
    over_budget,
    usd,
)
from geusemaker.cost.table import FILE
from geusemaker.ec2.model_fit import MODEL_HOSTS, PRICES_AS_OF
from geusemaker.errors import PriceError

TODAY = date(2026, 11, 30)
KEY = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
PRICES = load_prices()

# USD an hour on demand, each as two or more of these give it: AWS's price page data of 2025-04,
# Karpenter's table of 2026-07, SkyPilot's catalogue and a cost model of 2026.
HOSTS = {
    "us-east-1": {
        "t3.medium": "0.0416", "t3.large": "0.0832", "t4g.medium": "0.0336", "m5.large": "0.096",
        "m6i.large": "0.096", "m7i.large": "0.1008", "m6g.large": "0.077", "m7g.large": "0.0816",
        "c6g.large": "0.068", "c7g.large": "0.0725", "g4dn.xlarge": "0.526", "g5.xlarge": "1.006",
        "g5.2xlarge": "1.212", "g5g.xlarge": "0.42", "g5g.2xlarge": "0.556", "g6.xlarge": "0.8048",
        "g6.2xlarge": "0.9776", "g6e.xlarge": "1.861", "g6e.2xlarge": "2.24208",
        "g6e.4xlarge": "3.00424", "g6e.12xlarge": "10.49264", "gr6.4xlarge": "1.5392",
        "p4d.24xlarge": "21.957642", "p5.48xlarge": "55.04", "p5.4xlarge": "6.88",
    },
    "us-west-2": {
        "g5.xlarge": "1.006", "g6.xlarge": "0.8048", "p4d.24xlarge": "21.95764",
        "p5.48xlarge": "55.04",
    },
    "eu-west-1": {"g5.xlarge": "1.123", "p4d.24xlarge": "23.71569"},
    "eu-central-1": {
        "g5.xlarge": "1.258", "g6.xlarge": "1.0064", "g6e.4xlarge": "3.75651",
        "g6e.12xlarge": "13.12002", "g6e.48xlarge": "37.67612", "g5g.2xlarge": "0.6955",
        "g5g.4xlarge": "1.0358", "g5g.8xlarge": "1.7163", "p4d.24xlarge": "27.43298",
    },
    "ap-southeast-2": {
        "g5.xlarge": "1.308", "p4d.24xlarge": "28.54493", "p5.48xlarge": "71.552",
    },
}  # fmt: skip

# The same for the services: AWS's price page data of 2024-07, Infracost's results of 2024-07,
# public guides on CloudWatch of 2024.
SERVICES = {
    "gp3-storage": ("0.08", "0.08", "0.088", "0.0952", "0.096"),
    "gp3-iops": ("0.005", "0.005", "0.0055", "0.006", "0.006"),
    "gp3-throughput": ("0.04", "0.04", "0.044", "0.0476", "0.048"),
    "ebs-snapshot": ("0.05", "0.05", "0.05", "0.054", "0.055"),
    "efs-standard": ("0.30", "0.30", None, None, None),
    "efs-backup": ("0.05", "0.05", None, None, None),
    "public-ipv4": ("0.005",) * 5,
    "data-out": ("0.09", "0.09", "0.09", "0.09", "0.114"),
    "route53-zone": ("0.50",) * 5,
    "cw-metric": ("0.30", None, None, None, None),
    "cw-alarm": ("0.10", None, None, None, None),
}


def within_a_percent(found: Decimal, expected: str) -> bool:
    return abs(found / Decimal(expected) - 1) <= Decimal("0.01")


@pytest.mark.parametrize("region", HOSTS)
def test_hosts_cost_what_a_second_source_gives(region: str) -> None:
    for name, expected in HOSTS[region].items():
        price = PRICES.host(name, region)
        assert price, name
        assert within_a_percent(price.usd, expected), name


@pytest.mark.parametrize("rate", SERVICES)
def test_services_cost_what_a_second_source_gives(rate: str) -> None:
    for region, expected in zip(HOSTS, SERVICES[rate], strict=True):
        price = PRICES.rate(rate, region)
        assert (price is None) == (expected is None), region
        assert price is None or within_a_percent(price.usd, str(expected)), region


def test_families_that_are_not_offered_in_a_region_have_no_price() -> None:
    assert PRICES.host("g6.xlarge", "eu-west-1") is None
    assert PRICES.host("g6e.xlarge", "ap-southeast-2") is None
    assert len(PRICES.regions) == 6


def test_the_usual_hosts_of_models_have_the_price_of_the_table() -> None:
    for usual in MODEL_HOSTS:
        price = PRICES.host(usual.instance_type, "us-east-1")
        assert price
        assert usd(price.usd) == f"{usual.usd_per_hour:.2f}", usual.instance_type
        assert str(price.as_of) == PRICES_AS_OF


def of(today: date = TODAY, **facts: Any) -> Estimate:
    stack = StackFacts("us-east-1", "m6i.xlarge", root_gib=75, data_gib=100)
    return estimate(replace(stack, **facts), today)


def amounts(found: Estimate) -> dict[str, str | None]:
    return {p.key: None if p.amount is None else usd(p.amount) for p in found.parts}


def test_the_default_stack_by_part() -> None:
    found = of()
    assert amounts(found) == {
        "host": "140.16",
        "root-disk": "6.00",
        "data-disk": "8.00",
        "address": "3.65",
        "files": "1.50",
        "data-backups": "2.85",
        "files-backups": "0.29",
        "parameters": "0.00",
        "settings": "less than 0.01",
        "data-out": "0.90",
    }
    assert found.headline() == "about 163.35 USD a month"
    assert {p.key for p in found.parts if p.is_assumed} == {
        "files", "data-backups", "files-backups", "data-out",
    }  # fmt: skip
    assert all(p.note for p in found.parts if p.is_assumed)


def test_hours_change_the_host_and_an_address_that_it_does_not_keep() -> None:
    assert amounts(of(hours=100))["host"] == "19.20"
    assert amounts(of(hours=100))["address"] == "0.50"
    assert amounts(of(hours=100, keeps_address=True))["address"] == "3.65"
    assert amounts(of(hours=100))["data-disk"] == "8.00"


def test_iops_and_throughput_cost_above_what_the_volume_includes() -> None:
    found = amounts(of(iops=4000, throughput_mib_s=225))
    assert found["data-iops"] == "5.00"
    assert found["data-throughput"] == "4.00"


def test_an_unknown_price_is_never_added_and_says_why() -> None:
    found = of(region="eu-west-1", instance_type="g6.xlarge")
    assert "host" in {p.key for p in found.unknown}
    assert found.parts[0].why == "g6.xlarge is not offered in eu-west-1, or its price is unknown"
    assert found.headline().startswith("at least ")
    # The disks, the address, copies of the data disk, data out.
    assert found.total == Decimal("6.6") + Decimal("8.8") + Decimal("3.65") + Decimal("3.75")
    assert of(region="mars-1").total == 0


def test_an_unknown_number_of_addresses_is_unknown() -> None:
    (part,) = of(public_addresses=None).unknown
    assert part.key == "address"
    assert "depends on its subnet" in part.why
    assert amounts(of(public_addresses=0))["address"] == "0.00"


def test_spot_is_a_range_that_no_total_has() -> None:
    found = of(instance_type="g5.xlarge", market="spot")
    host = found.parts[0]
    assert (host.amount, host.low, host.high) == (None, Decimal("122.64146"), Decimal("734.38"))
    assert found.total == of(instance_type="g5.xlarge").total - Decimal("734.38")
    assert found.headline().startswith("at least ")


def test_a_price_is_old_after_twelve_months() -> None:
    def is_old(today: date) -> bool:
        return of(today).parts[0].is_old

    assert not is_old(date(2027, 7, 20))
    assert is_old(date(2027, 7, 21))
    assert {"root-disk", "host"} <= {p.key for p in of(region="eu-west-1").old}


# For each config key that changes the cost: a value, and the part that changes.
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "architecture": ({"architecture": "arm64"}, "host"),
    "instance_type": ({"instance_type": "g5.xlarge"}, "host"),
    "data_volume_gib": ({"data_volume_gib": 200}, "data-disk"),
    "vpc_id": ({"vpc_id": "vpc-01234567", "subnet_ids": ("subnet-01234567",)}, "address"),
    "allowed_cidrs": ({"allowed_cidrs": ("203.0.113.0/24",)}, "address"),
    "webhook_cidrs": ({"webhook_cidrs": ("203.0.113.0/24",)}, "address"),
    "domain": ({"domain": "ai.example.com"}, "address"),
    "kms_key_arn": ({"kms_key_arn": KEY}, "key-requests"),
    "backup_retention_days": ({"backup_retention_days": 0}, "data-backups"),
    "workers": ({"workers": 2}, "workers"),
    "workers_max": ({"workers_max": 2}, "queue-metrics"),
}
# These change the cost of workers, so they are tested with some.
OF_WORKERS = {"worker_instance_types", "worker_market"}
# These change the image, of which the caller gives the size of the root volume.
BY_IMAGE = {"os_type", "ami_type", "framework_version", "ami_id", "ami_name", "ami_policy"}
FREE = {
    "availability_zone_count", "vpc_cidr", "subnet_ids", "hosted_zone_id", "n8n_reaches",
    "services", "image_versions", "service_settings", "registry_logins", "api_keys",
    "ollama_models", "owner_email", "n8n_public_api", "permissions_boundary_arn",
    "extra_policy_arns", "protect_data", "budget_usd", "tags",
    "worker_concurrency", "worker_drain_seconds",
}  # fmt: skip


def configured(config: dict[str, Any], root_gib: int = 75) -> Estimate:
    checked = DeploymentConfig.model_validate(config)
    return estimate_of(checked, region="us-east-1", today=TODAY, root_gib=root_gib, hours=100)


def test_every_key_changes_the_cost_or_is_known_not_to() -> None:
    assert {*CHANGES, *OF_WORKERS, *BY_IMAGE, *FREE, "root_volume_gib"} == set(
        DeploymentConfig.model_fields
    )


@pytest.mark.parametrize("key", CHANGES)
def test_a_key_that_costs_changes_its_part(key: str) -> None:
    config, part = CHANGES[key]
    with_it, without = configured(config), configured({})
    assert [p for p in with_it.parts if p.key == part] != [
        p for p in without.parts if p.key == part
    ]


def test_the_root_volume_changes_the_cost() -> None:
    assert configured({}, 175).total - configured({}).total == 8


def test_a_burstable_type_may_cost_more() -> None:
    assert configured({"instance_type": "t3.xlarge"}).headline().startswith("at least ")


def test_a_budget_warns_only_above_it() -> None:
    for budget, warns in ((40, False), (39, True), (None, False)):
        config = DeploymentConfig(budget_usd=budget)
        assert bool(over_budget(config, configured({}))) == warns  # 39.24 USD for 100 hours
    warning = over_budget(DeploymentConfig(budget_usd=39), configured({})) or ""
    assert "geusemaker:budgetUsd is 39, but the stack costs about 39.24 USD a month" in warning
    assert "19.20 of that for the host m6i.xlarge" in warning
    limit = int(warning.rpartition("budgetUsd ")[2].rstrip("`."))
    assert over_budget(DeploymentConfig(budget_usd=limit), configured({})) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('usd = "0.08"', "usd = 0.08", 'a price must be in quotes, such as "0.08"'),
        ('medium = "0.0416"', 'medium = "0"', "greater than 0"),
        ('source = "skypilot"', 'source = "hearsay"', "there is no [[source]] 'hearsay'"),
        ('rate = "gp3-iops"', 'rate = "gp4-iops"', "there is no [[rate]] 'gp4-iops'"),
        ('"us-east-2", "us-west-2"]', '"us-east-2", "us-east-2"]', "twice"),
        ("as_of = 2026-07-20\n", "", "line"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "prices.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PriceError) as error:
        load_prices(path)
    assert said in str(error.value)
    assert "prices.toml" in str(error.value)
