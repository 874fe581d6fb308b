"""The one place where the program asks AWS for an image.

`get_ami` is called in its plain form: it answers at once, at preview too, so that an error can be
turned into a paragraph and the next version can be tried. On the good path it is one call.
"""

from typing import Any

import pulumi
import pulumi_aws as aws

from geusemaker.dlami.image import FoundImage, version_in
from geusemaker.dlami.naming import exact_regex
from geusemaker.dlami.pin import Pin, check_fit
from geusemaker.dlami.selection import Candidate, ImageQuery, title
from geusemaker.errors import ConfigError, ImageError, NoImageError, PinError, one_line

# How the provider's text for an empty answer begins; nothing but the text tells it from failures.
_NO_RESULTS = "Your query returned no results"


def find_image(query: ImageQuery, opts: pulumi.InvokeOptions | None = None) -> FoundImage:
    """The newest image of the best candidate that the Region has.

    A Region that lacks the best one gets the next, with a warning in Pulumi's log. The warnings of
    the query itself are not logged here: whoever made the query shows them.

    Raises:
        NoImageError: The Region has none of the candidates.
        ImageError: AWS could not be asked, or its answer lacks what the program needs.
    """
    for candidate in query.candidates:
        answer = _ask(
            f"the image {query.os_type} / {query.architecture} / {query.ami_type}",
            opts,
            owners=["amazon"],
            most_recent=True,
            include_deprecated=query.include_deprecated,
            name_regex=candidate.name_regex,
            filters=[
                _filter("name", *candidate.name_globs),
                _filter("architecture", query.architecture),
                _filter("state", "available"),
            ],
        )
        if answer is not None:
            if candidate is not query.candidates[0]:
                pulumi.log.warn(_fallback(query, candidate))
            return _found(answer)
    raise _no_image(query)


def find_pinned(
    ami_id: str | None = None,
    ami_name: str | None = None,
    *,
    os_type: str,
    architecture: str,
    ami_type: str,
    framework_version: str | None = None,
    opts: pulumi.InvokeOptions | None = None,
) -> FoundImage:
    """The image that `amiId` or `amiName` names, once it is known to fit the other keys.

    An image by id may belong to anyone; one by name to AWS or to the account itself. A name that
    tells too little to check gets a warning in Pulumi's log.

    Raises:
        ConfigError: Both pins are given.
        PinError: The image is missing, not available, or contradicts a key.
        ImageError: AWS could not be asked, or its answer lacks what the program needs.
        ValueError: No pin is given, which no user can cause.
    """
    if ami_id is not None and ami_name is not None:
        raise ConfigError(
            f"geusemaker:amiId is {ami_id!r} and geusemaker:amiName is {ami_name!r}, and one image "
            "cannot be chosen twice. Drop one: `pulumi config rm geusemaker:amiId` or "
            "`pulumi config rm geusemaker:amiName`."
        )
    if ami_id is not None:
        pin = Pin("amiId", ami_id, os_type, architecture, ami_type, framework_version)
        # No owners: a company's own image is a fair pin, and an id cannot be squatted.
        search: dict[str, Any] = {"filters": [_filter("image-id", ami_id)]}
    elif ami_name is not None:
        pin = Pin("amiName", ami_name, os_type, architecture, ami_type, framework_version)
        search = {
            "owners": ["amazon", "self"],
            "most_recent": True,
            "name_regex": exact_regex(ami_name),
            "filters": [_filter("name", _without_wildcards(ami_name))],
        }
    else:
        raise ValueError("find_pinned needs ami_id or ami_name")

    # AWS hides deprecated images from a search; a pin is a decision, and old hosts need theirs.
    what = f"geusemaker:{pin.key} {pin.value!r}"
    answer = _ask(what, opts, include_deprecated=True, **search)
    if answer is None:
        raise PinError(
            f"{what} names an image that AWS does not show to this account in the Region of "
            "`aws:region`: it was withdrawn, is private, or belongs to another Region (ids differ "
            "from Region to Region, names do not). Drop the pin: "
            f"`pulumi config rm geusemaker:{pin.key}`; or pin by name: `pulumi config set "
            "geusemaker:amiName '...'`; or change the Region: `pulumi config set aws:region ...`."
        )
    if answer.state != "available":
        raise PinError(
            f"{what} names the image {answer.name!r}, whose state is {answer.state!r}, not "
            f"'available': no host can start from it. Drop the pin: `pulumi config rm "
            f"geusemaker:{pin.key}`; or pin another: `pulumi config set geusemaker:{pin.key} ...`."
        )
    warning = check_fit(pin, answer.name or "", answer.architecture)
    if warning is not None:
        pulumi.log.warn(warning)
    return _found(answer)


