"""`scripts/update_prices.py`, on a small piece in the format of AWS's price list."""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from geusemaker.cost.table import FILE, load_prices

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

import update_prices as script  # noqa: E402

TABLE = load_prices()
META = (
    '"FormatVersion","v1.0"\n"Disclaimer","For information"\n'
    '"Publication Date","2026-11-20T01:02:03Z"\n'
)
COLUMNS = (
    "SKU", "TermType", "StartingRange", "Unit", "PricePerUnit", "Currency", "usageType",
    "Instance Type", "Tenancy", "Operating System", "CapacityStatus", "Pre Installed S/W",
    "Transfer Type",
)  # fmt: skip


def row(usd: str, usage_type: str, start: str = "0", unit: str = "GB-Mo", term: str = "OnDemand",
        kind: str = "") -> list[str]:  # fmt: skip
    return ["A1", term, start, unit, usd, "USD", usage_type, "", "", "", "", "", kind]


def host(
    usd: str,
    name: str = "g5.xlarge",
    tenancy: str = "Shared",
    system: str = "Linux",
    status: str = "Used",
    software: str = "NA",
    term: str = "OnDemand",
) -> list[str]:
    usage = f"EU-BoxUsage:{name}"
    return ["B1", term, "0", "Hrs", usd, "USD", usage, name, tenancy, system, status, software, ""]


def text(*rows: list[str]) -> str:
    return META + "".join(
        ",".join(f'"{cell}"' for cell in one) + "\n" for one in (list(COLUMNS), *rows)
    )


def folder(path: Path, **offers: list[list[str]]) -> Path:
    for offer in ("AmazonEC2", "AmazonEFS", "AWSBackup", "AmazonVPC", "AmazonS3", "awskms",
                  "AWSDataTransfer", "AmazonCloudWatch"):  # fmt: skip
        place = path / offer / "eu-west-1.csv"
        place.parent.mkdir(parents=True)
        place.write_text(text(*offers.get(offer, [])))
    return path


HOSTS = [
    host("1.2"),
    host("1.3", tenancy="Dedicated"),
    host("1.4", system="Windows"),
    host("1.5", status="UnusedCapacityReservation"),
    host("1.6", software="SQL Std"),
    host("1.7", term="Reserved"),
    host("0"),
    host("9.9", name="x99.large"),
    row("45.056", "EU-EBS:VolumeP-Throughput.gp3", unit="GiBps-mo"),
    row("0.09", "EU-EBS:VolumeUsage.gp3"),
    row("0.9", "EU-EBS:VolumeUsage.gp3.more"),
]


def test_hosts_are_on_demand_linux_with_shared_tenancy() -> None:
    found = script.parse(text(*HOSTS).splitlines(), ["EBS:VolumeUsage.gp3"])
    assert found.published == date(2026, 11, 20)
    assert found.hosts == {"g5.xlarge": Decimal("1.2"), "x99.large": Decimal("9.9")}
    assert found.rates == {"EBS:VolumeUsage.gp3": Decimal("0.09")}


def test_of_tiers_the_first_that_costs_counts() -> None:
    out = "DataTransfer-Out-Bytes"
    rows = [
        row("0.07", f"EU-{out}", "51200", kind="AWS Outbound"),
        row("0.09", f"EU-{out}", "100", kind="AWS Outbound"),
        row("0", f"EU-{out}", "0", kind="AWS Outbound"),
        row("0.01", f"EU-{out}", "0", kind="InterRegion Outbound"),
    ]
    assert script.parse(text(*rows).splitlines(), [out]).rates == {out: Decimal("0.09")}


def test_the_new_table_has_the_new_prices_and_keeps_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    saved = folder(
        tmp_path / "saved",
        AmazonEC2=HOSTS,
        AmazonEFS=[row("0.33", "EU-TimedStorage-ByteHrs")],
        awskms=[row("0.000003", "eu-west-1-KMS-Requests", unit="Requests")],
    )
    flags = ["--from", str(saved), "--region", "eu-west-1"]
    assert script.main(flags, table) == 0
    assert table.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
    assert script.main([*flags, "--write"], table) == 0
    said = capsys.readouterr().out
    assert "g5.xlarge in eu-west-1: 1.123 -> 1.2\n" in said
    assert "efs-standard in eu-west-1: unknown -> 0.33\n" in said
    assert "public-ipv4 in eu-west-1: not in the list of AmazonVPC, kept\n" in said
    new = load_prices(table)

    def usd(rate: str, region: str = "eu-west-1") -> Decimal | None:
        price = new.rate(rate, region)
        return price.usd if price else None

    g5 = new.host("g5.xlarge", "eu-west-1")
    assert g5
    assert (g5.usd, g5.as_of, g5.source) == (Decimal("1.2"), date(2026, 11, 20), script.PAGE)
    assert usd("gp3-throughput") == Decimal("0.044")
    assert usd("gp3-storage") == Decimal("0.09")
    assert usd("kms-requests") == Decimal("0.03")
    kept = ("public-ipv4", "eu-west-1"), ("gp3-storage", "us-west-2"), ("data-out", "us-east-1")
    assert all(new.rate(*one) == TABLE.rate(*one) for one in kept)
    assert new.host("x99.large", "eu-west-1") is None
    assert new.hosts.keys() == TABLE.hosts.keys()
    changed = {place for place, price in new.hosts.items() if price != TABLE.hosts[place]}
    assert changed == {("eu-west-1", "g5.xlarge")}


@pytest.mark.parametrize("content", ["", "<html>\n", '"SKU","TermType"\n'])
def test_what_is_no_price_list_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    saved = folder(tmp_path / "saved")
    (saved / "AWSBackup" / "eu-west-1.csv").write_text(content)
    assert script.main(["--from", str(saved), "--region", "eu-west-1", "--write"], table) == 1
    assert "no price list of AWS" in capsys.readouterr().err
    assert table.read_text(encoding="utf-8") == FILE.read_text(encoding="utf-8")
