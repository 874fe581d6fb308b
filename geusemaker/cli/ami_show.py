"""What `geusemaker ami show` and the mark in `ami list` say of one stack's image. Pure."""

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
    """One stack's image beside what AWS has.

    Attributes:
        image_id: Of the running host; None when the stack was never deployed.
        architecture: Of the running host, as the stack's outputs say.
        known: What the running image's name tells; None for a name of no known line.
        running: What AWS shows of that image; None when it shows none of that id.
        newest: What a search for the config's request finds today; None when the Region has none.
        behind: Builds of the running image's line and version that are newer, deprecated left out.
        patched_until: Of the running image; None when the table does not know it.
        advisory: What AWS warns of in it, worded to follow its name, or None.
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
        """What the config asks for."""
        parts = [self.config.os_type, self.config.architecture, self.config.ami_type]
        version = self.config.framework_version
        return " / ".join([*parts, version] if version else parts)

    @property
    def is_other_line(self) -> bool:
        """Whether the newest that the config would take is of another line than what runs."""
        wanted = recognise(self.newest.name) if self.newest else None
        if wanted is None or self.known is None:
            return True
        mine = (self.known.os_type, self.known.architecture, self.known.ami_type)
        return mine != (wanted.os_type, wanted.architecture, wanted.ami_type)

    @property
    def runs(self) -> tuple[str, str, str] | None:
        """OS, architecture and type of what runs; None where its name tells no known line."""
        if self.known is None:
            return None
        of_name = self.known.architecture or self.architecture or self.config.architecture
        return self.known.os_type, of_name, self.known.ami_type

    @property
    def fits(self) -> bool:
        """Whether what runs is what the config asks for, as far as its name tells."""
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
        """Whether `ami pin` alone would write something, and not be refused."""
        if self.image_id is None or not self.fits or self.is_pinned_to_what_runs:
            return False
        # One of no known line may be the account's own, which the answer about AWS's never shows.
        return self.running is not None or self.known is None

    @property
    def pinned_by(self) -> str | None:
        """The key that pins, if one does."""
        return self.config.pin_key


def view(
    config: DeploymentConfig,
    outputs: Mapping[str, Any],
    answers: Sequence[LineImages],
) -> View:
    """Lay the stack's config and outputs beside what AWS shows of all lines."""
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
    version = _version(known, outputs.get("architecture"))
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
    """What a search for the config's request finds; with a version, the newest of that version."""
    for answer in answers:
        line = answer.line
        if (line.os_type, line.architecture, line.ami_type) != (
            config.os_type,
            config.architecture,
            config.ami_type,
        ):
            continue
        wanted = config.framework_version
        if wanted is None:
            return answer.answer
        return next((one for one in answer.images if wanted in _versions(one.name)), None)
    return None


def _versions(name: str) -> tuple[str | None, ...]:
    """The framework version of an image as a user may type it: "2.6", or "2.6.0" in full."""
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
    told = [("running", f"{view.name} ({view.image_id})"), ("line", _line(view, today))]
    if view.running is None:
        told.append(("at AWS", "not shown: withdrawn, private, or of no line of the table"))
    never = never_made(view.config, today)
    told += [("chosen", _chosen(view)), ("built", _age(view, today))]
    told.append(("behind", "not to be said of what never was" if never else _behind(view)))
    told.append(("patched", _patched(view, today)))
    if view.advisory:
        told.append(("advisory", f"{view.advisory}: `geusemaker ami list` marks what does not"))
    if never:
        told.append(("refused", never))
    told.append(("Next", "geusemaker ami list --all" if never else _next(view)))
    return told


def as_json(view: View) -> dict[str, Any]:
    """The same for programs; what is not known is null."""
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
    """What the mark before a row of the table means for this stack; `newest` as by `newest_of`.

    `never`: AWS never made what the config asks for. `elsewhere` is the stack's Region where the
    table is of another, in which its image has another id.
    """
    if config is None:
        return None
    running = outputs.get("amiId")
    text = f"> stack {stack}, {config.architecture}"
    if never:
        text += ", which AWS never made of this line"
    if elsewhere is not None:
        runs = f"running {outputs.get('amiName')}" if running else "not deployed"
        return f"{text}, {runs}, in {elsewhere}"
    if running is None:
        return f"{text}, not deployed"
    if newest is not None and newest.id == running:
        return f"{text}, running the newest{of_version(config)}"
    more = ": geusemaker ami show" if newest is not None else ""
    return f"{text}, running {outputs.get('amiName')}{more}"


