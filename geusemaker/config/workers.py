"""Cross-field validation of the keys of workers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from geusemaker.bundle.api_keys import API_KEYS, as_value, entry, new_key
from geusemaker.bundle.facts import containers_of
from geusemaker.bundle.queue_containers import PORTS
from geusemaker.bundle.secret_names import secret_lines
from geusemaker.config.rules import MAX_RULES
from geusemaker.config.service_settings import MAX_PARAMETER, secret_values
from geusemaker.config.worker_fields import WorkerFields
from geusemaker.ec2.instance_types import architecture_of, counterpart
from geusemaker.messages import Fix, InvalidValue, Remove, Set

SPOT_NOTICE_SECONDS: Final = 120
"""AWS ends a Spot instance so long after its notice."""

QUEUE_SECRETS_BYTES: Final = 1730
"""Bytes of the host's parameter of secrets: the certificate of workers with its key, and the
queue's password. The longest of 200 that were made had 1,716."""

_LIMIT: Final = "N8N_CONCURRENCY_PRODUCTION_LIMIT"
_LISTS: Final = {
    "allowedCidrs": "allowed_cidrs",
    "webhookCidrs": "webhook_cidrs",
    "domain": "domain",
}
"""Keys that need rules of the host's security group."""


def _no_workers(config: WorkerFields) -> list[Remove]:
    """The fix that leaves no workers. None for two keys: one removed would leave the other."""
    if config.workers and config.workers_max:
        return []
    return [Remove("workers" if config.workers else "workersMax")]


def _workers_have_a_queue(config: WorkerFields) -> None:
    if config.has_workers and "n8n" not in config.services:
        key = "workers" if config.workers else "workersMax"
        raise InvalidValue(
            f"{key} is {config.workers or config.workers_max}, but services has no n8n, whose "
            "workflows are what workers execute",
            Set("services", list(dict.fromkeys(("n8n", *config.services, "postgres")))),
            *_no_workers(config),
            keys=(key, "services"),
        )


def _most_is_not_less(config: WorkerFields) -> None:
    if config.workers_max is not None and config.workers_max < config.workers:
        raise InvalidValue(
            f"workersMax is {config.workers_max}, which is less than workers, {config.workers}, "
            "the least number",
            Set("workersMax", config.workers),
            Set("workers", config.workers_max),
            Remove("workersMax"),
            keys=("workersMax", "workers"),
        )


def _types_match_architecture(config: WorkerFields) -> None:
    types = config.worker_instance_types
    other = [one for one in types if architecture_of(one) != config.architecture]
    if other:
        fitting = [counterpart(one, config.architecture) if one in other else one for one in types]
        raise InvalidValue(
            f"workerInstanceTypes has {other[0]}, which is {architecture_of(other[0])} only, but "
            f"architecture is {config.architecture}, and workers boot the host's image",
            Set("workerInstanceTypes", list(dict.fromkeys(fitting))),
            Remove("workerInstanceTypes"),
            keys=("workerInstanceTypes", "architecture"),
        )


def _spot_ends_in_time(config: WorkerFields) -> None:
    if config.worker_market == "spot" and config.worker_drain_seconds >= SPOT_NOTICE_SECONDS:
        raise InvalidValue(
            f"workerDrainSeconds is {config.worker_drain_seconds}, but workerMarket is spot, and "
            f"AWS ends such a worker {SPOT_NOTICE_SECONDS} seconds after its notice",
            Remove("workerDrainSeconds"),
            Set("workerMarket", "on-demand"),
            keys=("workerDrainSeconds", "workerMarket"),
        )


def _one_limit_of_executions(config: WorkerFields) -> None:
    # n8n takes it for each worker, in place of the worker's own number.
    if config.has_workers and _LIMIT in config.service_settings.get("n8n", {}):
        raise InvalidValue(
            f"serviceSettings sets {_LIMIT} of n8n, which limits one host; with workers, "
            "workerConcurrency limits each of them",
            Remove(f"serviceSettings.n8n.{_LIMIT}"),
            keys=("serviceSettings", "workerConcurrency"),
            public_reason=True,
        )


def _networks_and_workers_fit_the_security_group(config: WorkerFields) -> None:
    # Without workers: the rules of the lists alone. A rule for a group counts as IPv4 and IPv6.
    if not config.has_workers:
        return
    ports = sum(len(PORTS.get(name, ())) for name in containers_of(config.services, has_queue=True))

    def count(*lists: Sequence[str]) -> int:
        networks = {one for several in lists for one in several}
        ipv6 = sum(":" in one for one in networks)
        return ports + max(ipv6, len(networks) - ipv6 + bool(config.domain))

    allowed, webhooks = config.allowed_cidrs, config.webhook_cidrs
    rules = count(allowed, webhooks)
    if rules > MAX_RULES:
        fixes: list[Fix] = list(_no_workers(config))
        if webhooks and count(allowed) <= MAX_RULES:
            fixes.append(Remove("webhookCidrs"))
        named = [key for key, given in _LISTS.items() if getattr(config, given)]
        raise InvalidValue(
            f"{', '.join(named)} and workers need {rules} rules together, {ports} of them for "
            f"workers, but a security group allows {MAX_RULES}",
            *(fixes or [Set("allowedCidrs", allowed[: len(allowed) + MAX_RULES - rules])]),
            keys=(*named, "workers"),
        )


def _secrets_fit_their_parameter(config: WorkerFields) -> None:
    # Without workers: the rules of serviceSettings and apiKeys.
    if not config.has_workers:
        return
    names = [found[0] for item in config.api_keys if (found := entry(item))]
    keys = {API_KEYS: as_value(map(new_key, names))} if names else {}
    secrets = secret_values(config.service_settings)

    def size(values: Mapping[str, str]) -> int:
        return QUEUE_SECRETS_BYTES + len(f"\n{secret_lines(values)}".encode())

    if secrets | keys and (needed := size(secrets | keys)) > MAX_PARAMETER:
        fixes = _no_workers(config)
        if keys and size(secrets) <= MAX_PARAMETER:
            fixes.append(Remove("apiKeys"))
        for longest in sorted(secrets, key=lambda name: -len(secrets[name]))[:1]:
            if size({k: v for k, v in (secrets | keys).items() if k != longest}) <= MAX_PARAMETER:
                fixes.append(Remove(f"serviceSettings.{longest}"))
        named = [key for key, given in (("apiKeys", keys), ("serviceSettings", secrets)) if given]
        raise InvalidValue(
            f"the secrets of {' and '.join(named)} and those of workers need {needed} bytes "
            f"together, but an SSM parameter holds {MAX_PARAMETER}",
            *(fixes or [Remove(key) for key in named]),
            keys=(*named, "workers"),
            public_reason=True,
        )


RULES: Final[tuple[Callable[[WorkerFields], None], ...]] = (
    _workers_have_a_queue,
    _most_is_not_less,
    _types_match_architecture,
    _spot_ends_in_time,
    _one_limit_of_executions,
    _networks_and_workers_fit_the_security_group,
    _secrets_fit_their_parameter,
)
