"""What one resource costs a month."""

from typing import Any

import pytest

from geusemaker.cost import load_prices
from geusemaker.cost.resources import (
    ADDRESS,
    ALARM,
    FILES,
    GROUP,
    INSTANCE,
    PARAMETER,
    VAULT,
    VOLUME,
    ZONE,
    monthly,
)
from pulumi_moto.table import TYPES

ROOT = {"volumeSize": 75}
HOST = {"instanceType": "m6i.xlarge", "rootBlockDevice": ROOT, "publicIp": "192.0.2.1"}
QUERIES = [
    {"metric": {"metricName": "Waiting"}},
    {"metric": {"metricName": "Running"}},
    {"expression": "a + b"},
]


def of(
    type_: str, used: int | None = None, region: str = "us-east-1", /, **outputs: Any
) -> tuple[str | None, str]:
    cost, what = monthly(type_, outputs, used, region, load_prices())
    return (None if cost is None else f"{cost:.2f}"), what


@pytest.mark.parametrize(
    ("type_", "used", "outputs", "cost", "what"),
    [
        (VOLUME, None, {"size": 100, "type": "gp3"}, "8.00", "100 GiB"),
        (VOLUME, None, {"size": 100, "type": "io2"}, None, "100 GiB"),
        (ADDRESS, None, {}, "3.65", "public IPv4 address"),
        (FILES, 5 * 2**30, {}, "1.50", "5.00 GiB in it"),
        (FILES, None, {}, None, "AWS did not show its size"),
        (VAULT, 0, {}, "0.00", "no copies"),
        (VAULT, 1, {}, None, "1 copy; AWS bills what differs between them"),
        (VAULT, None, {}, None, "AWS did not show its copies"),
        (PARAMETER, None, {"tier": "Standard"}, "0.00", ""),
        (PARAMETER, None, {"tier": "Advanced"}, None, ""),
        (ZONE, None, {}, "0.50", "private DNS zone"),
        (ALARM, None, {"metricQueries": QUERIES}, "0.20", "alarm on 2 metrics"),
        (GROUP, None, {}, None, "its workers cost by the hour"),
        # 0.192 and 0.005 an hour for 730 hours, and 75 GiB at 0.08.
        (INSTANCE, 1, HOST, "149.81", "m6i.xlarge, running, with its root disk of 75 GiB"),
        (INSTANCE, 0, HOST, "6.00", "m6i.xlarge, stopped, with its root disk of 75 GiB"),
        (INSTANCE, 1, {**HOST, "publicIp": ""}, "146.16", "m6i.xlarge, running, with its root"),
        (INSTANCE, None, HOST, None, "m6i.xlarge; whether it runs"),
        (INSTANCE, 1, {**HOST, "instanceType": "x9.huge"}, None, "x9.huge; no price is known"),
        (INSTANCE, 1, {**HOST, "spotInstanceRequestId": "sir-1"}, None, "m6i.xlarge; whether"),
    ],
)
def test_a_resource_has_its_cost_or_the_reason_why_it_is_unknown(
    type_: str, used: int | None, outputs: dict[str, Any], cost: str | None, what: str
) -> None:
    found, said = of(type_, used, **outputs)
    assert found == cost
    assert said.startswith(what)


@pytest.mark.parametrize("type_", [VOLUME, FILES, INSTANCE, ADDRESS, ZONE, ALARM])
def test_a_region_without_prices_is_unknown(type_: str) -> None:
    assert of(type_, 1, "xx-west-1", size=1, type="gp3", **HOST)[0] is None


def test_which_types_that_the_simulator_knows_have_no_price_here() -> None:
    unknown = {one for one in TYPES if of(one)[1] == "its cost depends on use"}
    assert unknown == {
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketObjectv2:BucketObjectv2",
    }
