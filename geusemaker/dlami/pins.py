"""Checks a pinned image against the other config keys. Pure: the image is passed in."""

from dataclasses import dataclass

from geusemaker.dlami.naming import looks_like_dlami, os_in_name, recognise
from geusemaker.errors import ConfigError, PinError


@dataclass(frozen=True, slots=True)
class Pin:
    """The configured pin (`amiId` or `amiName`) and the keys that the image must fit."""

    key: str
    value: str
    os_type: str
    architecture: str
    ami_type: str
    framework_version: str | None

    @property
    def config_key(self) -> str:
        """The key as Pulumi names it."""
        return f"geusemaker:{self.key}"

    def __str__(self) -> str:
        """The pin as messages show it."""
        return f"{self.config_key} {self.value!r}"


def pin_of(
    ami_id: str | None,
    ami_name: str | None,
    os_type: str,
    architecture: str,
    ami_type: str,
    framework_version: str | None,
) -> Pin:
    """The given pin.

    Raises:
        ConfigError: Both pins are given.
        ValueError: No pin is given.
    """
    keys = (os_type, architecture, ami_type, framework_version)
    if ami_id is not None and ami_name is not None:
        raise ConfigError(
            f"geusemaker:amiId is {ami_id!r} and geusemaker:amiName is {ami_name!r}, and one image "
            "cannot be chosen twice. Drop one: `pulumi config rm geusemaker:amiId` or "
            "`pulumi config rm geusemaker:amiName`."
        )
    if ami_id is not None:
        return Pin("amiId", ami_id, *keys)
    if ami_name is not None:
        return Pin("amiName", ami_name, *keys)
    raise ValueError("a pinned image has an ami_id or ami_name")


def missing(pin: Pin, region: str | None = None) -> PinError:
    """The error for an image that AWS does not show. `region`: its name if known."""
    where = f"the Region {region}" if region else "the Region of `aws:region`"
    return PinError(
        f" {pin.value!r} names an image that AWS does not show to this account in {where}: it was "
        "withdrawn, is private, or belongs to another Region (ids differ between Regions, names do "
        "not).",
        key=pin.config_key,
    )


def check_state(pin: Pin, name: str, state: str) -> None:
    """`PinError` for an image that no host can start from."""
    if state != "available":
        raise PinError(
            f" {pin.value!r} names the image {name!r}, whose state is {state!r}, not 'available': "
            "no host can start from it.",
            key=pin.config_key,
        )


def check_fit(pin: Pin, name: str, architecture: str) -> str | None:
    """Check an image of that name and architecture against the keys.

    Returns a warning if the name is too unclear to check, else None.

    Raises:
        PinError: The image contradicts a key.
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
        f"{pin.config_key} is {pin.value!r}, and the image's name, {name!r}, {kind}: whether "
        f"it is {pin.os_type} with Docker, the SSM agent and NVIDIA's toolkit cannot be checked."
        f"{drop_hint(pin.config_key)}"
    )


def drop_hint(key: str) -> str:
    """The last sentence of a warning about the pin of that key."""
    return f" To drop the pin: `pulumi config rm {key}`."


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
        f" is {pin.value!r}, the image {name!r}, which contradicts other keys: {said}.",
        key=pin.config_key,
        other_fix=f"make the keys fit it: `{' && '.join(fits)}`; or pin the newest image that fits "
        "the keys, where the stack is deployed: `geusemaker ami update`",
    )
