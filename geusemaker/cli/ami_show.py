"""One stack's image, for `geusemaker ami show` and the mark in `ami list`. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from geusemaker.cli.ami_table import built
from geusemaker.config import DeploymentConfig
from geusemaker.dlami import Recognised, Version, load_catalogue, recognise, select
from geusemaker.dlami.image import FoundImage
from geusemaker.errors import NeverMadeError, RequestError
from geusemaker.services.ec2 import LineImages


@dataclass(frozen=True)
class View:
    """One stack's image, compared with the images at AWS.

    Attributes:
        image_id: Of the running host; None when the stack was never deployed.
        architecture: Of the running host, from the stack's outputs.
        known: The parsed name of the running image; None for a name of no known line.
        running: The running image at AWS; None when AWS does not show it.
        newest: The result of a search for the config's request; None when the Region has none.
        behind: Number of newer builds of the running image's line and version, not deprecated.
        patched_until: Of the running image; None when the table does not have it.
        advisory: AWS's warning about it, worded to follow its name, or None.
    """

    config: DeploymentConfig
    image_id: str | None
    name: str | None
    architecture: str | None
    known: Recognised | None
    running: FoundImage | None
    newest: FoundImage | None
    behind: int
    patched_until: date | None
    advisory: str | None

    @property
    def request(self) -> str:
        """The request of the config."""
        parts = [self.config.os_type, self.config.architecture, self.config.ami_type]
        version = self.config.framework_version
        return " / ".join([*parts, version] if version else parts)

    @property
    def is_other_line(self) -> bool:
        """Whether the newest image for the config is of another line than the running one."""
        wanted = recognise(self.newest.name) if self.newest else None
        if wanted is None or self.known is None:
            return True
        mine = (self.known.os_type, self.known.architecture, self.known.ami_type)
        return mine != (wanted.os_type, wanted.architecture, wanted.ami_type)

    @property
    def runs(self) -> tuple[str, str, str] | None:
        """OS, architecture and type of the running image; None for a name of no known line."""
        if self.known is None:
            return None
        of_name = self.known.architecture or self.architecture or self.config.architecture
        return self.known.os_type, of_name, self.known.ami_type

    @property
    def fits(self) -> bool:
        """Whether the running image matches the config, by its name."""
        if self.known is None:
            return True
        config = self.config
        versions = (None, self.known.framework_version, self.known.spelled_version)
        return (
            self.runs == (config.os_type, config.architecture, config.ami_type)
            and config.framework_version in versions
        )

    @property
    def is_pinned_to_what_runs(self) -> bool:
        """Whether a pin holds the stack to its running image."""
        return _pin(self) is not None and _pin(self) in (self.image_id, self.name)

    @property
    def can_be_pinned(self) -> bool:
        """Whether `ami pin` without arguments would write a pin, and not be refused."""
        if self.image_id is None or not self.fits or self.is_pinned_to_what_runs:
            return False
        # An image of no known line may be the account's own, which the look-up does not show.
        return self.running is not None or self.known is None

    @property
    def pinned_by(self) -> str | None:
        """The key of the pin, or None."""
        return self.config.pin_key


def view(
    config: DeploymentConfig,
    outputs: Mapping[str, Any],
    answers: Sequence[LineImages],
) -> View:
    """Compares the stack's config and outputs with AWS's images of all lines."""
    image_id, name = outputs.get("amiId"), outputs.get("amiName")
    known = recognise(name) if name else None
    every = [(answer, image) for answer in answers for image in answer.images]
    running = next((image for _, image in every if image.id == image_id), None)
    own = next((answer for answer, image in every if image.id == image_id), None)
    newer: list[FoundImage] = []
    if own is not None and running is not None:
        newer = [
            image
            for image in own.images
            if image.framework_version == running.framework_version
            and image.creation_date > running.creation_date
            and image.id not in own.deprecated
        ]
    version = version_of(known, outputs.get("architecture"))
    return View(
        config=config,
        image_id=image_id,
        name=name,
        architecture=outputs.get("architecture"),
        known=known,
        running=running,
        newest=newest_of(config, answers),
        behind=len(newer),
        patched_until=version.patched_until if version else None,
        advisory=version.advisory if version else None,
    )


def newest_of(config: DeploymentConfig, answers: Sequence[LineImages]) -> FoundImage | None:
    """The newest image for the config; with a framework version, the newest of that version."""
    for answer in answers:
        line = answer.line
        if line.key != (config.os_type, config.architecture, config.ami_type):
            continue
        wanted = config.framework_version
        if wanted is None:
            return answer.answer
        return next((one for one in answer.images if wanted in _versions(one.name)), None)
    return None


def _versions(name: str) -> tuple[str | None, ...]:
    """The framework version of an image in both spellings, such as "2.6" and "2.6.0"."""
    known = recognise(name)
    return (known.framework_version, known.spelled_version) if known else ()


def lines(view: View, today: date) -> list[tuple[str, str]]:
    """Topic and text."""
    if view.image_id is None:
        newest = f"{view.newest.name} ({view.newest.id})" if view.newest else "none in this Region"
        return [
            ("running", "nothing yet: this stack was never deployed, or is destroyed"),
            ("wanted", view.request),
            ("newest", newest),
            *(
                [("pinned", f"to {_pin(view)}, which the first deployment takes")]
                if view.pinned_by
                else []
            ),
            ("Next", "geusemaker deploy | pulumi up"),
        ]
    rows = [("running", f"{view.name} ({view.image_id})"), ("line", _line(view, today))]
    if view.running is None:
        rows.append(("at AWS", "not shown: withdrawn, private, or of no line in the table"))
    never = never_made(view.config, today)
    rows += [("chosen", _chosen(view)), ("built", _age(view, today))]
    rows.append(("behind", "unknown: AWS never made this image" if never else _behind(view)))
    rows.append(("patched", _patched(view, today)))
    if view.advisory:
        rows.append(("advisory", f"{view.advisory}: `geusemaker ami list` shows images without"))
    if never:
        rows.append(("refused", never))
    rows.append(("Next", "geusemaker ami list --all" if never else _next(view)))
    return rows


def as_json(view: View) -> dict[str, Any]:
    """The view as JSON; unknown values are null."""
    return {
        "imageId": view.image_id,
        "imageName": view.name,
        "isKnownLine": view.known is not None,
        "isShownByAws": view.running is not None,
        "wanted": view.request,
        "amiPolicy": view.config.ami_policy,
        "pinnedBy": view.pinned_by,
        "newestImageId": view.newest.id if view.newest else None,
        "newestImageName": view.newest.name if view.newest else None,
        "isNewest": view.newest is not None and view.newest.id == view.image_id,
        "newerBuilds": view.behind,
        "patchedUntil": str(view.patched_until) if view.patched_until else None,
        "advisory": view.advisory,
    }


def marker(
    config: DeploymentConfig | None,
    newest: FoundImage | None,
    stack: str | None,
    outputs: Mapping[str, Any],
    *,
    never: bool = False,
    elsewhere: str | None = None,
) -> str | None:
    """The legend of the mark in the table; `newest` is the result of `newest_of`.

    `never`: AWS never made the image of the config. `elsewhere` is the stack's Region, where the
    table shows another Region.
    """
    if config is None:
        return None
    running = outputs.get("amiId")
    text = f"> marks stack {stack}, {config.architecture}"
    if never:
        text += ", which AWS never made of this line"
    if elsewhere is not None:
        runs = f"running {outputs.get('amiName')}" if running else "not deployed"
        return f"{text}, {runs}, in {elsewhere}"
    if running is None:
        return f"{text}, not deployed"
    if newest is not None and newest.id == running:
        return f"{text}, running the newest{of_version(config)}"
    more = ", not the newest" if newest is not None else ""
    return f"{text}, running {outputs.get('amiName')}{more}"


def of_version(config: DeploymentConfig) -> str:
    """The version that "the newest" is limited to, if any."""
    return f" of {config.framework_version}" if config.framework_version else ""


def never_made(config: DeploymentConfig, today: date) -> str | None:
    """Why the next deployment is refused, where AWS never made the image of the config.

    None with a pin: the deployment then uses the pinned image.
    """
    if config.pin_key:
        return None
    try:
        select(
            config.os_type,
            config.architecture,
            config.ami_type,
            config.framework_version,
            today=today,
        )
    except NeverMadeError as error:
        return str(error)
    except RequestError:  # a version newer than the table, which AWS may have
        return None
    return None


def _line(view: View, today: date) -> str:
    if view.known is None or view.runs is None:
        return f"not one of the known lines; the config requests {view.request}"
    version = view.known.framework_version
    line = " / ".join([*view.runs, version] if version else view.runs)
    if view.fits:
        return line
    if never_made(view.config, today):
        follows = "which AWS never made, so `pulumi up` is refused"
    elif view.pinned_by:
        follows = "which the pin must match"
    elif view.newest is None:
        follows = "which this Region does not have, so `pulumi up` is refused"
    else:
        return f"{line}; the config requests {view.request}: the next `pulumi up` replaces the host"
    return f"{line}; the config requests {view.request}, {follows}"


def _pin(view: View) -> str | None:
    return view.config.ami_id or view.config.ami_name


def _chosen(view: View) -> str:
    if view.pinned_by:
        pin = _pin(view)
        if pin in (view.image_id, view.name):
            return f"pinned by geusemaker:{view.pinned_by}"
        return (
            f"geusemaker:{view.pinned_by} pins another image, {pin}: the next `pulumi up` replaces "
            "the host with one that runs it"
        )
    if view.config.ami_policy == "latest":
        return "amiPolicy latest: the next `pulumi up` takes the newest"
    return "amiPolicy keep: kept until you request another"


def _age(view: View, today: date) -> str:
    if view.running is None and (view.known is None or view.known.release is None):
        return "unknown"
    day = built(view.running) if view.running else str(view.known.release if view.known else "")
    return f"{day}, {(today - date.fromisoformat(day)).days} days ago"


def _behind(view: View) -> str:
    if view.newest is None:
        return "AWS shows no image for the config in this Region"
    if view.newest.id == view.image_id:
        held = of_version(view.config)
        return f"nothing: it is the newest{held and f'{held}, the frameworkVersion of the config'}"
    builds = f"{view.behind} newer build{'s' * (view.behind != 1)} of its version; "
    newest = f"the newest for the config: {view.newest.name} ({view.newest.id})"
    if view.is_other_line:
        newest += ", which is of another line"
    return f"{builds if view.behind else ''}{newest}"


def _patched(view: View, today: date) -> str:
    if view.patched_until is None:
        return "unknown: the table does not have this image"
    if view.patched_until < today:
        return f"ended {view.patched_until}: `geusemaker ami list` shows patched images"
    return f"until {view.patched_until} ({(view.patched_until - today).days} days)"


def _next(view: View) -> str:
    """The commands that update or pin, only where they have an effect."""
    can = []
    if view.newest is not None and view.newest.id != view.image_id:
        # The next `up` applies another request by itself, unless a pin prevents it.
        moves = view.fits or view.pinned_by is not None
        can.append("geusemaker ami update" if moves else "pulumi preview")
    if view.can_be_pinned:
        can.append("geusemaker ami pin")
    return " | ".join(can or ["geusemaker ami list"])


def version_of(known: Recognised | None, architecture: str | None) -> Version | None:
    """The table's entry of that image's version."""
    if known is None:
        return None
    line = load_catalogue().line(
        known.os_type, known.architecture or architecture or "x86_64", known.ami_type
    )
    return next((one for one in line.versions if one.number == known.framework_version), None)
