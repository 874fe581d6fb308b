"""The look-up of images with boto3, for scripts and for the `geusemaker` command.

It finds the same image as the program, which calls AWS through Pulumi: both use
`geusemaker.dlami.select`, and `geusemaker.dlami.choose` repeats the provider's rules. boto3 is
imported at the first call.
"""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from geusemaker.dlami import Line, load_catalogue, select
from geusemaker.dlami.choose import (
    AwsImage,
    best_first,
    choose,
    fitting,
    found_image,
    line_of,
    newer_versions,
    newest,
    of_amazon,
    without_deprecated,
)
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.naming import exact_glob, name_globs
from geusemaker.dlami.pins import check_fit, check_state, missing, pin_of
from geusemaker.dlami.selection import Candidate, ImageQuery, others
from geusemaker.dlami.wording import fallback, newer_version, no_image
from geusemaker.errors import AwsError, ImageError
from geusemaker.services.aws_errors import translate
from geusemaker.today import today as current_day

log = logging.getLogger(__name__)

ATTEMPTS: Final = 5
"""Tries of one call at most, including the first."""
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class LineImages:
    """The images that AWS has of one line.

    Attributes:
        images: All available images of the line, including deprecated ones. First the images that
            a search of that day can return, then the others (deprecated images of a patched line,
            ended versions, versions newer than the table). Each group is sorted by framework
            version, highest first, then newest first.
        answer: What `find_dlami` returns for the line on that day: the first of `images`, or None.
        deprecated: Ids of the images that AWS has deprecated by that day.
        newer_versions: Framework versions that are higher than the table's, highest first, each
            with the name of its newest image.
    """

    line: Line
    images: tuple[FoundImage, ...]
    answer: FoundImage | None = None
    deprecated: frozenset[str] = frozenset()
    newer_versions: Mapping[str, str] = field(default_factory=dict)


