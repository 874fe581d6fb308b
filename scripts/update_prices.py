"""Renews the table of prices from AWS's public price list, and says what changed.

python scripts/update_prices.py                    reads the list for all Regions, writes nothing
python scripts/update_prices.py --write            writes the new prices into prices.toml
python scripts/update_prices.py --region REGION    the same of one Region
python scripts/update_prices.py --from FOLDER      from saved files, FOLDER/OFFER/REGION.csv

It needs internet and no account. The files of EC2 have hundreds of MB; they are read as they arrive
and not stored. A price that the list does not have keeps its value and its day, and is named.
Exit codes: 0 done, 1 failed, 2 wrong flags.
"""

import argparse
import csv
import io
import re
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import tomlkit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from geusemaker.cost.table import FILE, PricesFile, load_prices  # noqa: E402
from geusemaker.errors import GeuseMakerError, one_line  # noqa: E402

URL: Final = (
    "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/{offer}/current/{region}/index.csv"
)
EC2: Final = "AmazonEC2"
SOURCE: Final = "price-list"
PAGE: Final = "AWS's public price list"
SECONDS: Final = 60.0

_prefix = r"([A-Z]{2,4}[0-9]?-|[a-z]{2}-[a-z]+-[0-9]-)?"
"""Of a usage type: EUC1-, or the Region itself in the offer of KMS."""

Lines = Callable[[str, str], AbstractContextManager[Iterable[str]]]
"""The lines of the file of an offer and a Region."""


class UpdateError(GeuseMakerError):
    """A file of the price list cannot be read."""


@dataclass
class Listed:
    """Prices of one file: USD by instance type, and by usage type without its prefix."""

    published: date
    hosts: dict[str, Decimal] = field(default_factory=dict)
    rates: dict[str, Decimal] = field(default_factory=dict)


def parse(lines: Iterable[str], usage_types: Iterable[str]) -> Listed:
    """The prices in a CSV file of the price list: a few lines of metadata, then a table.

    Of hosts: Linux without further software, shared tenancy, on demand. Of a usage type with tiers:
    the first that costs.
    """
    rows = csv.reader(lines)
    published = None
    for row in rows:
        if row[:1] == ["Publication Date"]:
            published = date.fromisoformat(row[1][:10])
        if row[:1] == ["SKU"]:
            break
    else:
        raise UpdateError("The file has no line that begins with SKU: it is no price list of AWS.")
    if published is None:
        raise UpdateError("The file has no Publication Date: it is no price list of AWS.")
    found = Listed(published)
    wanted = {one: re.compile(_prefix + re.escape(one)) for one in usage_types}
    starts: dict[str, Decimal] = {}
    for values in rows:
        one = dict(zip(row, values, strict=False))
        if one.get("TermType") != "OnDemand" or one.get("Currency") != "USD":
            continue
        usd = Decimal(one["PricePerUnit"])
        if usd <= 0:
            continue
        if _is_host(one):
            found.hosts[one["Instance Type"]] = usd
            continue
        for usage_type, pattern in wanted.items():
            start = Decimal(one.get("StartingRange") or 0)
            matches = pattern.fullmatch(one.get("usageType", "")) and _is_out(one)
            if matches and start < starts.get(usage_type, Decimal("Infinity")):
                starts[usage_type], found.rates[usage_type] = start, usd
    return found


def _is_host(row: Mapping[str, str]) -> bool:
    return (
        row.get("Tenancy") == "Shared"
        and row.get("Operating System") == "Linux"
        and row.get("Pre Installed S/W") == "NA"
        and row.get("CapacityStatus") == "Used"
        and row.get("Unit") == "Hrs"
    )


def _is_out(row: Mapping[str, str]) -> bool:
    """Whether traffic goes to the internet. True of everything else than traffic."""
    return row.get("Transfer Type") in (None, "", "AWS Outbound")


class Download(AbstractContextManager[Iterable[str]]):
    """The lines of a file of AWS, as they arrive."""

    def __init__(self, offer: str, region: str) -> None:
        self._url = URL.format(offer=offer, region=region)

    def __enter__(self) -> Iterator[str]:
        self._answer = urllib.request.urlopen(self._url, timeout=SECONDS)  # noqa: S310 - https
        return io.TextIOWrapper(self._answer, encoding="utf-8", newline="")

    def __exit__(self, *_: object) -> None:
        self._answer.close()


def saved_in(folder: Path) -> Lines:
    """The lines of saved files."""
    return lambda offer, region: (folder / offer / f"{region}.csv").open(
        encoding="utf-8", newline=""
    )


