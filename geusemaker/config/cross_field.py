"""Cross-field validation of a config: values that are valid alone but not together.

The rules for single values are in `geusemaker.config.rules`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from geusemaker.bundle import SERVICES
from geusemaker.bundle.api_keys import API_KEYS, SERVICES_WITH_KEYS, as_value, entry, new_key
from geusemaker.bundle.queue import SECRETS_BYTES
from geusemaker.bundle.queue_containers import most_ports
from geusemaker.bundle.secret_names import secret_lines
from geusemaker.config import workers
from geusemaker.config.fields import ConfigFields
from geusemaker.config.rules import MAX_RULES
from geusemaker.config.service_settings import MAX_PARAMETER, secret_values
from geusemaker.config.worker_fields import WorkerFields
from geusemaker.ec2.instance_types import architecture_of, counterpart
from geusemaker.messages import Fix, InvalidValue, Remove, Set


def check(config: WorkerFields) -> None:
    """Raise `InvalidValue` for the first rule that the values break."""
    for rule in _RULES:
        rule(config)


def _single_pin(config: ConfigFields) -> None:
    if config.ami_id and config.ami_name:
        raise InvalidValue(
            f"amiId {config.ami_id} and amiName {config.ami_name!r} are both set, but only one "
            "of them can pin the image",
            Remove("amiId"),
            Remove("amiName"),
            keys=("amiId", "amiName"),
        )


def _framework_has_versions(config: ConfigFields) -> None:
    if config.framework_version and config.ami_type not in ("pytorch", "tensorflow"):
        raise InvalidValue(
            f"frameworkVersion {config.framework_version} is set, but amiType is "
            f"{config.ami_type}; only pytorch and tensorflow have versions to choose from",
            Remove("frameworkVersion"),
            keys=("frameworkVersion", "amiType"),
        )


def _type_matches_architecture(config: ConfigFields) -> None:
    actual = architecture_of(config.instance_type)
    if actual != config.architecture:
        raise InvalidValue(
            f"instanceType {config.instance_type} is {actual} only, but architecture is "
            f"{config.architecture}, and an image boots on its own architecture only; a change of "
            "architecture replaces a deployed host, and its data stays",
            Set("instanceType", counterpart(config.instance_type, config.architecture)),
            Set("architecture", actual),
            keys=("instanceType", "architecture"),
        )


def _existing_network_is_complete(config: ConfigFields) -> None:
    if config.vpc_id and not config.subnet_ids:
        raise InvalidValue(
            f"vpcId {config.vpc_id} is set without subnetIds, but an existing VPC is "
            "never changed, so it needs existing subnets",
            Set("subnetIds", ["subnet-0123456789abcdef0"]),
            Remove("vpcId"),
            keys=("vpcId",),
        )
    if config.subnet_ids and not config.vpc_id:
        raise InvalidValue(
            "subnetIds are set without vpcId, the VPC that they are in",
            Set("vpcId", "vpc-0123456789abcdef0"),
            Remove("subnetIds"),
            keys=("subnetIds",),
        )
    # Rejected, since they would have no effect: an existing VPC has its own range and zones.
    for name, key in (
        ("vpc_cidr", "vpcCidr"),
        ("availability_zone_count", "availabilityZoneCount"),
    ):
        if config.vpc_id and name in config.model_fields_set:
            raise InvalidValue(
                f"{key} {getattr(config, name)} is set with vpcId {config.vpc_id}, but it applies "
                "to a created VPC only; an existing one has its own range and zones",
                Remove(key),
                Remove("vpcId"),
                keys=(key, "vpcId"),
            )


def _services_have_dependencies(config: ConfigFields) -> None:
    if "n8n" in config.services and "postgres" not in config.services:
        raise InvalidValue(
            "services has n8n without postgres, but n8n stores its data in that database",
            Set("services", (*config.services, "postgres")),
            Remove("services"),
            keys=("services",),
        )
    if config.ollama_models and "ollama" not in config.services:
        raise InvalidValue(
            f"ollamaModels names {', '.join(config.ollama_models)}, but services has no ollama "
            "to run them",
            Set("services", (*config.services, "ollama")),
            Remove("ollamaModels"),
            keys=("ollamaModels", "services"),
        )
    if config.n8n_reaches and "n8n" not in config.services:
        raise InvalidValue(
            f"n8nReaches names {', '.join(config.n8n_reaches)}, but services has no n8n "
            "to connect to them",
            Set("services", list(dict.fromkeys(("n8n", *config.services, "postgres")))),
            Remove("n8nReaches"),
            keys=("n8nReaches", "services"),
        )


def _settings_are_of_chosen_services(config: ConfigFields) -> None:
    for service in config.service_settings:
        if service not in config.services:
            chosen = {service, *config.services} | ({"postgres"} if service == "n8n" else set())
            raise InvalidValue(
                f"serviceSettings has settings of {service}, but services does not have it",
                Set("services", [one for one in SERVICES if one in chosen]),
                Remove(f"serviceSettings.{service}"),
                keys=("serviceSettings", "services"),
                public_reason=True,
            )


def _keys_have_services(config: ConfigFields) -> None:
    if config.api_keys and not set(config.services) & set(SERVICES_WITH_KEYS):
        raise InvalidValue(
            f"apiKeys names {', '.join(config.api_keys)}, but services has none of "
            f"{', '.join(SERVICES_WITH_KEYS)} to take the keys",
            Set("services", (*config.services, SERVICES_WITH_KEYS[0])),
            Remove("apiKeys"),
            keys=("apiKeys", "services"),
        )


def _secrets_fit_their_parameter(config: WorkerFields) -> None:
    # The rule of serviceSettings alone is in `service_settings`.
    of_workers = SECRETS_BYTES if config.has_workers else 0
    if not (config.api_keys or of_workers):
        return
    names = [found[0] for item in config.api_keys if (found := entry(item))]
    secrets = secret_values(config.service_settings)
    if names:
        secrets[API_KEYS] = as_value(map(new_key, names))
    size = len(secret_lines(secrets).encode()) + of_workers
    if size > MAX_PARAMETER:
        longest = max(secrets, key=lambda name: len(secrets[name]))
        also = ", with those of workers," if of_workers else ""
        raise InvalidValue(
            f"apiKeys and the secrets of serviceSettings{also} need {size} bytes together, but an "
            f"SSM parameter holds {MAX_PARAMETER}",
            Remove("apiKeys" if config.api_keys else f"serviceSettings.{longest}"),
            keys=("apiKeys", "serviceSettings"),
            public_reason=True,
        )


def _callers_have_webhooks(config: ConfigFields) -> None:
    if config.webhook_cidrs and "n8n" not in config.services:
        raise InvalidValue(
            f"webhookCidrs names {', '.join(config.webhook_cidrs)}, but services has no n8n "
            "to answer webhooks",
            Set("services", list(dict.fromkeys(("n8n", *config.services, "postgres")))),
            Remove("webhookCidrs"),
            keys=("webhookCidrs", "services"),
        )


def _networks_fit_the_security_group(config: WorkerFields) -> None:
    # The rule of allowedCidrs alone is in `rules`.
    if not (config.webhook_cidrs or config.has_workers):
        return
    of_workers = most_ports(config.services) if config.has_workers else 0
    both = (*config.allowed_cidrs, *config.webhook_cidrs)
    rules = _rules_of(both, config) + of_workers
    if rules <= MAX_RULES:
        return
    chosen = {
        "allowedCidrs": config.allowed_cidrs,
        "webhookCidrs": config.webhook_cidrs,
        "domain": config.domain,
        "workersMax" if config.workers_max else "workers": of_workers,
    }
    *first, last = [key for key, value in chosen.items() if value]
    # Without allowedCidrs no browser reaches the editor, so that comes last.
    fixes: list[Fix] = []
    if of_workers and rules - of_workers <= MAX_RULES:
        fixes.append(workers.removal_of(config))
    if _rules_of(config.allowed_cidrs, config) + of_workers <= MAX_RULES:
        fixes.append(Remove("webhookCidrs"))
    if not fixes:
        fits = _rules_of(config.webhook_cidrs, config) + of_workers <= MAX_RULES
        fixes.append(Remove("allowedCidrs", also=None if fits else "webhookCidrs"))
    raise InvalidValue(
        f"{', '.join(first)} and {last} need {rules} rules together, but a security group allows "
        f"{MAX_RULES}",
        *fixes,
        keys=("allowedCidrs", "webhookCidrs"),
    )


def _rules_of(networks: Sequence[str], config: ConfigFields) -> int:
    # EC2 counts IPv4 and IPv6 separately. A rule for the group of workers counts as one of each.
    ipv6 = sum(":" in one for one in set(networks))
    return max(len(set(networks)) - ipv6 + bool(config.domain), ipv6)


def _zone_has_a_domain(config: ConfigFields) -> None:
    if config.hosted_zone_id and not config.domain:
        raise InvalidValue(
            f"hostedZoneId {config.hosted_zone_id} is set without domain, the name of the record",
            Set("domain", "ai.example.com"),
            Remove("hostedZoneId"),
            keys=("hostedZoneId",),
        )


def _clients_have_a_way(config: ConfigFields) -> None:
    ipv4 = [network for network in config.allowed_cidrs if ":" not in network]
    if len(ipv4) < len(config.allowed_cidrs) and not config.vpc_id:
        ipv6 = next(network for network in config.allowed_cidrs if ":" in network)
        raise InvalidValue(
            f"allowedCidrs has the IPv6 network {ipv6}, but the network that GeuseMaker creates "
            "has IPv4 only, so no client can connect from there",
            Set("allowedCidrs", ipv4) if ipv4 else Remove("allowedCidrs"),
            keys=("allowedCidrs",),
        )


_RULES: Final[tuple[Callable[[WorkerFields], None], ...]] = (
    _single_pin,
    _framework_has_versions,
    _type_matches_architecture,
    _existing_network_is_complete,
    _services_have_dependencies,
    _settings_are_of_chosen_services,
    _keys_have_services,
    _secrets_fit_their_parameter,
    _callers_have_webhooks,
    _networks_fit_the_security_group,
    _zone_has_a_domain,
    _clients_have_a_way,
    *workers.RULES,
)
