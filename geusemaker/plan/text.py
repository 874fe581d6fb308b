"""A plan on a terminal."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from geusemaker import terminal
from geusemaker.host.durations import in_words
from geusemaker.plan.model import Change, Comparison, Cost, Model, Operation, Plan, Workers

_FIT: Final[Mapping[str, str]] = {
    "gpu": "fits the GPU",
    "memory": "fits the memory, runs on the CPU",
    "split": "does not fit the GPU alone: a part runs on the CPU, many times slower",
    "no": "does not fit: it cannot run",
    "unknown": "its name gives no size",
}
_SIGNS: Final[Mapping[str, str]] = {"create": "+", "update": "~", "replace": "±", "delete": "-"}
_UNSEEN: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories: control, format, surrogate, line and paragraph separators."""
_VERBS: Final[Mapping[Operation, str]] = {
    "create": "created",
    "update": "changed in place",
    "replace": "replaced",
    "delete": "deleted",
}


def show(plan: Plan) -> None:
    """Prints the plan: first what a reader must know, then the details."""
    plan = Plan.model_validate(_visible_in(plan.model_dump()))
    _head(plan)
    if plan.comparison:
        show_comparison(plan.comparison)
    _title("Config")
    terminal.table([(one.key, one.value, one.source) for one in plan.config])
    _title("Image")
    terminal.paragraph(f"{plan.image.name} ({plan.image.id})", "  ")
    terminal.paragraph(plan.image.why, "  ")
    terminal.paragraph(patched(plan), "  ")
    _title("Host")
    terminal.paragraph(host(plan), "  ")
    for access in access_lines(plan):
        terminal.paragraph(access, "  ")
    if plan.workers:
        terminal.paragraph(workers(plan.workers), "  workers: ")
    for one in plan.models:
        terminal.paragraph(model(one), f"  {one.name}: ")
    _title(f"Resources: {len(plan.resources)}")
    for head, text in tree(plan):
        terminal.paragraph(text, head)
    _title("Boot")
    for step in plan.boot.steps:
        limit = f", at most {in_words(step.seconds)}" if step.seconds else ""
        terminal.paragraph(f"{step.what}{limit}", f"  {step.name:<9} ")
    terminal.paragraph(f"all steps at most {in_words(plan.boot.seconds)}; {script(plan)}", "  ")
    if plan.cost:
        _show_cost(plan.cost)
    if plan.messages or plan.unchecked:
        _title("Notes")
    for message in plan.messages:
        head = terminal.mark("warning", "warning:") if message.level == "warning" else "note:"
        terminal.paragraph(message.text, f"  {head} ")
    for text in plan.unchecked:
        terminal.paragraph(text, "  not checked: ")
    for file in plan.comparison.files if plan.comparison else ():
        _title(f"Change of {file.path}")
        print(file.diff)
    if plan.comparison and plan.comparison.files:
        _show_verdict(plan.comparison)  # the diffs may fill screens
    _show_failed(plan)


def show_summary(plan: Plan) -> None:
    """Prints what would change, after a preview of Pulumi's that has the details."""
    terminal.paragraph()
    _head(plan)
    if plan.comparison:
        show_comparison(plan.comparison)
    _show_failed(plan)


def _show_failed(plan: Plan) -> None:
    for condition in plan.failed:
        terminal.paragraph()
        terminal.paragraph(f"--fail-on {condition}: {terminal.mark('failed', 'true')}")


def patched(plan: Plan) -> str:
    """Until when AWS patches the image."""
    if plan.image.patched_until is None:
        return "It is unknown until when AWS patches it."
    if plan.image.is_patched:
        return f"AWS patches it until {plan.image.patched_until}."
    return f"AWS has not patched it since {plan.image.patched_until}."


