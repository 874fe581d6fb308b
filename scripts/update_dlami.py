"""Proposes a new table of images from what AWS shows, and says what changed.

python scripts/update_dlami.py                      calls AWS in us-east-1, prints, writes nothing
python scripts/update_dlami.py --from images.json   the same from a saved answer
python scripts/update_dlami.py --write              writes the proposal into catalogue.toml
python scripts/update_dlami.py --check-age          warns if the table is older than 90 days

Exit codes: 0 done, 1 failed, 2 wrong flags. `dlami_proposal.py` makes the proposal.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any, Final

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from dlami_images import Image  # noqa: E402
from dlami_proposal import Proposal, age_warning, propose  # noqa: E402

from geusemaker.dlami import Catalogue, load_catalogue  # noqa: E402
from geusemaker.errors import CatalogueError, GeuseMakerError, one_line  # noqa: E402

TABLE = ROOT / "geusemaker" / "dlami" / "catalogue.toml"
DEFAULT_REGION = "us-east-1"
NAMES: Final = "*Deep Learning*"
SAVE = (
    "aws ec2 describe-images --owners amazon --include-deprecated "
    f"--filters 'Name=name,Values={NAMES}' --output json > images.json"
)

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


class UpdateError(GeuseMakerError):
    """An input, or an answer of AWS, cannot be used."""


def asked(client: "EC2Client") -> list[Any]:
    """All pages of DescribeImages on Deep Learning AMIs, in one Region, as boto3 gives them."""
    pages = client.get_paginator("describe_images").paginate(
        Owners=["amazon"],
        IncludeDeprecated=True,
        Filters=[{"Name": "name", "Values": [NAMES]}],
        PaginationConfig={"PageSize": 500},
    )
    return [image for page in pages for image in page.get("Images", [])]


def ask(region: str) -> list[Any]:
    """The images that AWS shows in a Region. Raises `UpdateError` with the fix."""
    try:
        return asked(boto3.Session().client("ec2", region_name=region))
    except NoCredentialsError as error:
        raise UpdateError(
            f"AWS cannot be called in Region {region}: there are no credentials, neither in the "
            "environment nor in a profile. Log in by `aws configure` or `aws sso login`; the "
            "credentials need ec2:DescribeImages only. Or save the answer on another machine for "
            f"`--from images.json`: `{SAVE}`."
        ) from error
    except (BotoCoreError, ClientError, ValueError) as error:
        raise UpdateError(
            f"AWS did not answer in Region {region}: {one_line(error)}. The credentials need "
            "ec2:DescribeImages, and the Region must be one of the account: "
            "`aws ec2 describe-regions` lists them."
        ) from error


def from_file(path: Path) -> list[Any]:
    """The images of a saved answer. Raises `UpdateError` if the file holds no answer."""
    try:
        answer = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UpdateError(
            f"--from is {path}, which cannot be read: {error.strerror}. `{SAVE}` makes such a file."
        ) from error
    except ValueError as error:  # no JSON, or no UTF-8
        raise UpdateError(
            f"--from is {path}, which is no JSON ({one_line(error)}): was the answer cut off? "
            f"Save it again: `{SAVE}`."
        ) from error
    images = answer.get("Images") if isinstance(answer, dict) else answer
    if not isinstance(images, list):
        raise UpdateError(
            f"--from is {path}, which holds no list of images: it must be the answer of "
            f'DescribeImages, {{"Images": [...]}}, or its list alone. `{SAVE}` saves it.'
        )
    return images


def as_images(answer: Iterable[Any]) -> tuple[list[Image], int]:
    """The images of an answer, and the number of entries without a name."""
    found, broken = [], 0
    for entry in answer:
        name = entry.get("Name") if isinstance(entry, Mapping) else None
        if isinstance(name, str):
            found.append(
                Image(
                    name=name,
                    architecture=entry.get("Architecture"),
                    owner=entry.get("ImageOwnerAlias"),
                    state=entry.get("State"),
                    created=_day(entry.get("CreationDate")),
                    root_gib=_root_gib(entry),
                )
            )
        else:
            broken += 1
    return found, broken


def _day(value: object) -> date | None:
    """The day of a time such as "2026-10-09T21:05:11.000Z", in UTC as EC2 gives it."""
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _root_gib(entry: Mapping[str, Any]) -> int | None:
    """GiB of the root volume; None if the answer does not say."""
    mappings = entry.get("BlockDeviceMappings")
    for mapping in mappings if isinstance(mappings, list) else ():
        if isinstance(mapping, Mapping) and mapping.get("DeviceName") == entry.get(
            "RootDeviceName"
        ):
            volume = mapping.get("Ebs")
            size = volume.get("VolumeSize") if isinstance(volume, Mapping) else None
            return size if isinstance(size, int) and size > 0 else None
    return None


def read_table(path: Path) -> tuple[str, Catalogue]:
    """The text of the table, and its catalogue. Raises `CatalogueError`, or `UpdateError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UpdateError(
            f"--catalogue is {path}, which cannot be read: {one_line(error)}. Without the flag it "
            "is the table of this clone; `git checkout` restores that."
        ) from error
    return text, loaded(text, path.name)


def loaded(text: str, name: str) -> Catalogue:
    """The catalogue in the text, by the program's loader; errors call the file `name`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        return load_catalogue(path)


def write_whole(path: Path, text: str) -> None:
    """Writes next to the file and renames: a reader sees the old text or the new."""
    path = path.resolve()
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise UpdateError(
            f"{path} cannot be written: {error.strerror}. It is unchanged; `--output` takes "
            "another file."
        ) from error


def report(proposal: Proposal, where: str, read_on: date, broken: int = 0) -> str:
    """The report for the user, the most important part first. Ends with a line break."""
    others = sum(group.count for group in proposal.unknown)
    out = [
        f"{where}, read on {read_on}: {proposal.known} images of known lines, {others} of no "
        f"known line, {sum(proposal.left_out.values())} left out on purpose, "
        f"{sum(proposal.ignored.values()) + broken} ignored."
    ]
    if proposal.unknown:
        out += ["", f"NAMES OF NO KNOWN LINE, by form (# is a number): {len(proposal.unknown)}"]
        for group in proposal.unknown:
            newest = f", newest of {group.newest}" if group.newest else ""
            out.append(f"  {group.count:4}  {group.form}\n        {group.hint}{newest}")
    sections = {
        "CHANGES of the table": proposal.changes,
        "TO CHECK by hand": proposal.checks,
        "NOTES": proposal.notes,
        "LEFT OUT on purpose": _counts(proposal.left_out),
        "IGNORED": _counts(proposal.ignored | ({"without a name": broken} if broken else {})),
    }
    for title, paragraphs in sections.items():
        if paragraphs:
            out += ["", f"{title}: {len(paragraphs)}"]
            out += [_item(paragraph) for paragraph in paragraphs]
    return "\n".join(out) + "\n"


def _counts(counts: Mapping[str, int]) -> list[str]:
    return [f"{counts[why]} {why}" for why in sorted(counts, key=lambda why: -counts[why])]


def _item(paragraph: str) -> str:
    return fill(
        paragraph,
        100,
        initial_indent="  - ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def annotation(path: Path, text: str) -> str:
    """A warning that GitHub shows on the first line of a file of the repository."""
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::warning file={name},line=1,title=Old table of images::{escaped}"


def print_warning(path: Path, text: str | None) -> None:
    """Prints the warning on a table, if there is one; for GitHub as an annotation."""
    if text:
        print(annotation(path, text) if os.environ.get("GITHUB_ACTIONS") else text)


def _utc(time: datetime | None) -> date | None:
    return time.date() if time else None


@app.command()
def update(
    regions: Annotated[
        list[str] | None,
        typer.Option("--region", help=f"Call AWS there; repeatable. Default: {DEFAULT_REGION}."),
    ] = None,
    saved: Annotated[
        Path | None, typer.Option("--from", help="A saved answer of DescribeImages, as JSON.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write it into the table.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write it into that file.")] = None,
    today: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The day of the answer. Default: today in UTC; with --from the file's day.",
        ),
    ] = None,
    check_age: Annotated[
        bool, typer.Option("--check-age", help="Only warn if the table is old; exits 0.")
    ] = False,
    table: Annotated[
        Path, typer.Option("--catalogue", help="Another table.", show_default=False)
    ] = TABLE,
) -> None:
    """Propose a new table of images from what AWS shows, and print what changed."""
    if check_age and (regions or saved or write or output):
        raise typer.BadParameter("--check-age takes --today and --catalogue only")
    if regions and saved:
        raise typer.BadParameter("--region and --from are two sources; give one")
    if write and output:
        raise typer.BadParameter("--write and --output are two targets; give one")
    day = _utc(today) or datetime.now(UTC).date()
    if check_age:
        print_warning(table, age_warning(read_table(table)[1].as_of, day))
        return
    text, catalogue = read_table(table)
    if saved:
        answer, where = from_file(saved), str(saved)
        if today is None:  # the answer is as old as the file
            day = min(day, datetime.fromtimestamp(saved.stat().st_mtime, UTC).date())
    else:
        regions = list(dict.fromkeys(regions or [DEFAULT_REGION]))
        answer = [image for region in regions for image in ask(region)]
        where = f"AWS in {', '.join(regions)}"
    images, broken = as_images(answer)
    proposal = propose(text, catalogue, images, day)
    try:
        loaded(proposal.text, table.name)
    except CatalogueError as error:
        raise UpdateError(
            f"The proposal does not load, and nothing was written: {error} The fault is in the "
            "proposal, not in the table: change the table by hand."
        ) from error
    print(report(proposal, where, day, broken))
    target = table if write else output
    if target and (output or proposal.text != text):
        write_whole(target, proposal.text)
        print(f"Written: {target}")
    elif proposal.text == text:
        print("The table already holds all of this: nothing to write.")
    else:
        print("Nothing was written. Run it again with `--write` to change the table.")


def main(arguments: list[str] | None = None, script: typer.Typer = app) -> None:
    """Runs a script. Exit codes: 0 done, 1 failed, 2 wrong flags."""
    try:
        script(arguments)
    except GeuseMakerError as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
