"""Gets the digest of each service's image from its registry, and proposes a new table.

python scripts/update_service_images.py                    calls them, prints, writes nothing
python scripts/update_service_images.py --tag n8n=2.43.0   the same with another tag; n8n's runner
                                                           follows n8n
python scripts/update_service_images.py --from saved.json  the same from {"IMAGE:TAG": "sha256:…"}
python scripts/update_service_images.py --write            writes the proposal into images.toml
python scripts/update_service_images.py --check-age        warns if the table is older than 90 days

It needs no account: the answers are public, one request an image. A person decides whether a
version suits: the proposal changes only the tags of `--tag`.
Exit codes: 0 done, 1 failed, 2 wrong flags.
"""

import hashlib
import json
import re
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import tomlkit
import typer

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import update_dlami  # noqa: E402

from geusemaker.bundle.images import TABLE, Table, age_warning, read_images  # noqa: E402
from geusemaker.bundle.reference import Reference  # noqa: E402
from geusemaker.errors import BundleError, GeuseMakerError, one_line  # noqa: E402

SECONDS: Final = 60.0
HOSTS: Final[Mapping[str, str]] = {"docker.io": "https://registry-1.docker.io"}
"""Addresses of registries whose API is not at their own name."""
SOURCE: Final = "the registry's answer"

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}
_digest = re.compile(r"sha256:[0-9a-f]{64}")
_challenge = re.compile(r'(\w+)="([^"]*)"')

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

Ask = Callable[[Reference], "Found"]


class UpdateError(GeuseMakerError):
    """An input, or an answer of a registry, cannot be used."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a registry has under a tag. `architectures` is None if unknown."""

    digest: str
    architectures: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """The new text of the table, and what differs from the old one, one line each."""

    text: str
    changes: tuple[str, ...]