class EC2Service:
    """Searches EC2 in one Region for Deep Learning AMIs.

    The constructor makes no call: credentials and Region are used at the first search.

    Attributes:
        region: Name of the Region; the client's own, if a client is given.
        warnings: Warnings on the last result, one paragraph each; each is also logged as a
            warning of this module.
    """

    def __init__(self, region: str = "us-east-1", client: Any = None) -> None:
        """`client` is boto3's EC2 client or any object with its `describe_images`.

        By default a new client is created, with boto3's usual credentials, endpoint and proxies.
        """
        of_client = getattr(getattr(client, "meta", None), "region_name", None)
        self.region = of_client if isinstance(of_client, str) else region
        self.warnings: list[str] = []
        self._client = client

    def get_latest_dlami(
        self,
        os_type: str = "ubuntu-22.04",
        architecture: str = "x86_64",
        ami_type: str = "base",
        framework_version: str | None = None,
        *,
        today: date | None = None,
    ) -> str:
        """Id of the newest image of the best framework version that the Region has.

        `today` decides which versions AWS still patches; the default is `geusemaker.today`.

        Raises:
            ImageError: AWS never made it (`NeverMadeError`), or the Region has none
                (`NoImageError`). A `RuntimeError`, as `AwsError` is.
            ConfigError: A value is unknown, or a version is given for a type without one.
            AwsError: The AWS call failed.
        """
        image = self._latest(os_type, architecture, ami_type, framework_version, today)
        found_image(image)  # raises for an image that the program refuses
        return str(image["ImageId"])

    def get_latest_ami(self) -> str:
        """Id of the newest base image for the default OS and architecture; same errors."""
        return self.get_latest_dlami()

    def find_dlami(
        self,
        os_type: str,
        architecture: str,
        ami_type: str,
        framework_version: str | None = None,
        *,
        today: date | None = None,
    ) -> FoundImage:
        """The image whose id `get_latest_dlami` returns, with its root volume and its version.

        Raises:
            ImageError: As `get_latest_dlami`, or the image has no root volume of a known size.
            ConfigError: As there.
            AwsError: As there.
        """
        return found_image(self._latest(os_type, architecture, ami_type, framework_version, today))

    def find_pinned(
        self,
        ami_id: str | None = None,
        ami_name: str | None = None,
        *,
        os_type: str,
        architecture: str,
        ami_type: str,
        framework_version: str | None = None,
    ) -> FoundImage:
        """The image that `amiId` or `amiName` names, checked against the other keys.

        An image by id may have any owner; an image by name belongs to AWS, else to the account. A
        name that is too unclear to check adds a warning.

        Raises:
            ConfigError: Both pins are given.
            PinError: The image is missing, not available, or contradicts a key.
            ImageError: It has no root volume of a known size.
            AwsError: The AWS call failed.
            ValueError: No pin is given.
        """
        self.warnings = []
        pin = pin_of(ami_id, ami_name, os_type, architecture, ami_type, framework_version)
        if pin.key == "amiId":
            # A filter returns an empty list for an unknown id; `ImageIds` raises an error.
            search: dict[str, Any] = {"Filters": [_filter("image-id", pin.value)]}
        else:
            search = {
                "Owners": ["amazon", "self"],
                "Filters": [_filter("name", exact_glob(pin.value))],
            }
        field = "ImageId" if pin.key == "amiId" else "Name"
        # Deprecated images count: an old host needs its pinned image.
        shown = self._images(IncludeDeprecated=True, **search)
        named = [image for image in shown if image.get(field) == pin.value]
        # AWS's image first: a copy in the account has the same name and a later date.
        of_aws = [image for image in named if image.get("ImageOwnerAlias") == "amazon"]
        image = newest(of_aws or named)
        if image is None:
            raise missing(pin, self.region)
        name = image.get("Name") or ""
        check_state(pin, name, image.get("State", "available"))
        self._warn(check_fit(pin, name, image.get("Architecture", architecture)))
        return found_image(image)

    def list_lines(self, today: date) -> tuple[LineImages, ...]:
        """The images of each line of the table, in the table's order, from one search.

        Lines that AWS never released have no images. Sets no warnings.

        Raises:
            AwsError: The AWS call failed.
        """
        self.warnings = []
        shown = of_amazon(
            self._images(
                Owners=["amazon"],
                IncludeDeprecated=True,
                Filters=[_filter("name", *_all_globs()), _filter("state", "available")],
            )
        )
        by_line: dict[tuple[str, str, str], list[AwsImage]] = {}
        for image in shown:
            if (key := line_of(image)) is not None:
                by_line.setdefault(key, []).append(image)
        return tuple(
            _line_images(line, by_line.get(line.key, []), today) for line in load_catalogue().lines
        )

    def _latest(
        self,
        os_type: str,
        architecture: str,
        ami_type: str,
        framework_version: str | None,
        today: date | None,
    ) -> AwsImage:
        """Return the best image, and set the warnings."""
        self.warnings = []
        today = today or current_day()
        query = select(os_type, architecture, ami_type, framework_version, today=today)
        for warning in query.warnings:
            self._warn(warning)
        catalogue = load_catalogue()
        line = catalogue.line(os_type, architecture, ami_type)
        images = self._images(
            Owners=["amazon"],
            IncludeDeprecated=query.include_deprecated,
            Filters=[
                _filter("name", *_globs(query, line)),
                _filter("architecture", architecture),
                _filter("state", "available"),
            ],
        )
        key = (os_type, architecture, ami_type)
        of_line = [image for image in of_amazon(images) if line_of(image) == key]
        newer = [
            newer_version(line, version, catalogue.as_of, name)
            for version, name in list(newer_versions(line, of_line).items())[:1]
        ]
        chosen = choose(query, images, today)
        if chosen is None:
            instead = self._instead(query)
            raise no_image(query, self.region, next(iter(newer), None), instead)
        candidate, image = chosen
        self._warn(fallback(query, candidate, self.region))
        for warning in newer:
            self._warn(warning)
        return image

    def _instead(self, query: ImageQuery) -> tuple[ImageQuery, Candidate] | None:
        """The nearest search that finds an image in the Region, by one more call of AWS."""
        with contextlib.suppress(AwsError):
            shown = self._images(
                Owners=["amazon"],
                Filters=[_filter("name", *_all_globs()), _filter("state", "available")],
            )
            for other in others(query):
                if (found := choose(other, shown, query.today)) is not None:
                    return other, found[0]
        return None

    def _warn(self, text: str | None) -> None:
        if text:
            self.warnings.append(text)
            log.warning("%s", text)

    def _images(self, **search: Any) -> list[AwsImage]:
        """All images of a search, from all pages; some pages may be empty.

        No page size is requested, as the provider requests none: EC2 counts a page before it
        filters, and would return many empty pages.
        """
        found: list[AwsImage] = []
        seen: set[str] = set()
        page = self._safe_call("describe_images", **search)
        while True:
            found += page.get("Images") or ()
            token = page.get("NextToken")
            if not token or not isinstance(token, str) or token in seen:
                return found
            seen.add(token)
            page = self._safe_call("describe_images", NextToken=token, **search)

    def _safe_call(self, operation: str, **kwargs: Any) -> Any:
        """Call the client's method of that name; an exception of boto3 becomes an `AwsError`."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            return getattr(self._ec2_client(), operation)(**kwargs)
        # Creating a client raises ValueError for an invalid endpoint, and OSError for AWS config
        # files that cannot be read.
        except (BotoCoreError, ClientError, ResponseParserError, ValueError, OSError) as error:
            raise translate(
                error, service="ec2", operation=operation, region=self.region
            ) from error

    def _ec2_client(self) -> Any:
        if self._client is None:
            import boto3
            from botocore.config import Config

            # Not "adaptive", which slows later calls after throttling: here there is one call.
            config = Config(
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
            )
            # Not boto3's default session, which caches the first credentials.
            session = boto3.session.Session(region_name=self.region)
            self._client = session.client("ec2", config=config)
        return self._client


def _all_globs() -> list[str]:
    """Name globs of all lines."""
    lines = load_catalogue().lines
    return [glob for line in lines if line.form for glob in name_globs(line.form, ("*",))]


def _globs(query: ImageQuery, line: Line) -> list[str]:
    """Name globs of all candidates; for a framework also of any version, to find newer ones."""
    globs = [glob for candidate in query.candidates for glob in candidate.name_globs]
    if line.numbers and line.form:
        globs += name_globs(line.form, ("*",))
    return globs


def _line_images(line: Line, images: Sequence[AwsImage], today: date) -> LineImages:
    if line.form is None:
        return LineImages(line, ())
    query = select(*line.key, today=today)
    alive = without_deprecated(images, today)
    deprecated = {image["ImageId"] for image in images} - {image["ImageId"] for image in alive}
    # The search included deprecated images, which AWS hides from a search of a patched line.
    shown = images if query.include_deprecated else alive
    possible = [image for c in query.candidates for image in fitting(query, c, shown)]
    ids = {image["ImageId"] for image in possible}
    others = [image for image in images if image["ImageId"] not in ids]
    answers = _found(best_first(possible))
    return LineImages(
        line=line,
        images=(*answers, *_found(best_first(others))),
        answer=next(iter(answers), None),
        deprecated=frozenset(deprecated),
        newer_versions=newer_versions(line, images),
    )


def _found(images: Sequence[AwsImage]) -> list[FoundImage]:
    """The images that a host can start from, in their order."""
    found = []
    for image in images:
        with contextlib.suppress(ImageError):
            found.append(found_image(image))
    return found


def _filter(name: str, *values: str) -> dict[str, Any]:
    return {"Name": name, "Values": list(values)}