def _ask(what: str, opts: pulumi.InvokeOptions | None, **search: Any) -> Any | None:
    """One call of `get_ami`; None if nothing fits."""
    try:
        return aws.ec2.get_ami(**search, opts=opts)
    except Exception as error:
        # Pulumi's SDK raises a bare Exception for all that can happen; the text alone tells.
        if _NO_RESULTS in str(error):
            return None
        said = one_line(error)
        raise ImageError(
            f"AWS could not be asked for {what}. It said: {said} -- if that is about credentials, "
            "`aws sts get-caller-identity` shows whose are used; if about permission, the caller "
            "needs ec2:DescribeImages; if about the Region, `pulumi config get aws:region` shows "
            "which is asked and `pulumi config set aws:region us-east-1` changes it; if about too "
            "many requests or the network, run it again."
        ) from error


def _found(answer: Any) -> FoundImage:
    name = answer.name or ""
    return FoundImage(
        id=answer.id,
        name=name,
        architecture=answer.architecture,
        root_device_name=answer.root_device_name,
        root_volume_gib=_root_volume_gib(answer),
        creation_date=answer.creation_date,
        framework_version=version_in(name),
    )


def _root_volume_gib(answer: Any) -> int:
    """GiB of the root volume; AWS's answer holds it as text, among the other volumes."""
    for mapping in answer.block_device_mappings or ():
        if mapping.device_name != answer.root_device_name:
            continue
        ebs = mapping.ebs or {}
        # The provider's keys within `ebs` come as Terraform or as Pulumi writes them.
        size = str(ebs.get("volumeSize") or ebs.get("volume_size") or "")
        if size.isdecimal() and int(size) > 0:
            return int(size)
    raise ImageError(
        f"The image {answer.id} ({answer.name}) names no EBS volume of a known size for its root "
        f"device {answer.root_device_name}, so no host can be planned on it. Pin another: "
        "`pulumi config set geusemaker:amiId ami-...`."
    )


def _filter(name: str, *values: str) -> aws.ec2.GetAmiFilterArgs:
    return aws.ec2.GetAmiFilterArgs(name=name, values=list(values))


def _without_wildcards(name: str) -> str:
    """The name with what EC2's filters read as wildcards taken as what it is."""
    return "".join(f"\\{char}" if char in "*?\\" else char for char in name)


def _fallback(query: ImageQuery, taken: Candidate) -> str:
    best = query.candidates[0]
    text = (
        f"The Region lacks {title(query.ami_type, best.framework_version)} for {query.os_type} on "
        f"{query.architecture}, using {taken.framework_version}"
    )
    if taken.ended_on:
        text += f", which AWS has not patched since {taken.ended_on}"
    if taken.advisory:
        text += f", which {taken.advisory}"
    return f"{text}. To settle it: `pulumi config set geusemaker:frameworkVersion " + (
        f"{taken.framework_version}`."
    )


def _no_image(query: ImageQuery) -> NoImageError:
    globs = ", ".join(
        f"'{glob}'" for candidate in query.candidates for glob in candidate.name_globs
    )
    text = (
        f"AWS shows no image for {query.os_type} / {query.architecture} / {query.ami_type} in the "
        f"Region of this stack, though it made some; asked for, of owner amazon: {globs}. Not "
        "every Region has every image: `pulumi config get aws:region` shows which was asked, "
        "`pulumi config set aws:region us-east-1` asks one that has them"
    )
    if query.ami_type != "base":
        text += "; or take the base image: `pulumi config set geusemaker:amiType base`"
    return NoImageError(f"{text}.")