def ask_registry(image: Reference, mirrors: Mapping[str, str]) -> Found:
    """The digest of a tag's index by the registry's HTTP API. Raises `UpdateError`."""
    base = mirrors.get(image.registry) or HOSTS.get(image.registry, f"https://{image.registry}")
    url = f"{base}/v2/{image.repository}/manifests/{image.tag}"
    headers = {"Accept": ", ".join(_INDEX_TYPES)}
    try:
        try:
            said, body = _get(url, headers)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 401:
                    raise
                # Public images too need a token, which the registry gives without a login.
                challenge = error.headers.get("WWW-Authenticate", "")
            headers["Authorization"] = f"Bearer {_token(challenge)}"
            said, body = _get(url, headers)
        kind, index = said.get("Content-Type", "").partition(";")[0], json.loads(body)
    except urllib.error.HTTPError as error:
        error.close()
        raise UpdateError(
            f"{image} was requested at {url}, which answered {error.code} {error.reason}: does the "
            "tag exist? `--tag KEY=TAG` requests another."
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise UpdateError(
            f"{image} was requested at {url}, which gave no readable answer: {one_line(error)}. "
            "`--from FILE` takes saved digests instead."
        ) from error
    if kind not in _INDEX_TYPES or not isinstance(index.get("manifests"), list):
        raise UpdateError(
            f"{image} is no index of several architectures but {kind or 'something unnamed'}: its "
            "digest would be that of one architecture. Choose a tag that both have, by `--tag`."
        )
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if (named := said.get("Docker-Content-Digest", digest)) != digest:
        raise UpdateError(
            f"{image}: the registry names {named}, and what it sent is {digest}. Something between "
            "changes answers: run this from another network."
        )
    platforms = [entry.get("platform", {}) for entry in index["manifests"]]
    have = {p.get("architecture") for p in platforms if p.get("os") == "linux"}
    return Found(digest, tuple(ours for theirs, ours in _ARCHITECTURES.items() if theirs in have))


def _get(url: str, headers: Mapping[str, str]) -> tuple[Mapping[str, str], bytes]:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("only https is allowed")
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310  # checked above
    with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
        return dict(response.headers), response.read()


def _token(challenge: str) -> str:
    wanted = dict(_challenge.findall(challenge))
    if not challenge.startswith("Bearer ") or "realm" not in wanted:
        raise ValueError("it requires a login")
    question = {name: wanted[name] for name in ("service", "scope") if name in wanted}
    _, body = _get(f"{wanted['realm']}?{urllib.parse.urlencode(question)}", {})
    answer: Mapping[str, Any] = json.loads(body)
    return str(answer.get("token") or answer["access_token"])


def from_file(path: Path) -> Ask:
    """Answers from a saved JSON object of reference and digest. Raises `UpdateError`."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UpdateError(f"--from is {path}, which cannot be read: {one_line(error)}.") from error
    if not isinstance(saved, dict):
        raise UpdateError(f'--from is {path}, which holds no object {{"IMAGE:TAG": "sha256:…"}}.')

    def ask(image: Reference) -> Found:
        digest = saved.get(str(image))
        if not isinstance(digest, str) or not _digest.fullmatch(digest):
            raise UpdateError(
                f"--from is {path}, which gives no digest for {image}: it must have "
                f'"{image}": "sha256:…", with 64 hexadecimal digits.'
            )
        return Found(digest, None)

    return ask


def propose(
    text: str, table: Table, tags: Mapping[str, str], ask: Ask, today: date, source: str = SOURCE
) -> Proposal:
    """The table with the digests of the answers. Only the tags in `tags` change."""
    document = tomlkit.parse(text)
    rows = {row["key"]: row for row in document["image"]}
    changes = []
    for key, image in table.images.items():
        asked = replace(image.reference, tag=tags.get(key, image.reference.tag), digest=None)
        found = ask(asked)
        if found.architectures is not None and found.architectures != image.architectures:
            raise UpdateError(
                f"{asked} is there for {', '.join(found.architectures) or 'neither architecture'}, "
                f"and the table says {', '.join(image.architectures)}. Change that row by hand."
            )
        row, new = rows[key], str(replace(asked, digest=found.digest))
        if new != str(image.reference):
            changes.append(f"{key}: {image.reference} -> {new}")
            row["reference"], row["source"] = new, source
        row["seen"] = today
    document["as_of"] = today
    return Proposal(tomlkit.dumps(document), tuple(changes))


def wanted_tags(given: list[str], table: Table) -> dict[str, str]:
    """The tags of `--tag`; n8n's runner follows n8n. Raises `typer.BadParameter`."""
    tags = {}
    for one in given:
        key, equals, tag = one.partition("=")
        if key not in table.images or not equals or not tag:
            raise typer.BadParameter(
                f"--tag must be KEY=TAG, with KEY one of {', '.join(table.images)}"
            )
        tags[key] = tag
    if "n8n" in tags:
        tags.setdefault("n8n-runners", tags["n8n"])
    return tags


def checked(text: str) -> None:
    """Raises `UpdateError` unless the program would load this text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / TABLE.name
        path.write_text(text, encoding="utf-8")
        try:
            read_images(path)
        except BundleError as error:
            raise UpdateError(
                f"The proposal would not load, and nothing was written: {error}"
            ) from error


@app.command()
def update(
    tag: Annotated[list[str] | None, typer.Option(help="KEY=TAG: move to this tag.")] = None,
    saved: Annotated[Path | None, typer.Option("--from", help="Saved digests, as JSON.")] = None,
    mirror: Annotated[
        list[str] | None, typer.Option(help="REGISTRY=URL: use that address.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write it into the table.")] = False,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day. Default: today.")
    ] = None,
    check_age: Annotated[
        bool, typer.Option("--check-age", help="Only warn if the table is old; exits 0.")
    ] = False,
    path: Annotated[Path, typer.Option("--table", help="Another table.")] = TABLE,
) -> None:
    """Propose a new table of service images, and print what changed."""
    table = read_images(path)
    mirrors = dict(one.split("=", 1) for one in mirror or [] if "=" in one)
    if len(mirrors) < len(mirror or []):
        raise typer.BadParameter("--mirror must be REGISTRY=URL, each registry once")
    day = (today or datetime.now(UTC)).date()
    if check_age:
        if tag or saved or mirror or write:
            raise typer.BadParameter("--check-age takes --today and --table only")
        update_dlami.print_warning(path, age_warning(table.as_of, day))
        return
    ask = from_file(saved) if saved else lambda image: ask_registry(image, mirrors)
    source = f"{saved.name}, saved digests" if saved else SOURCE
    proposal = propose(
        path.read_text(encoding="utf-8"), table, wanted_tags(tag or [], table), ask, day, source
    )
    checked(proposal.text)
    print("\n".join(proposal.changes) or "The table already has every digest.")
    if write:
        path.write_text(proposal.text, encoding="utf-8")
        print(f"Written: {path}")
    else:
        print("Nothing was written. Run it again with `--write` to change the table.")


def main(arguments: list[str] | None = None) -> None:
    """Runs the script."""
    update_dlami.main(arguments, app)


if __name__ == "__main__":
    main()
