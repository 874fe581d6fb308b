"""Validation of single config values beyond their type. Each function raises `InvalidValue`."""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence

from pydantic import SecretStr

from geusemaker.bundle import SERVICES, check_image_versions
from geusemaker.bundle.api_keys import entry
from geusemaker.bundle.networks import BLOCK
from geusemaker.bundle.registry_logins import DOCKER_HUB, docker_config
from geusemaker.ec2.instance_types import type_pattern
from geusemaker.messages import InvalidValue, Remove, Set, nearest

_version = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,3})?")
_hex_id = r"([0-9a-f]{8}|[0-9a-f]{17})"
_partition = "arn:(aws|aws-us-gov|aws-eusc)"
_unsupported_arn = re.compile(r"arn:(aws-cn|aws-iso[a-z-]*):")
_policy_arn = re.compile(
    rf"{_partition}:iam::([0-9]{{12}}|aws):policy/[A-Za-z0-9+=,.@_/-]{{1,512}}"
)
_key_arn = re.compile(
    rf"{_partition}:kms:[a-z0-9-]{{5,30}}:[0-9]{{12}}:key/"
    r"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
)
_host_name = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_email = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?=.{1,190}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_model = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,3}(:[A-Za-z0-9._-]+)?"
)
_MAX_EXTRA_POLICIES = 8  # IAM's default quota is ten policies a role, and GeuseMaker attaches one
_registry = re.compile(r"(?=[^:]*\.|.*:)[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?")
# Other host names of Docker Hub. Docker does not find a login under these.
_DOCKER_HUB = ("index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
_MAX_PARAMETER = 4096  # bytes
_MAX_MODELS = 50
_MAX_API_KEYS = 20  # all keys share an SSM parameter with other secrets
_MAX_MODEL_NAME = 150
_MAX_EMAIL = 254  # RFC 5321
# No certificate authority issues a public certificate for these.
_NOT_PUBLIC = ("local", "localhost", "internal", "lan", "home.arpa", "test", "invalid", "example")
_image_name = re.compile(r"[A-Za-z0-9()\[\] ./'@_-]{3,128}")

# RFC 1918, and the shared range of RFC 6598 that AWS allows for a VPC as well.
_PRIVATE = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
_DOCKER_BRIDGE = ipaddress.IPv4Network("172.17.0.0/16")
MAX_RULES = 60  # EC2's default quota of inbound rules per security group
_MAX_TAGS = 45  # AWS allows 50; GeuseMaker sets the others


def framework_version(value: str) -> str:
    if not _version.fullmatch(value):
        raise InvalidValue("is not a version number")
    return value


def ami_id(value: str) -> str:
    if not re.fullmatch(f"ami-{_hex_id}", value):
        raise InvalidValue("is not an image ID: `ami-` and 8 or 17 hexadecimal digits")
    return value


def ami_name(value: str) -> str:
    if "*" in value or "?" in value:
        raise InvalidValue("is a pattern, but a pin needs the exact name of one image")
    if not _image_name.fullmatch(value):
        raise InvalidValue("is not a valid image name")
    return value


def instance_type(value: str) -> str:
    if not type_pattern.fullmatch(value):
        lower = value.strip().lower()
        fixes = [Set("instanceType", lower)] if type_pattern.fullmatch(lower) else []
        raise InvalidValue("is not a valid name of an EC2 instance type", *fixes)
    return value


def vpc_cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise InvalidValue("is not an IPv4 network") from None
    if not 16 <= network.prefixlen <= 24:
        raise InvalidValue(
            f"is a /{network.prefixlen}, but the subnets need a network from /16 to /24"
        )
    if str(network) != value:
        why = f"has host bits set; the network is {network}"
        raise InvalidValue(why, Set("vpcCidr", str(network)))
    if not _is_private(network):
        raise InvalidValue(
            "is not a private network; the host could not reach its public addresses"
        )
    if network.overlaps(_DOCKER_BRIDGE):
        raise InvalidValue(f"overlaps {_DOCKER_BRIDGE}, which Docker uses on the host")
    return value


def vpc_id(value: str) -> str:
    if not re.fullmatch(f"vpc-{_hex_id}", value):
        raise InvalidValue("is not a VPC ID: `vpc-` and 8 or 17 hexadecimal digits")
    return value


def subnet_ids(values: Sequence[str]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(f"subnet-{_hex_id}", value):
            raise InvalidValue(f"has the item {value!r}, which is not a subnet ID")
    distinct = tuple(dict.fromkeys(values))
    if len(distinct) < len(values):
        raise InvalidValue("lists a subnet twice", Set("subnetIds", distinct))
    if len(values) > 3:
        raise InvalidValue(
            f"has {len(values)} subnets; the maximum is 3", Set("subnetIds", distinct[:3])
        )
    return distinct


def permissions_boundary_arn(value: str) -> str:
    if not _policy_arn.fullmatch(value):
        raise InvalidValue(_not_an_arn(value, "an IAM policy"))
    return value


def extra_policy_arns(values: Sequence[str]) -> tuple[str, ...]:
    """The fix is never an example: AWS refuses a policy that does not exist."""
    key = "extraPolicyArns"
    arns = tuple(dict.fromkeys(value for value in values if _policy_arn.fullmatch(value)))
    most = arns[:_MAX_EXTRA_POLICIES]
    fix = Set(key, most) if most else Remove(key)
    for value in values:
        if value not in arns:
            raise InvalidValue(
                f"has the item {value!r}, which {_not_an_arn(value, 'an IAM policy')}", fix
            )
    if len(arns) < len(values):
        raise InvalidValue("lists a policy twice", fix)
    if arns != most:
        raise InvalidValue(f"has {len(arns)} policies; the maximum is {len(most)}", fix)
    return arns


def _not_an_arn(value: str, what: str) -> str:
    if unsupported := _unsupported_arn.match(value):
        return f"is in the partition {unsupported[1]}, which GeuseMaker does not support"
    return f"is not the ARN of {what}"


def kms_key_arn(value: str) -> str:
    if ":alias/" in value:
        raise InvalidValue("is an alias, which can be moved to a key other than that of the data")
    if not _key_arn.fullmatch(value):
        raise InvalidValue(_not_an_arn(value, "a KMS key"))
    return value


def allowed_cidrs(values: Sequence[str]) -> tuple[str, ...]:
    """Accepts canonical form only: EC2 stores it, so any other form differs at every preview."""
    distinct = _networks("allowedCidrs", values)
    for value in distinct:
        network = ipaddress.ip_network(value)
        # A larger network is mostly elsewhere; RFC 2544's is for private use.
        if network.version == 4 and network.prefixlen >= 15 and network.overlaps(BLOCK):
            rest = [other for other in distinct if other != value]
            raise InvalidValue(
                f"has the item {value!r}, which overlaps {BLOCK}, the addresses of the containers "
                "on the host, so the host cannot answer clients from there",
                Set("allowedCidrs", rest) if rest else Remove("allowedCidrs"),
            )
    if len(distinct) > MAX_RULES:
        raise InvalidValue(f"has {len(distinct)} networks; a security group allows {MAX_RULES}")
    return distinct


def webhook_cidrs(values: Sequence[str]) -> tuple[str, ...]:
    """Accepts IPv4 networks only: Docker hides the addresses of callers by IPv6 from Caddy."""
    distinct = _networks("webhookCidrs", values)
    rest = [value for value in distinct if ":" not in value]
    if len(rest) < len(distinct):
        other = next(value for value in distinct if value not in rest)
        raise InvalidValue(
            f"has the item {other!r}, but only IPv4 is supported: containers have no IPv6, so the "
            "proxy cannot tell callers of webhooks from users of the editor",
            Set("webhookCidrs", rest) if rest else Remove("webhookCidrs"),
        )
    return distinct


def n8n_reaches(values: Sequence[str]) -> tuple[str, ...]:
    """Accepts private networks only: n8n may reach public addresses anyway. The private ranges
    contain neither the metadata service nor the containers' addresses."""
    distinct = _networks("n8nReaches", values)
    rest = [value for value in distinct if _is_private(ipaddress.ip_network(value))]
    for value in distinct:
        network = ipaddress.ip_network(value)
        if network.version == 6:
            why = f"has the item {value!r}, but containers have no IPv6"
        elif value not in rest:
            why = f"has the item {value!r}, which is outside {', '.join(map(str, _PRIVATE))}"
            if network.is_global:
                why = f"{why}: n8n may reach the internet without this key"
        else:
            continue
        raise InvalidValue(why, Set("n8nReaches", rest) if rest else Remove("n8nReaches"))
    if len(distinct) > MAX_RULES:
        raise InvalidValue(f"has {len(distinct)} networks; the maximum is {MAX_RULES}")
    return distinct


def _is_private(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return network.version == 4 and any(network.subnet_of(private) for private in _PRIVATE)


def _networks(key: str, values: Sequence[str]) -> tuple[str, ...]:
    networks = [_network(key, index, values) for index in range(len(values))]
    distinct = tuple(dict.fromkeys(networks))
    if len(distinct) < len(networks):
        raise InvalidValue("lists a network twice", Set(key, distinct))
    return distinct


def _network(key: str, index: int, values: Sequence[str]) -> str:
    value = values[index]
    try:
        network = ipaddress.ip_network("" if "%" in value else value, strict=False)
    except ValueError:
        raise InvalidValue(
            f"has the item {value!r}, which is not an IPv4 or IPv6 network"
        ) from None
    if network.is_unspecified:
        widest = "0.0.0.0/0" if network.version == 4 else "::/0"
        raise InvalidValue(
            f"has the item {value!r}, which is the address of no machine; {widest} is all of them"
        )
    address, _, prefix = value.partition("/")
    if not prefix.isdecimal() or ipaddress.ip_address(address) != network.network_address:
        corrected = [*values[:index], str(network), *values[index + 1 :]]
        why = f"has the item {value!r}, which in CIDR notation is {network}"
        raise InvalidValue(why, Set(key, corrected))
    return str(network)


def domain(value: str) -> str:
    lower = value.strip().lower().rstrip(".")
    if not _host_name.fullmatch(lower) or len(lower) > 253:
        bare = lower.removeprefix("https://").removeprefix("http://").partition("/")[0]
        fixes = [Set("domain", bare)] if _host_name.fullmatch(bare) else []
        raise InvalidValue("is not a host name", *fixes)
    if any(lower == end or lower.endswith(f".{end}") for end in _NOT_PUBLIC):
        raise InvalidValue("is not a public name, so no authority issues a certificate for it")
    if lower != value:
        raise InvalidValue(f"in canonical form is {lower}", Set("domain", lower))
    return value


def hosted_zone_id(value: str) -> str:
    bare = value.rpartition("/")[2]
    if not re.fullmatch("[A-Z0-9]{1,32}", bare):
        raise InvalidValue("is not a hosted zone ID: capital letters and digits")
    if bare != value:
        raise InvalidValue(f"contains a path before the ID {bare}", Set("hostedZoneId", bare))
    return value


def owner_email(value: str) -> str:
    if not _email.fullmatch(value) or len(value) > _MAX_EMAIL:
        raise InvalidValue("is not an e-mail address")
    return value


def services(values: Sequence[str]) -> tuple[str, ...]:
    """Sorts the services as in `SERVICES`: another order must not change the host."""
    if not values:
        raise InvalidValue("lists no service, but a host needs at least one")
    meant_by = {value: value if value in SERVICES else nearest(value, SERVICES) for value in values}
    for value, near in meant_by.items():
        if value not in SERVICES:
            wanted = {*meant_by.values(), *(["postgres"] if "n8n" in meant_by.values() else [])}
            meant = [one for one in SERVICES if one in wanted]
            hint = f" (did you mean {near}?)" if near else ""
            raise InvalidValue(
                f"has the item {value!r}, which is not a service{hint}",
                *([Set("services", meant)] if meant else []),
            )
    chosen = tuple(one for one in SERVICES if one in values)
    if len(chosen) < len(values):
        raise InvalidValue("lists a service twice", Set("services", chosen))
    return chosen


def image_versions(values: dict[str, str]) -> dict[str, str]:
    check_image_versions(values)
    return values


def registry_logins(values: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """No message contains a password, or an invalid key, which may be a misplaced password."""
    for registry, login in values.items():
        if not _registry.fullmatch(registry):
            raise InvalidValue(
                "has a key that is not the host name of a registry", public_reason=True
            )
        if registry in _DOCKER_HUB:
            raise InvalidValue(
                f"has the key {registry}, but the key of Docker Hub is {DOCKER_HUB}",
                public_reason=True,
            )
        user, colon, password = login.get_secret_value().partition(":")
        if not user or not colon or not password:
            raise InvalidValue(f"has no user:password under {registry}", public_reason=True)
        if not (user + password).isprintable():
            raise InvalidValue(
                f"has a control character, such as a line break, under {registry}",
                public_reason=True,
            )
    size = len(docker_config(values))
    if size > _MAX_PARAMETER:
        why = f"needs {size} bytes in Docker's format, but an SSM parameter holds {_MAX_PARAMETER}"
        raise InvalidValue(why, public_reason=True)
    return values


def api_keys(values: Sequence[str]) -> tuple[str, ...]:
    """Items are names, or `name:number` for the number-th key of that name."""
    kept: dict[str, str] = {}
    for index, value in enumerate(values):
        found = entry(value)
        if found is None:
            lower = value.strip().lower().replace("_", "-").replace(" ", "-")
            fixed = [*values[:index], lower, *values[index + 1 :]]
            raise InvalidValue(
                f"has the item {value!r}, which is not a name: a letter, then up to 30 of a-z, 0-9 "
                "and -",
                *([Set("apiKeys", fixed)] if entry(lower) else []),
            )
        if found[0] in kept:
            raise InvalidValue(
                f"names {found[0]} twice",
                Set("apiKeys", [*{**kept, found[0]: value}.values(), *values[index + 1 :]]),
            )
        kept[found[0]] = value
    if len(values) > _MAX_API_KEYS:
        raise InvalidValue(f"has {len(values)} names; the maximum is {_MAX_API_KEYS}")
    return tuple(values)


def ollama_models(values: Sequence[str]) -> tuple[str, ...]:
    for value in values:
        if not _model.fullmatch(value) or len(value) > _MAX_MODEL_NAME:
            raise InvalidValue(f"has the item {value!r}, which is not a model name")
    distinct = tuple(dict.fromkeys(values))
    if len(distinct) < len(values):
        raise InvalidValue("lists a model twice", Set("ollamaModels", distinct))
    if len(values) > _MAX_MODELS:
        raise InvalidValue(f"has {len(values)} models; the maximum is {_MAX_MODELS}")
    return distinct


def tags(values: dict[str, str]) -> dict[str, str]:
    if len(values) > _MAX_TAGS:
        raise InvalidValue(f"has {len(values)} tags; the maximum is {_MAX_TAGS}")
    folded: dict[str, str] = {}
    for key, value in values.items():
        low = key.lower()
        others = {other: text for other, text in values.items() if other != key}
        if low.startswith("aws:"):
            raise InvalidValue(
                f"has the key {key!r}, whose prefix AWS reserves", Set("tags", others)
            )
        if low == "name" or low.startswith("geusemaker:"):
            why = f"has the key {key!r}, which GeuseMaker sets itself"
            raise InvalidValue(why, Set("tags", others))
        if low in folded:
            # EC2 accepts both. IAM ignores case and refuses the role.
            why = f"has the keys {folded[low]!r} and {key!r}, which IAM treats as the same"
            raise InvalidValue(why, Set("tags", others))
        folded[low] = key
        if not 1 <= len(key) <= 128:
            raise InvalidValue(f"has a key of {len(key)} characters; the limits are 1 and 128")
        if len(value) > 256:
            raise InvalidValue(
                f"has a value of {len(value)} characters under {key!r}; the maximum is 256"
            )
        if not all(map(_allowed_in_tag, key + value)):
            raise InvalidValue(f"has a character in {key!r} that IAM does not allow in a tag")
    return values


def _allowed_in_tag(character: str) -> bool:
    return character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN"