def propose(text: str, lines: Lines, regions: Sequence[str]) -> tuple[str, list[str]]:
    """The new text of the table, and what changed, one line each. Raises `UpdateError`."""
    file = PricesFile.model_validate(tomlkit.parse(text).unwrap())
    document: Any = tomlkit.parse(text)
    changes: list[str] = []
    if all(row["key"] != SOURCE for row in document["source"]):
        document["source"].append({"key": SOURCE, "page": PAGE})
    offers = {rate.offer for rate in file.rate if rate.offer} | {EC2}
    for region in regions:
        for offer in sorted(offers):
            rates = [rate for rate in file.rate if rate.offer == offer and rate.usage_type]
            listed = _read(lines, offer, region, [str(rate.usage_type) for rate in rates])
            for rate in rates:
                usd = listed.rates.get(str(rate.usage_type))
                if usd is None:
                    changes.append(f"{rate.key} in {region}: not in the list of {offer}, kept")
                    continue
                new = _plain(usd * rate.times)
                changes += _set_rate(document, rate.key, region, new, listed.published)
            if offer == EC2:
                changes += _set_hosts(document, region, listed)
    return tomlkit.dumps(document), changes


def _read(lines: Lines, offer: str, region: str, usage_types: list[str]) -> Listed:
    try:
        with lines(offer, region) as found:
            return parse(found, usage_types)
    except UpdateError as error:
        raise UpdateError(f"{offer} in {region}: {error} Nothing was written.") from error
    except (OSError, ValueError, KeyError, ArithmeticError, csv.Error) as error:
        raise UpdateError(
            f"The price list of {offer} in {region} cannot be read: {one_line(error)}. Nothing was "
            "written. `--from FOLDER` takes saved files instead."
        ) from error


def _set_rate(document: Any, key: str, region: str, usd: str, day: date) -> list[str]:
    """Gives the price a row of its own. The other Regions of its row keep theirs."""
    was = None
    for row in list(document["price"]):
        if row["rate"] == key and region in row["regions"]:
            was = str(row["usd"])
            row["regions"].remove(region)
            if not row["regions"]:
                document["price"].remove(row)
    document["price"].append(
        {"rate": key, "usd": usd, "regions": [region], "source": SOURCE, "as_of": day}
    )
    same = was is not None and Decimal(was) == Decimal(usd)
    return [] if same else [f"{key} in {region}: {was or 'unknown'} -> {usd}"]


def _set_hosts(document: Any, region: str, listed: Listed) -> list[str]:
    """Replaces the prices of the families in the table. Types that the list lacks stay."""
    families = {family for block in document["instances"] for family in block["usd_an_hour"]}
    new: dict[str, dict[str, str]] = {}
    changes = []
    for name in sorted(listed.hosts):
        family, _, size = name.partition(".")
        if family in families and not size.startswith("metal"):
            new.setdefault(family, {})[size] = _plain(listed.hosts[name])
    for block in list(document["instances"]):
        if block["region"] != region:
            continue
        for family, sizes in list(block["usd_an_hour"].items()):
            for size, was in list(sizes.items()):
                if usd := new.get(family, {}).get(size):
                    if Decimal(usd) != Decimal(was):
                        changes.append(f"{family}.{size} in {region}: {was} -> {usd}")
                    del sizes[size]
                else:
                    changes.append(f"{family}.{size} in {region}: not in the list, kept")
            if not sizes:
                del block["usd_an_hour"][family]
        if not block["usd_an_hour"]:
            document["instances"].remove(block)
    if new:
        tables = tomlkit.table()
        for family, sizes in new.items():
            tables[family] = tomlkit.inline_table()
            tables[family].update(sizes)
        row = tomlkit.table()
        row.update({"region": region, "source": SOURCE, "as_of": listed.published})
        row["usd_an_hour"] = tables
        document["instances"].append(row)
    return changes


def _plain(usd: Decimal) -> str:
    return f"{usd.normalize():f}"


def main(arguments: Sequence[str] | None = None, table: Path = FILE) -> int:
    parser = argparse.ArgumentParser(description="Renew the table of prices from AWS's price list.")
    known = load_prices().regions
    parser.add_argument("--region", action="append", choices=known, help="only this Region")
    parser.add_argument("--from", dest="folder", type=Path, help="folder with saved files")
    parser.add_argument("--write", action="store_true", help="write the new prices")
    given = parser.parse_args(arguments)
    lines = saved_in(given.folder) if given.folder else Download
    try:
        text, changes = propose(
            table.read_text(encoding="utf-8"), lines, given.region or list(known)
        )
    except UpdateError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(changes) or "No price changed.")
    if given.write:
        table.write_text(text, encoding="utf-8")
        print(f"Written: {table}. Now run `python scripts/config_table.py` for the README.")
    else:
        print("Nothing was written. Run it again with `--write` to change the table.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
