"""The program's look-up of an image at AWS.

`get_ami` is called in its plain form, which returns at once, at preview too: an error becomes a
paragraph, and the next version is tried if one is missing. Normally it is one call.
"""

import contextlib
from typing import Any

import pulumi
import pulumi_aws as aws

from geusemaker import remarks
from geusemaker.dlami.compatibility import runs
from geusemaker.dlami.image import FoundImage, root_device_of, root_volume_gib, version_in
from geusemaker.dlami.naming import exact_glob, exact_regex
from geusemaker.dlami.pins import check_fit, check_state, missing, pin_of
from geusemaker.dlami.selection import Candidate, ImageQuery, others
from geusemaker.dlami.wording import fallback, no_image
from geusemaker.errors import ImageError, one_line

# Start of the provider's text for an empty answer; only the text distinguishes it from failures.
_NO_RESULTS = "Your query returned no results"


def find_image(
    query: ImageQuery,
    opts: pulumi.InvokeOptions | None = None,
    region: str | None = None,
    instance_type: str | None = None,
) -> FoundImage:
    """The newest image of the best candidate that the Region has.

    A candidate other than the first logs a warning. The caller logs the query's own warnings.
    `region` is the Region's name, for messages. An error proposes only what runs on
    `instance_type`, if that is given.

    Raises:
        NoImageError: The Region has none of the candidates.
        ImageError: The AWS call failed, or the image cannot be used.
    """
    for candidate in query.candidates:
        answer = _search(query, candidate, opts, region)
        if answer is not None:
            if warning := fallback(query, candidate, region):
                remarks.warn(warning)
            return _found(answer, query.architecture)
    raise no_image(query, region, instead=_instead(query, opts, region, instance_type))


def _search(
    query: ImageQuery, candidate: Candidate, opts: pulumi.InvokeOptions | None, region: str | None
) -> Any | None:
    return _get_ami(
        f"the image {query.os_type} / {query.architecture} / {query.ami_type}",
        opts,
        region,
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


def _instead(
    query: ImageQuery,
    opts: pulumi.InvokeOptions | None,
    region: str | None,
    instance_type: str | None,
) -> tuple[ImageQuery, Candidate] | None:
    """The nearest search that finds an image in the Region, by one call of AWS each."""
    with contextlib.suppress(ImageError):  # the first error is the one to report
        for other in others(query):
            if instance_type and not runs(other, instance_type):
                continue
            for candidate in other.candidates:
                if _search(other, candidate, opts, region) is not None:
                    return other, candidate
    return None


def find_pinned(
    ami_id: str | None = None,
    ami_name: str | None = None,
    *,
    os_type: str,
    architecture: str,
    ami_type: str,
    framework_version: str | None = None,
    opts: pulumi.InvokeOptions | None = None,
    region: str | None = None,
) -> FoundImage:
    """The image that `amiId` or `amiName` names, checked against the other keys.

    An image by id may have any owner; an image by name belongs to AWS, else to the account. A name
    that is too unclear to check logs a warning. `region` is for messages.

    Raises:
        ConfigError: Both pins are given.
        PinError: The image is missing, not available, or contradicts a key.
        ImageError: The AWS call failed, or the image cannot be used.
        ValueError: No pin is given.
    """
    pin = pin_of(ami_id, ami_name, os_type, architecture, ami_type, framework_version)
    if pin.key == "amiId":
        # Any owner: a company may pin its own image, and no one can forge an id.
        searches: list[dict[str, Any]] = [{"filters": [_filter("image-id", pin.value)]}]
    else:
        # AWS's image first: a copy in the account has the same name and a later date.
        searches = [
            {
                "owners": [owner],
                "most_recent": True,
                "name_regex": exact_regex(pin.value),
                "filters": [_filter("name", exact_glob(pin.value))],
            }
            for owner in ("amazon", "self")
        ]
    # AWS hides deprecated images from a search, but an old host needs its pinned image.
    answers = (
        _get_ami(str(pin), opts, region, include_deprecated=True, **search) for search in searches
    )
    answer = next((one for one in answers if one is not None), None)
    if answer is None:
        raise missing(pin, region)
    check_state(pin, answer.name or "", answer.state or "available")
    warning = check_fit(pin, answer.name or "", answer.architecture or architecture)
    if warning is not None:
        remarks.warn(warning)
    return _found(answer, architecture)


def _get_ami(
    what: str, opts: pulumi.InvokeOptions | None, region: str | None, **search: Any
) -> Any | None:
    """One call of `get_ami`; None without a match."""
    try:
        return aws.ec2.get_ami(**search, opts=opts)
    except Exception as error:
        # Pulumi's SDK raises a bare Exception for every failure; only the text distinguishes them.
        if _NO_RESULTS in str(error):
            return None
        said = one_line(error)
        where = f" in the Region {region}" if region else ""
        raise ImageError(
            f"The AWS call for {what}{where} failed: {said} -- if the cause is the credentials, "
            "`aws sts get-caller-identity` shows which are used; if a permission, the caller needs "
            "ec2:DescribeImages; if the Region, `pulumi config get aws:region` shows it; if "
            "throttling or the network, run the command again."
        ) from error


def _found(answer: Any, architecture: str) -> FoundImage:
    """The image of an answer; missing fields follow from the filters or the line."""
    name = answer.name or ""
    root_device = answer.root_device_name or root_device_of(name)
    # The provider's keys within `ebs` are in Terraform's or Pulumi's spelling.
    volumes = (
        (volume.device_name, ebs.get("volumeSize") or ebs.get("volume_size"))
        for volume in answer.block_device_mappings or ()
        for ebs in (volume.ebs or {},)
    )
    return FoundImage(
        id=answer.id,
        name=name,
        architecture=answer.architecture or architecture,
        root_device_name=root_device,
        root_volume_gib=root_volume_gib(
            answer.id, name, root_device, volumes, answer.root_device_type
        ),
        creation_date=answer.creation_date or "",
        framework_version=version_in(name),
    )


def _filter(name: str, *values: str) -> aws.ec2.GetAmiFilterArgs:
    return aws.ec2.GetAmiFilterArgs(name=name, values=list(values))
