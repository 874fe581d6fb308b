"""A removal on a terminal: what goes and stays before it, and its receipt after it."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from geusemaker import terminal
from geusemaker.cli.removal import Entry, Receipt, Removal, cost_words, is_data
from geusemaker.cost import usd
from geusemaker.cost.resources import INSTANCE

_NAMED: Final = 5
"""Workers in the forecast. The receipt names all."""
WITHOUT_RESOURCES: Final = "`pulumi stack rm` removes it from Pulumi, with its config file."


def show_forecast(removal: Removal, entries: tuple[Entry, ...], fit: Callable[[str], str]) -> None:
    """Prints what goes and what stays."""
    goes = [one for one in entries if one.outcome == "deleted"]
    hosts = [one.id for one in removal.goes if one.type == INSTANCE]
    host = f", among them the host {hosts[0]}" if hosts else ""
    if workers := [one.id for one in goes if one.type == INSTANCE and one.id not in hosts]:
        more = f" and {len(workers) - _NAMED} more" if len(workers) > _NAMED else ""
        host += f", and its workers {', '.join(workers[:_NAMED])}{more}, which end first"
    terminal.paragraph()
    terminal.paragraph(f"{len(goes)} resources{host}", "Goes:  ")
    data = [one for one in removal.goes if is_data(one)]
    if data:
        listed = ", ".join(one.id for one in data)
        sign = terminal.mark("failed", "DATA, for good: ")
        terminal.paragraph(f"{sign}{listed}", "       ")
    stays = [one for one in entries if one.outcome == "kept"]
    if stays:
        terminal.paragraph(f"the data, {cost_words(entries)}", "Stays: ")
        _costs(stays)
        terminal.paragraph(
            fit(
                "`geusemaker deploy` creates the host again with this data. To delete the data "
                "too: `geusemaker destroy --delete-data`."
            )
        )


def show_receipt(receipt: Receipt, fit: Callable[[str], str]) -> None:
    """Prints the receipt."""
    deleted, kept = receipt.of("deleted"), receipt.of("kept")
    terminal.paragraph()
    if deleted:
        terminal.paragraph(f"Deleted: {len(deleted)} of {len(receipt.entries)} resources")
        for one in deleted:
            terminal.paragraph(f"{one.id}{_note(one)}", f"  {_kind(one)} ")
    for one in (one for one in kept if one.is_left):
        sign = terminal.mark("failed", "Not deleted:")
        terminal.paragraph(f"{one.id}{_note(one)}", f"{sign} {one.kind} ")
    if kept:
        words = cost_words(receipt.entries)
        terminal.paragraph(f"Kept: {len(kept)} of {len(receipt.entries)} resources, {words}")
        _costs(kept)
        free = [one for one in kept if one.usd_a_month == 0 and not one.what]
        for one in free:
            terminal.paragraph(one.id, f"  {_kind(one)} ")
    if receipt.not_of_the_stack:
        terminal.paragraph(f"Not of the stack, unchanged: {', '.join(receipt.not_of_the_stack)}")
    for note in receipt.notes:
        terminal.paragraph(f"note: {fit(note)}")
    terminal.paragraph(" | ".join(receipt.next), "Next: ", whole=True)


def _costs(entries: Iterable[Entry]) -> None:
    """The resources with a cost, or of which AWS shows a quantity."""
    for one in entries:
        if one.usd_a_month != 0 or one.what:
            cost = "unknown" if one.usd_a_month is None else usd(Decimal(str(one.usd_a_month)))
            terminal.paragraph(f"{one.id}{_note(one)}", f"  {_kind(one)} {cost:>8}  ")


def _kind(one: Entry) -> str:
    return f"{one.kind:<22}"


def _note(one: Entry) -> str:
    return f" ({one.what})" if one.what else ""
