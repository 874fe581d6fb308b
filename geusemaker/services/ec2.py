"""The look-up of images with boto3, for scripts and for the `geusemaker` command.

It answers every question as the program does, which asks through Pulumi: both decide by
`geusemaker.dlami.select`, and `geusemaker.dlami.choose` repeats the provider's rules. Nothing of
boto3 is imported before the first call.
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
from geusemaker.dlami.selection import ImageQuery
from geusemaker.dlami.wording import fallback, newer_version, no_image
from geusemaker.errors import ImageError
from geusemaker.services.aws_errors import translate
from geusemaker.today import today as current_day

log = logging.getLogger(__name__)

ATTEMPTS: Final = 5
"""How often a call is tried at most, the first time included."""
CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class LineImages:
    """What AWS shows of one line.

    Attributes:
        images: All available images of the line, deprecated ones too: first those that a search
            of that day may answer with, then the others (deprecated ones of a line still patched,
            ended versions of it, versions newer than the table); among each, the highest
            framework version first, then the newest.
        answer: What `find_dlami` answers for the line on that day: the first of `images`, or None.
        deprecated: Ids of those of `images` that AWS has deprecated by that day.
        newer_versions: Framework versions above all that the table knows of the line, highest
            first, each with the name of its newest image.
    """

    line: Line
    images: tuple[FoundImage, ...]
    answer: FoundImage | None = None
    deprecated: frozenset[str] = frozenset()
    newer_versions: Mapping[str, str] = field(default_factory=dict)


class EC2Service:
    """Asks EC2 of one Region for Deep Learning AMIs.

    Making one asks nothing and needs nothing: credentials and Region matter at the first question.

    Attributes:
        region: Name of the Region that is asked; that of the client, where one is given.
        warnings: What a user should know of the last question's answer, one paragraph each; each
            is logged as a warning of this module as well.
    """

    def __init__(self, region: str = "us-east-1", client: Any = None) -> None:
        """`client` is boto3's of EC2, or whatever has its `describe_images`; by default a new one.

        A new one takes credentials, endpoint and proxies from where boto3 always does.
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

        `today` decides which versions AWS still patches; by default as `geusemaker.today` says.

        Raises:
            ImageError: AWS never made it (`NeverMadeError`), or the Region has none
                (`NoImageError`). A `RuntimeError`, as `AwsError` is.
            ConfigError: A value is unknown, or a version is given for a type without one.
            AwsError: AWS could not be asked.
        """
        image = self._latest(os_type, architecture, ami_type, framework_version, today)
        found_image(image)  # an image that the program would refuse is no answer here either
        return str(image["ImageId"])

    def get_latest_ami(self) -> str:
        """Id of the newest base image for the default OS and architecture; raises the same."""
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
        """The image whose id `get_latest_dlami` gives, with what a host on it needs to know.

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
        """The image that `amiId` or `amiName` names, once it is known to fit the other keys.

        An image by id may belong to anyone; one by name to AWS, else to the account itself. A name
        that tells too little to check gets a warning.

        Raises:
            ConfigError: Both pins are given.
            PinError: The image is missing, not available, or contradicts a key.
            ImageError: It has no root volume of a known size.
            AwsError: AWS could not be asked.
            ValueError: No pin is given.
        """
        self.warnings = []
        pin = pin_of(ami_id, ami_name, os_type, architecture, ami_type, framework_version)
        if pin.key == "amiId":
            # By filter and not by id, for which an unknown id is an error and not an empty answer.
            search: dict[str, Any] = {"Filters": [_filter("image-id", pin.value)]}
        else:
            search = {
                "Owners": ["amazon", "self"],
                "Filters": [_filter("name", exact_glob(pin.value))],
            }
        field = "ImageId" if pin.key == "amiId" else "Name"
        # A pin is a decision, and old hosts need theirs: deprecated images count.
        shown = self._images(IncludeDeprecated=True, **search)
        named = [image for image in shown if image.get(field) == pin.value]
        # AWS's own first: a copy in the account has the same name, and is newer.
        of_aws = [image for image in named if image.get("ImageOwnerAlias") == "amazon"]
        image = newest(of_aws or named)
        if image is None:
            raise missing(pin, self.region)
        name = image.get("Name") or ""
        check_state(pin, name, image.get("State", "available"))
        self._warn(check_fit(pin, name, image.get("Architecture", architecture)))
        return found_image(image)

    def list_lines(self, today: date) -> tuple[LineImages, ...]:
        """What AWS shows of each line of the table, in the table's order, by one question.

        Lines that AWS never made are there without images. No warnings: the lines say it all.

        Raises:
            AwsError: AWS could not be asked.
        """
        self.warnings = []
        catalogue = load_catalogue()
        globs = [
            glob for line in catalogue.lines if line.form for glob in name_globs(line.form, ("*",))
        ]
        shown = of_amazon(
            self._images(
                Owners=["amazon"],
                IncludeDeprecated=True,
                Filters=[_filter("name", *globs), _filter("state", "available")],
            )
        )
        by_line: dict[tuple[str, str, str], list[AwsImage]] = {}
        for image in shown:
            if (key := line_of(image)) is not None:
                by_line.setdefault(key, []).append(image)
        return tuple(
            _line_images(
                line, by_line.get((line.os_type, line.architecture, line.ami_type), []), today
            )
            for line in catalogue.lines
        )

    def _latest(
        self,
        os_type: str,
        architecture: str,
        ami_type: str,
        framework_version: str | None,
        today: date | None,
    ) -> AwsImage:
        """The image that answers, and the warnings."""
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
            raise no_image(query, self.region, *newer)
        candidate, image = chosen
        self._warn(fallback(query, candidate, self.region))
        for warning in newer:
            self._warn(warning)
        return image

    def _warn(self, text: str | None) -> None:
        if text:
            self.warnings.append(text)
            log.warning("%s", text)

    def _images(self, **search: Any) -> list[AwsImage]:
        """All images of an answer that may come in pages, some of them empty.

        No page size is asked for, as the provider asks for none: EC2 counts a page before it
        filters, and would give many empty ones.
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
        """Call the client's method of that name; what boto3 raises becomes an `AwsError`."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            return getattr(self._made_client(), operation)(**kwargs)
        # The last two: what making a client ends with, for an address that is none and for files
        # of AWS's config that cannot be read.
        except (BotoCoreError, ClientError, ResponseParserError, ValueError, OSError) as error:
            raise translate(
                error, service="ec2", operation=operation, region=self.region
            ) from error

    def _made_client(self) -> Any:
        if self._client is None:
            import boto3
            from botocore.config import Config

            # "standard" and not "adaptive": both wait and try again when AWS throttles, but the
            # latter paces the calls to come by those refused, and here one call is all.
            config = Config(
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
            )
            # Not boto3's default session, which keeps the first credentials that it ever saw.
            session = boto3.session.Session(region_name=self.region)
            self._client = session.client("ec2", config=config)
        return self._client


def _globs(query: ImageQuery, line: Line) -> list[str]:
    """The names of all candidates, and for a framework those of any version, to see newer ones."""
    globs = [glob for candidate in query.candidates for glob in candidate.name_globs]
    if line.numbers and line.form:
        globs += name_globs(line.form, ("*",))
    return globs


def _line_images(line: Line, images: Sequence[AwsImage], today: date) -> LineImages:
    if line.form is None:
        return LineImages(line, ())
    query = select(line.os_type, line.architecture, line.ami_type, today=today)
    alive = without_deprecated(images, today)
    deprecated = {image["ImageId"] for image in images} - {image["ImageId"] for image in alive}
    # AWS was asked for deprecated ones as well, which it hides from a search of a patched line.
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
    """The images that a host can be planned on, in their order."""
    found = []
    for image in images:
        with contextlib.suppress(ImageError):
            found.append(found_image(image))
    return found


def _filter(name: str, *values: str) -> dict[str, Any]:
    return {"Name": name, "Values": list(values)}
