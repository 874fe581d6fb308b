"""Chooses the closest of the instance types that a Region or a zone offers. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from geusemaker.ec2.instance_types import architecture_of, family_of
from geusemaker.messages import nearest

# Families to fall back on, the usual ones first. Not every Region has the first ones.
_GENERAL: Final = {
    "x86_64": ("m6i", "m7i", "m6a", "m7a", "m5", "m5a", "m8i", "t3"),
    "arm64": ("m6g", "m7g", "m8g", "t4g"),
}
_WITH_GPU: Final = {"x86_64": ("g5", "g6", "g4dn", "g6e"), "arm64": ("g5g",)}
_USUAL_SIZE: Final = "xlarge"


def closest(instance_type: str, offered: Iterable[str]) -> str | None:
    """The closest offered type, or None if none of a usual family is offered.

    A misspelt size of an offered family comes first, or its xlarge, then a misspelt family, then
    the usual families of the same architecture, in that size or in xlarge: those with a GPU for a
    `g` or `p` type.
    """
    known = set(offered)
    return next((one for one in _ranked(instance_type, known) if one in known), None)


def _ranked(instance_type: str, offered: set[str]) -> Iterator[str]:
    family, _, size = instance_type.partition(".")
    families = {family_of(one) for one in offered}
    sizes = {one.partition(".")[2] for one in offered}
    if family in families:
        own = {one.partition(".")[2] for one in offered if family_of(one) == family}
        yield from (f"{family}.{nearest(size, own)}", f"{family}.{_USUAL_SIZE}")
    else:
        meant_size = size if size in sizes else nearest(size, sizes)
        yield f"{nearest(family, families)}.{meant_size}"
    architecture = architecture_of(instance_type)
    usual = _GENERAL[architecture]
    if family[:1] in ("g", "p"):
        usual = (*_WITH_GPU[architecture], *usual)
    for other in usual:
        if other != family:
            yield from (f"{other}.{size}", f"{other}.{_USUAL_SIZE}")
