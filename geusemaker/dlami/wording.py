"""Messages of both look-ups: the program's, and the boto3 one for scripts and commands."""

from geusemaker.dlami.catalogue import Line
from geusemaker.dlami.selection import Candidate, ImageQuery, title
from geusemaker.errors import NoImageError

# Two Regions that have every image; one of them is not the Region of the search.
_WELL_STOCKED = ("us-east-1", "us-west-2")


def no_image(
    query: ImageQuery, region: str | None = None, newer: str | None = None
) -> NoImageError:
    """The error for a Region without any of the candidates.

    `region` is its name, if known. `newer` is the warning on a version newer than the table, if the
    Region has one.
    """
    globs = ", ".join(
        f"'{glob}'" for candidate in query.candidates for glob in candidate.name_globs
    )
    where = f"the Region {region}" if region else "the Region of this stack"
    other = next(name for name in _WELL_STOCKED if name != region)
    text = (
        f"AWS shows no image for {query.os_type} / {query.architecture} / {query.ami_type} in "
        f"{where}, although AWS released some; searched names, of owner amazon: {globs}. Not "
        "every Region has every image: `pulumi config get aws:region` shows the Region, "
        f"`pulumi config set aws:region {other}` changes it"
    )
    unversioned = "pulumi config rm geusemaker:frameworkVersion"
    if query.framework_version is not None:
        text += "; without geusemaker:frameworkVersion, the newest available version is used"
    if query.ami_type != "base":
        steps = ["pulumi config set geusemaker:amiType base"]
        steps += [unversioned] if query.framework_version is not None else []
        text += f"; or take the base image: `{' && '.join(steps)}`"
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