def of_version(config: DeploymentConfig) -> str:
    """What "the newest" is of: a search with a version sees no other, however new."""
    return f" of {config.framework_version}" if config.framework_version else ""


def never_made(config: DeploymentConfig, today: date) -> str | None:
    """Why the next deployment is refused, where AWS never made what the config asks for.

    A pin is asked for in its place, so that it does not matter then.
    """
    if config.ami_id or config.ami_name:
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
    except RequestError:  # a version that is newer than the table: AWS may have it by now
        return None
    return None


def _line(view: View, today: date) -> str:
    if view.known is None or view.runs is None:
        return f"not one of the known lines; the config asks for {view.request}"
    version = view.known.framework_version
    line = " / ".join([*view.runs, version] if version else view.runs)
    if view.fits:
        return line
    if never_made(view.config, today):
        follows = "which AWS never made, so that `pulumi up` is refused"
    elif view.pinned_by:
        follows = "which the pin has to fit"
    elif view.newest is None:
        follows = "of which there is none here, so that `pulumi up` is refused"
    else:
        return f"{line}; the config asks for {view.request}: the next `pulumi up` replaces the host"
    return f"{line}; the config asks for {view.request}, {follows}"


def _pin(view: View) -> str | None:
    return view.config.ami_id or view.config.ami_name


def _chosen(view: View) -> str:
    if view.pinned_by:
        pin = _pin(view)
        if pin in (view.image_id, view.name):
            return f"pinned by geusemaker:{view.pinned_by}"
        return (
            f"geusemaker:{view.pinned_by} pins another, {pin}: the next `pulumi up` replaces the "
            "host by one on that"
        )
    if view.config.ami_policy == "latest":
        return "amiPolicy latest: the next `pulumi up` takes the newest by itself"
    return "amiPolicy keep: kept until you ask for another"


def _age(view: View, today: date) -> str:
    if view.running is None and (view.known is None or view.known.release is None):
        return "unknown"
    day = built(view.running) if view.running else str(view.known.release if view.known else "")
    return f"{day}, {(today - date.fromisoformat(day)).days} days ago"


def _behind(view: View) -> str:
    if view.newest is None:
        return "AWS shows no image of what the config asks for in this Region"
    if view.newest.id == view.image_id:
        held = of_version(view.config)
        return f"nothing: it is the newest{held and f'{held}, which frameworkVersion holds it to'}"
    builds = f"{view.behind} newer build{'s' * (view.behind != 1)} of its version; "
    newest = f"the newest that the config would take: {view.newest.name} ({view.newest.id})"
    if view.is_other_line:
        newest += ", which is of another line"
    return f"{builds if view.behind else ''}{newest}"


def _patched(view: View, today: date) -> str:
    if view.patched_until is None:
        return "the table does not know this image: nobody says until when it is patched"
    if view.patched_until < today:
        return f"not since {view.patched_until}: `geusemaker ami list` shows what is"
    return f"until {view.patched_until} ({(view.patched_until - today).days} days)"


def _next(view: View) -> str:
    """What moves the stack, then what holds it; only what would do something."""
    can = []
    if view.newest is not None and view.newest.id != view.image_id:
        # Another request is followed by the next `up` alone, unless a pin holds against it.
        moves = view.fits or view.pinned_by is not None
        can.append("geusemaker ami update" if moves else "pulumi preview")
    if view.can_be_pinned:
        can.append("geusemaker ami pin")
    return " | ".join(can or ["geusemaker ami list"])


def _version(known: Recognised | None, architecture: str | None) -> Version | None:
    """What the table has of that image's version."""
    if known is None:
        return None
    line = load_catalogue().line(
        known.os_type, known.architecture or architecture or "x86_64", known.ami_type
    )
    return next((one for one in line.versions if one.number == known.framework_version), None)