def host(plan: Plan) -> str:
    """The host in one line."""
    one = plan.host
    gpus = f", {one.gpus}" if one.gpus else ""
    root = f"{one.root_gib} GiB root" if one.root_gib else "root volume as the image needs"
    return (
        f"{one.instance_type}: {one.vcpus} vCPUs, {one.memory_gib:g} GiB{gpus}, "
        f"{root}, {one.data_gib} GiB data"
    )


def workers(one: Workers) -> str:
    """The workers in one line."""
    gpus = f", {one.gpus}" if one.gpus else ""
    disk = f", {one.disk_gib} GiB disk" if one.disk_gib else ""
    return (
        f"{count(one)} x {' or '.join(one.instance_types)}, {market(one)}: {one.vcpus} vCPUs, "
        f"{one.memory_gib:g} GiB{gpus}{disk}, {one.concurrency} executions each, "
        f"{one.drain_seconds} seconds to leave"
    )


def count(one: Workers) -> str:
    """How many workers there are: "2", or "0 to 10"."""
    return f"{one.least}" if one.least == one.most else f"{one.least} to {one.most}"


def market(one: Workers) -> str:
    """How AWS sells them."""
    return "Spot" if one.market == "spot" else "on demand"


def model(one: Model) -> str:
    """Whether a model fits the host, and a worker with a GPU."""
    size = f"{one.least_gib:.1f} GiB at least, " if one.least_gib else ""
    on_worker = f"; on a worker: {_FIT[one.worker_fit]}" if one.worker_fit else ""
    return f"{size}{_FIT[one.fit]}{on_worker}"


def access_lines(plan: Plan) -> list[str]:
    """Who may reach the host."""
    if not plan.network.access:
        return ["reached by Session Manager only: no port is open"]
    return [f"port {one.port} is open to {one.network} ({one.what})" for one in plan.network.access]


def tree(plan: Plan) -> list[tuple[str, str]]:
    """A line for each component: its place in the tree, and the types in it with their counts."""
    lines = []

    def branch(name: str, depth: int) -> None:
        children = [one for one in plan.resources if one.parent == name]
        types = Counter(one.type.rpartition(":")[2] for one in children if not one.is_component)
        total = sum(types.values())
        parts = [f"{kind} x {n}" if n > 1 else kind for kind, n in sorted(types.items())]
        lines.append((f"{'  ' * depth}{name} ({total}): ", ", ".join(parts)))
        for one in children:
            if one.is_component:
                branch(one.name, depth + 1)

    for one in plan.resources:
        if one.is_component and not one.parent:
            branch(one.name, 1)
    return lines


def script(plan: Plan) -> str:
    """The size of the boot script against EC2's limit."""
    size, limit = plan.boot.script_bytes, plan.boot.limit_bytes
    if size is None:
        return f"the size of the boot script is not known; EC2 accepts {limit:,} bytes"
    return f"boot script {size:,} of {limit:,} bytes"


def usd(low: float | None, high: float | None) -> str:
    """A cost or a range of costs."""
    if low is None or high is None:
        return "unknown"
    if round(low, 2) == round(high, 2):
        return f"{low:.2f}"
    return f"{low:.2f} to {high:.2f}"


def about(cost: Cost) -> str:
    """The total, and whether a part of it is unknown. Then no upper end is known."""
    return f"about {usd(cost.low, cost.high)}" if cost.is_complete else f"at least {cost.low:.2f}"


def monthly(plan: Plan) -> str:
    """The monthly cost, and that before the change where both are known."""
    if plan.cost is None:
        return "unknown"
    compared = plan.comparison
    if compared is None or compared.cost_low is None or compared.cost_high is None:
        return f"{about(plan.cost)} USD"
    before = usd(plan.cost.low - compared.cost_low, plan.cost.high - compared.cost_high)
    return (
        f"{before} → {about(plan.cost)} USD ({difference(compared.cost_low, compared.cost_high)})"
    )


def difference(low: float, high: float) -> str:
    """A difference of costs, or the range of it."""
    return f"{low:+.2f}" if round(low, 2) == round(high, 2) else f"{low:+.2f} to {high:+.2f}"


