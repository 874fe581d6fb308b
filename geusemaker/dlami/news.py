"""The note on the image that a search finds now, compared with the kept one. Pure."""

from typing import Final

from geusemaker.dlami.image import FoundImage

NEWER_IMAGE: Final = "A newer image is available"
"""Start of the note on a newer image; the screen of `make up` searches for it."""


def newer_image(kept: FoundImage, found: FoundImage | None) -> str | None:
    """The note for the user; None if the search finds the kept image."""
    if found is None:
        return (
            f"AWS shows no image of this line in the Region any more. This stack keeps {kept.name} "
            f"({kept.id}), and nothing is replaced; a new host needs an available image."
        )
    if kept.id == found.id:
        return None
    if _age(found) <= _age(kept):
        return (
            f"The newest that a search for this config finds, {found.name} ({found.id}), is no "
            f"newer than what runs, {kept.name} ({kept.id}), which AWS does not show any more or "
            "which was pinned. This stack keeps its image, and nothing is replaced."
        )
    return (
        f"{NEWER_IMAGE}: {found.name} ({found.id}). This stack keeps {kept.name} ({kept.id}), and "
        "nothing is replaced. To move to it, which replaces the host and keeps the data: "
        f"`geusemaker ami update`, or `pulumi config set geusemaker:amiId {found.id}`."
    )


def _age(image: FoundImage) -> tuple[list[int], str]:
    """Order of images of a line: by framework version, then by day."""
    version = (image.framework_version or "0").split(".")
    return [int(part) for part in version], image.creation_date
