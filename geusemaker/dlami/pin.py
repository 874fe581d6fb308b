"""Whether a pinned image fits the other config keys. Pure: the image is passed in."""

from dataclasses import dataclass

from geusemaker.dlami.naming import looks_like_dlami, os_in_name, recognise
from geusemaker.errors import PinError


@dataclass(frozen=True, slots=True)
class Pin:
    """The pin as configured (`amiId` or `amiName`) and the keys it has to fit."""

    key: str
    value: str
    os_type: str
    architecture: str
    ami_type: str
    framework_version: str | None


def check_fit(pin: Pin, name: str, architecture: str) -> str | None:
    """Check an image of that name and architecture against the keys.

    Returns a warning, for an image whose name tells too little to check it, or None.

    Raises:
        PinError: The image contradicts a key; both ways out are named.
    """
    known = recognise(name)
    found: list[tuple[str, str, str | None]] = []
    if architecture != pin.architecture:
        found.append(("architecture", pin.architecture, architecture))
    os_type = known.os_type if known else os_in_name(name)
    if os_type is not None and os_type != pin.os_type:
        found.append(("osType", pin.os_type, os_type))
    if known is not None:
        if known.ami_type != pin.ami_type:
            found.append(("amiType", pin.ami_type, known.ami_type))
        wanted = pin.framework_version
        if wanted is not None and wanted not in (known.framework_version, known.spelled_version):
            found.append(("frameworkVersion", wanted, known.framework_version))
    if found:
        raise _contradiction(pin, name, found)
    if known is not None:
        return None
    kind = (
        "is a Deep Learning AMI of a line that GeuseMaker does not know"
        if looks_like_dlami(name)
        else "does not look like one of AWS's Deep Learning AMIs"
    )
    return (
        f"geusemaker:{pin.key} is {pin.value!r}, and the image's name, {name!r}, {kind}: whether "
        f"it is {pin.os_type} with Docker, the SSM agent and NVIDIA's toolkit cannot be checked. "
        f"If it is not meant, `pulumi config rm geusemaker:{pin.key}` drops it."
    )


def _contradiction(pin: Pin, name: str, found: list[tuple[str, str, str | None]]) -> PinError:
    said = " and ".join(
        f"geusemaker:{key} is {wanted}, the image's is {actual or 'none'}"
        for key, wanted, actual in found
    )
    fits = [
        f"pulumi config set geusemaker:{key} {actual}"
        if actual
        else f"pulumi config rm geusemaker:{key}"
        for key, _, actual in found
    ]
    return PinError(
        f"geusemaker:{pin.key} is {pin.value!r}, the image {name!r}, which contradicts other keys: "
        f"{said}. Drop the pin: `pulumi config rm geusemaker:{pin.key}`; or make the keys fit it: "
        f"`{' && '.join(fits)}`."
    )
