"""`aws.ec2.getAmi`: which image an account is shown."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .account import Account
from .lookup import Answer, InvokeError, filters_of
from .resources.support import optional, picked
from .schema import Problem
from .tags import plain_tags

_UNSAFE = (
    'Most Recent Image Not Filtered: "most_recent" is set to "true" and results are not filtered '
    "by owner or image ID. With this configuration, a third party may introduce a new image which "
    "will be returned by this data source. Filter by owner or image ID to avoid this possibility."
)


def ami_problems(arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """What the real provider refuses before it calls AWS."""
    if arguments.get("owners") == [] or "" in (arguments.get("owners") or []):
        yield Problem("owners", "expected at least one owner, and none of them empty")
    pattern = arguments.get("nameRegex")
    if pattern is None:
        return
    try:
        re.compile(pattern)
    except re.error as wrong:
        yield Problem("nameRegex", f"error parsing regexp: {wrong}")
        return
    # The real provider is written in Go, whose expressions have neither.
    if re.search(r"\(\?<?[=!]|\\[1-9]|\(\?P=", pattern):
        yield Problem("nameRegex", "error parsing regexp: look-around and back-references")


def get_ami(account: Account, arguments: Mapping[str, Any]) -> Answer:
    """`aws.ec2.getAmi`: the safety rule, the server's filters, then name regex, then newest."""
    owners = arguments.get("owners") or []
    filters = filters_of(arguments)
    newest = bool(arguments.get("mostRecent"))
    named = {f["Name"] for f in filters}
    safe = owners or named & {"owner-id", "image-id"} or arguments.get("allowUnsafeFilter")
    errors = [] if safe or not newest else [_UNSAFE]
    found = account.during("reading EC2 AMIs").ec2.describe_images(
        Owners=owners,
        Filters=filters,
        IncludeDeprecated=bool(arguments.get("includeDeprecated")),
    )["Images"]
    if pattern := arguments.get("nameRegex"):
        found = [image for image in found if re.search(pattern, image.get("Name") or "")]
    if not found:
        errors.append(
            "Your query returned no results. Please change your search criteria and try again."
        )
    elif len(found) > 1 and not newest:
        errors.append(
            "Your query returned more than one result. Please try a more specific search "
            "criteria, or set `most_recent` attribute to true."
        )
    if errors:
        raise InvokeError(*errors)
    return {**arguments, **_image(account, max(found, key=_age))}


def _age(image: Mapping[str, Any]) -> tuple[str, list[int]]:
    """By creation, then by the numbers in the name: what a test loads may be equally old."""
    numbers = re.findall("[0-9]+", image.get("Name") or "")
    return str(image["CreationDate"]), [int(number) for number in numbers]


def _image(account: Account, image: Mapping[str, Any]) -> Answer:
    root = next(
        (m for m in image["BlockDeviceMappings"] if m["DeviceName"] == image["RootDeviceName"]),
        None,
    )
    return {
        **optional(image, "BootMode", "DeprecationTime", "Description", "Hypervisor"),
        **optional(image, "ImageLocation", "ImageOwnerAlias", "ImageType", "ImdsSupport"),
        **optional(image, "Platform", "VirtualizationType"),
        **picked(image, "ImageId", "Architecture", "CreationDate", "Name", "OwnerId", "Public"),
        **picked(image, "RootDeviceName", "RootDeviceType", "State"),
        "id": image["ImageId"],
        "arn": f"arn:aws:ec2:{account.region}::image/{image['ImageId']}",
        "blockDeviceMappings": [_mapping(m) for m in image["BlockDeviceMappings"]],
        "enaSupport": image.get("EnaSupport", False),
        "kernelId": "",
        "lastLaunchedTime": "",
        "platformDetails": image.get("PlatformDetails", "Linux/UNIX"),
        "productCodes": [],
        "ramdiskId": "",
        "rootSnapshotId": root["Ebs"]["SnapshotId"] if root else "",
        "sriovNetSupport": "simple",
        "stateReason": {"code": "UNSET", "message": "UNSET"},
        "tags": plain_tags(image.get("Tags")),
        "tpmSupport": "",
        "usageOperation": image.get("UsageOperation", "RunInstances"),
    }


def _mapping(mapping: Mapping[str, Any]) -> Answer:
    ebs = mapping["Ebs"]
    return {
        "deviceName": mapping["DeviceName"],
        "noDevice": "",
        "virtualName": "",
        "ebs": {  # a map of strings, as in the real provider
            "deleteOnTermination": str(ebs["DeleteOnTermination"]).lower(),
            "encrypted": str(ebs.get("Encrypted", False)).lower(),
            "iops": str(ebs.get("Iops", 0)),
            "snapshotId": ebs["SnapshotId"],
            "throughput": str(ebs.get("Throughput", 0)),
            "volumeSize": str(ebs["VolumeSize"]),
            "volumeType": ebs["VolumeType"],
        },
    }
