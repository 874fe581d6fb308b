"""Messages of both look-ups: the program's, and the boto3 one for scripts and commands. Pure."""

from typing import Final

from geusemaker.dlami.catalogue import Line, load_catalogue
from geusemaker.dlami.image import FoundImage
from geusemaker.dlami.nearest import offer
from geusemaker.dlami.selection import Candidate, ImageQuery, request_of, title
from geusemaker.errors import NoImageError

NEWER_IMAGE: Final = "A newer image is available"
"""Start of the note on a newer image; the screen of `make up` searches for it."""


def no_image(
    query: ImageQuery,
    region: str | None = None,
    newer: str | None = None,
    instead: tuple[ImageQuery, Candidate] | None = None,
) -> NoImageError:
    """The error for a Region without any of the candidates.

    `region` is its name, if known. `newer` is the warning on a version newer than the table, if the
    Region has one. `instead` is the nearest search that finds an image there, and its candidate.
    """
    globs = ", ".join(
        f"'{glob}'" for candidate in query.candidates for glob in candidate.name_globs
    )
    where = f"the Region {region}" if region else "the Region of this stack"
    text = (
        f"AWS shows no image for {request_of(query)} in {where}, although AWS released some; "
        f"searched names, of owner amazon: {globs}. "
    )
    if instead is not None:
        other, candidate = instead
        line = load_catalogue().line(other.os_type, other.architecture, other.ami_type)
        text += "The nearest that AWS shows there: "
        text += offer(request_of(query), line, candidate.framework_version, query.today)
    else:
        text += "It shows none that could take its place either"
    text += (
        ". Another Region may have it, for a stack that is not deployed yet (a deployed one cannot "
        "move): `geusemaker ami list --region NAME` shows what is there"
    )
    if (
        query.framework_version is None
        and not query.include_deprecated
        and query.candidates[0].framework_version
    ):
        text += (
            ". Versions that AWS does not patch any more are taken only where "
            "geusemaker:frameworkVersion names one"
        )
    return NoImageError(f"{text}.{f' {newer}' if newer else ''}")


def fallback(query: ImageQuery, taken: Candidate, region: str | None = None) -> str | None:
    """The warning that a Region lacks the best candidate; None if that one was taken."""
    best = query.candidates[0]
    if taken == best:
        return None
    text = (
        f"The Region{f' {region}' if region else ''} lacks "
        f"{title(query.ami_type, best.framework_version)} for {query.os_type} on "
        f"{query.architecture}, using {taken.framework_version}"
    )
    if taken.ended_on:
        text += f", which AWS has not patched since {taken.ended_on}"
    if taken.advisory:
        text += f", which {taken.advisory}"
    return f"{text}. To fix the version: `pulumi config set geusemaker:frameworkVersion " + (
        f"{taken.framework_version}`."
    )


def newer_version(line: Line, version: str, as_of: object, image_name: str) -> str:
    """The warning that AWS has a higher framework version than the table has for the line.

    `image_name` is the name of the newest image of that version.
    """
    return (
        f"AWS has {title(line.ami_type, version)} for {line.os_type} on {line.architecture}, newer "
        f"than {title(line.ami_type, line.numbers[0])}, the highest in this GeuseMaker's table "
        f"of images (as of {as_of}). It is not selected by itself, because the table has no facts "
        "on it. A newer GeuseMaker may know it; to use it now, pin its newest image: "
        f"`pulumi config set geusemaker:amiName '{image_name}'`."
    )


def newer_image(kept: FoundImage, found: FoundImage | None) -> str | None:
    """The note for the user; None if the search finds the kept image."""
    if found is None:
        return (
            f"AWS shows no image of this line in the Region any more. This stack keeps {kept.name} "
            f"({kept.id}), and nothing is replaced; a new host needs an available image."
        )
    if kept.id == found.id:
        return None
    if _age(found) <= _age(kept):
        return (
            f"The newest that a search for this config finds, {found.name} ({found.id}), is no "
            f"newer than what runs, {kept.name} ({kept.id}), which AWS does not show any more or "
            "which was pinned. This stack keeps its image, and nothing is replaced."
        )
    return (
        f"{NEWER_IMAGE}: {found.name} ({found.id}). This stack keeps {kept.name} ({kept.id}), and "
        "nothing is replaced. To move to it, which replaces the host and keeps the data: "
        f"`geusemaker ami update`, or `pulumi config set geusemaker:amiId {found.id}`."
    )


def _age(image: FoundImage) -> tuple[list[int], str]:
    """Order of images of a line: by framework version, then by day."""
    version = (image.framework_version or "0").split(".")
    return [int(part) for part in version], image.creation_date