def would(changes: Iterable[Change]) -> str:
    """The counts of changes in one line."""
    counts: Counter[Operation] = Counter(change.operation for change in changes)
    found = [f"{counts[name]} {verb}" for name, verb in _VERBS.items() if counts[name]]
    return ", ".join(found) or "nothing changes"


def verdict(comparison: Comparison) -> list[tuple[terminal.State, str]]:
    """Whether the host or data is replaced; empty if nothing changes."""
    found: list[tuple[terminal.State, str]] = []
    if comparison.replaces_host:
        found.append(("warning", "The host is replaced."))
    if comparison.replaces_data:
        found.append(("failed", "Data is replaced or deleted."))
    elif comparison.changes:
        what = "No data" if comparison.replaces_host else "Neither the host nor data"
        found.append(("ok", f"{what} is replaced or deleted."))
    return found


def verb(operation: Operation) -> str:
    """The operation in words."""
    return _VERBS[operation]


def visible(value: str, keep: str = "\t") -> str:
    """The value with escapes for characters without a shape, such as marks of direction."""
    if value.isprintable():
        return value
    return "".join(
        one if one in keep or unicodedata.category(one) not in _UNSEEN else ascii(one)[1:-1]
        for one in value
    )


def _visible_in(value: Any) -> Any:
    """The parts of a plan, with each text visible: a state or a commit may be another person's."""
    if isinstance(value, Mapping):
        return {key: _visible_in(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_visible_in(one) for one in value]
    return visible(value, keep="\t\n") if isinstance(value, str) else value


def show_comparison(comparison: Comparison) -> None:
    """Prints what would change."""
    _show_verdict(comparison)
    if comparison.refused:
        terminal.paragraph(
            f"Protected, so Pulumi refuses this change: {', '.join(comparison.refused)}", "  "
        )
    for change in comparison.changes:
        properties = ", ".join(
            one.path + (" (replaces)" if one.replaces and change.operation == "replace" else "")
            for one in change.properties
        )
        kind = change.type.rpartition(":")[2]
        sign = f"  {_SIGNS[change.operation]} {change.operation:<7} "
        terminal.paragraph(f"{change.name} ({kind}){': ' if properties else ''}{properties}", sign)
    for outage in comparison.outages:
        limit = f" for at most {in_words(outage.seconds)}" if outage.seconds else ""
        terminal.paragraph(f"{', '.join(outage.services)}{limit}: {outage.why}", "  unavailable: ")
    for sentence in comparison.workers:
        terminal.paragraph(sentence, "  workers: ")
    if comparison.cost_low is not None and comparison.cost_high is not None:
        cost = difference(comparison.cost_low, comparison.cost_high)
        terminal.paragraph(f"{cost} USD a month", "  cost: ")
    for note in comparison.notes:
        terminal.paragraph(note, "  not compared: ")


def _show_verdict(comparison: Comparison) -> None:
    _title(f"Against {comparison.against.name}: {would(comparison.changes)}")
    for state, sentence in verdict(comparison):
        terminal.paragraph(f"  {terminal.mark(state, sentence)}")


def _head(plan: Plan) -> None:
    cost = f", {about(plan.cost)} USD a month" if plan.cost else ""
    terminal.paragraph(
        f"{plan.stack} in {plan.network.region}: {len(plan.resources)} resources{cost}"
    )


def _show_cost(cost: Cost) -> None:
    _title(f"Cost: {about(cost)} USD for {cost.hours:g} hours a month")
    wide = max(9, *(len(usd(part.low, part.high)) for part in cost.parts))
    for part in cost.parts:
        head = f"  {usd(part.low, part.high):>{wide}}  "
        terminal.paragraph(f"{part.name}{': ' if part.what else ''}{part.what}", head)
    for note in cost.notes:
        terminal.paragraph(note, "  ")


def _title(text: str) -> None:
    terminal.paragraph()
    terminal.paragraph(text)
