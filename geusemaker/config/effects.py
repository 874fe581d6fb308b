"""What a change of a config key does to a deployed stack: the words for it. Pure.

`fields` has the effects of each key. Key descriptions and docs/what-a-change-does.md are rendered
from them, and a test measures them with Pulumi's engine.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

Outcome = Literal[
    "nothing", "in place", "services restart", "host restarts", "host replaced", "refused"
]

_VERBS: Final[dict[Outcome, str]] = {
    "nothing": "leaves all resources as they are",
    "in place": "applies in place",
    "services restart": "applies in place and restarts",
    "host restarts": "stops the host and starts it again",
    "host replaced": "replaces the host; its data stays",
    "refused": "is refused",
}


class Effect(NamedTuple):
    """What one kind of change does.

    Attributes:
        outcome: The most that happens.
        change: The kind of change, as the subject of a sentence.
        restarts: The containers that are created again or restarted, of those that run.
            Empty for a replaced or restarted host, which restarts all.
    """

    outcome: Outcome
    change: str = "A change"
    restarts: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The effect as a sentence."""
        found = " ".join([f"{self.change} {_VERBS[self.outcome]}", *self._containers()])
        return f"{found}."

    @property
    def containers(self) -> str:
        """The containers that restart, in words."""
        return "".join(self._containers()) or ("none" if self.outcome in _QUIET else "all")

    def _containers(self) -> Iterable[str]:
        if self.restarts:
            *others, last = self.restarts
            yield f"{', '.join(others)} and {last}" if others else last


Effects = tuple[Effect, ...]
"""The effects of one key, one for each kind of change."""

_QUIET: Final = ("nothing", "in place", "refused")


def in_words(effects: Iterable[Effect]) -> str:
    """All effects of a key, a sentence for each."""
    return " ".join(one.sentence for one in effects)


ITS_CONTAINERS: Final = ("the containers that use it",)
"""Stands for the containers that use the changed part of a value."""

NOTHING: Final = (Effect("nothing"),)
IN_PLACE: Final = (Effect("in place"),)
HOST_RESTARTS: Final = (Effect("host restarts"),)
REPLACED: Final = (Effect("host replaced"),)
REFUSED: Final = (Effect("refused"),)
N8N: Final = (Effect("services restart", restarts=("n8n",)),)
SITE: Final = (Effect("services restart", restarts=("caddy", "n8n")),)
ITS_OWN: Final = (Effect("services restart", restarts=ITS_CONTAINERS),)
SIZE: Final = (Effect("in place", "A larger size"), Effect("refused", "A smaller size"))
PIN: Final = (
    Effect("host replaced", "A pin of another image"),
    Effect("nothing", "A pin of the image that runs, or the removal of a pin,"),
)
POLICY: Final = (
    Effect("host replaced", "`latest`, where AWS has a newer image,"),
    Effect("nothing", "Any other change"),
)
SUBNETS: Final = (
    Effect("host replaced", "Another first subnet in the same zone"),
    Effect("refused", "A first subnet in another zone"),
    Effect("in place", "A change after the first subnet"),
)
NETWORKS: Final = (
    Effect(
        "services restart",
        "The first network of allowedCidrs and webhookCidrs, or the removal of the last,",
        ("caddy", "n8n"),
    ),
    Effect("services restart", "A change of the others", ("caddy",)),
)
OTHER_SERVICES: Final = (
    Effect("services restart", "Another service", ("caddy", "n8n", "ollama")),
    Effect("services restart", "The removal of a service", ("caddy", "n8n", "ollama")),
)
IMAGES: Final = (
    Effect("services restart", "Another image", ITS_CONTAINERS),
    Effect("services restart", "Another image of postgres", ("n8n", "postgres")),
)
API_KEYS: Final = (
    Effect("services restart", "The first key, or the removal of the last,", ("caddy",)),
    Effect("in place", "A change of the others"),
)
WORKERS: Final = (
    Effect(
        "services restart",
        "The first worker, or the removal of the last,",
        ("crawl4ai", "n8n", "ollama", "postgres", "qdrant"),
    ),
    Effect("in place", "Another number"),
)
OF_WORKERS: Final = (
    Effect("nothing", "Without workers, a change"),
    Effect("in place", "With workers, a change"),
)
WORKER_TYPES: Final = (
    *OF_WORKERS,
    Effect(
        "services restart",
        "With workers, a change between types with and without GPUs",
        ("ollama",),
    ),
)
