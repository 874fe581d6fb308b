"""Validation of `serviceSettings`: variables by service, against the list of the bundle.

No message shows the value of a secret variable, or of a map that has a secret in it.
"""

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic import SecretStr

from geusemaker.bundle.secret_names import secret_lines, setting_secret
from geusemaker.bundle.service_settings import (
    ServiceSettings,
    Setting,
    load_settings,
    time_zones,
)
from geusemaker.messages import InvalidSetting, Remove, Set

Values = Mapping[str, Mapping[str, Any]]

KEY: Final = "serviceSettings"
MAX_PARAMETER: Final = 4096
"""Bytes of the SSM parameter with the secrets of config."""

_SERVICE = re.compile(r"[a-z0-9-]{1,32}")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_NEAR = 0.8  # of 1; of variables without the first word, which those of a service share
_NEAR_SERVICE = 0.6  # one letter of three


def checked(values: Values) -> dict[str, dict[str, str | SecretStr]]:
    """The values as text, secret ones in `SecretStr`, in the order of the list.

    Raises:
        InvalidSetting: A service, a variable or a value is not allowed.
    """
    found: dict[str, dict[str, str | SecretStr]] = {}
    for service, given in values.items():
        of_service = _service(service)
        for variable in given:
            _known(service, variable, of_service)
        texts = {
            name: _value(setting, given[name])
            for name, setting in of_service.settings.items()
            if name in given
        }
        if texts:
            found[service] = texts
    secrets = secret_values(found)
    size = len(secret_lines(secrets).encode())
    if size > MAX_PARAMETER:
        longest = max(secrets, key=lambda name: len(secrets[name]))
        raise InvalidSetting(
            f"needs {size} bytes for its secrets, of which {longest} has most, but an SSM "
            f"parameter holds {MAX_PARAMETER}",
            Remove(_path(longest)),
        )
    return found


def refuse_plain_secrets(values: Any) -> None:
    """Raises `InvalidSetting` for a secret variable in a map that is not a secret of Pulumi's."""
    for service, given in values.items() if isinstance(values, dict) else ():
        known = load_settings().get(service)
        for variable, setting in known.settings.items() if known else ():
            if setting.is_secret and variable in given:
                why = "is in plain text, so everyone who can read the config has it"
                raise _invalid(setting, why)


def plain_values(values: Values) -> dict[str, dict[str, str]]:
    """The values that are not secret, by service and variable."""
    return {
        service: {name: one for name, one in given.items() if isinstance(one, str)}
        for service, given in values.items()
    }


def secret_values(values: Values) -> dict[str, str]:
    """The secret values by name, as the host gets them."""
    return {
        setting_secret(service, variable): one.get_secret_value()
        for service, given in values.items()
        for variable, one in given.items()
        if isinstance(one, SecretStr)
    }


def secret_variables(values: Values) -> tuple[tuple[str, str], ...]:
    """Service and variable of each secret value."""
    return tuple(
        (service, variable)
        for service, given in values.items()
        for variable, one in given.items()
        if isinstance(one, SecretStr)
    )


def _service(service: Any) -> ServiceSettings:
    services = [name for name, one in load_settings().items() if one.settings]
    allowed = ", ".join(services)
    if not isinstance(service, str) or not _SERVICE.fullmatch(service):
        raise InvalidSetting(
            "has a name that is not that of a service", Remove(KEY), allowed=allowed
        )
    if service not in services:
        other = load_settings().get(service)
        near = difflib.get_close_matches(service, services, 1, _NEAR_SERVICE)
        hint = f" (did you mean {near[0]}?)" if near else ""
        why = f"cannot be set: {other.set_by['*']}" if other else f"is no service's name{hint}"
        raise InvalidSetting(why, Remove(_path(service)), at=service, allowed=allowed)
    return load_settings()[service]


def _known(service: str, variable: Any, of_service: ServiceSettings) -> None:
    if variable in of_service.settings:
        return
    allowed = ", ".join(of_service.settings)
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        raise InvalidSetting(
            "has a name that is not that of a variable",
            Remove(_path(service)),
            at=service,
            allowed=allowed,
        )
    why = of_service.why_not(variable)
    others = [name for name, one in load_settings().items() if variable in one.settings]
    hint = ""
    if why is not None:
        reason = f"cannot be set: {why}"
    elif others:
        reason = f"is a setting of {others[0]}, not of {service}"
    else:
        known = {name.partition("_")[2]: name for name in of_service.settings}
        word = variable.upper().partition("_")[2]
        near = difflib.get_close_matches(word, known, 1, _NEAR)
        hint = f" (did you mean {known[near[0]]}?)" if near else ""
        reason = f"is not in the list of settings{hint}"
    raise InvalidSetting(
        reason,
        Remove(_path(service, variable)),
        at=f"{service}.{variable}",
        allowed="" if why or hint else allowed,
    )


def _value(setting: Setting, given: Any) -> str | SecretStr:
    secret = given.get_secret_value() if isinstance(given, SecretStr) else given
    if isinstance(secret, bool):
        # `pulumi config set --path` and YAML turn the texts true and 42 into other types.
        text = str(secret).lower()
    elif isinstance(secret, str | int | float):
        text = str(secret)
    else:
        raise _invalid(setting, "is no text, number or truth value")
    if setting.allows(text):
        return SecretStr(text) if setting.is_secret else text
    if setting.is_secret:
        raise _invalid(setting, "is empty, or has a control character such as a line break")
    near = _near(setting, text)
    raise _invalid(setting, "is not allowed", value=text, guess=near)


def _near(setting: Setting, text: str) -> str | None:
    wanted = text.strip().replace(" ", "_").lower()
    if setting.kind in ("boolean", "choice"):
        return wanted if setting.allows(wanted) else None
    if setting.kind != "zone":
        return None
    zones = {zone.lower(): zone for zone in sorted(time_zones())}
    cities = {zone.rpartition("/")[2]: zones[zone] for zone in zones if "/" in zone}
    close = difflib.get_close_matches(wanted, zones, 1, _NEAR)
    return zones.get(wanted) or cities.get(wanted) or (zones[close[0]] if close else None)


def _invalid(
    setting: Setting, why: str, value: str | None = None, guess: str | None = None
) -> InvalidSetting:
    path = _path(setting.service, setting.variable)
    public = Set(path, None if setting.is_secret else setting.example)
    return InvalidSetting(
        why,
        Set(path, guess) if guess else public,
        at=f"{setting.service}.{setting.variable}",
        value=value,
        guess=guess,
        allowed=setting.values,
        public_fixes=(public,),
    )


def _path(*parts: str) -> str:
    return ".".join((KEY, *parts))
