"""The picture of a stack as SVG, for the page of a plan. Pure.

Two layouts have the same content: a wide one, and a narrow one for phones. Colours are classes,
which the page's style sheet defines. All text is escaped by the XML writer.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from xml.etree import ElementTree

from geusemaker.cost.resources import FILES, GROUP, VOLUME
from geusemaker.plan import text
from geusemaker.plan.model import Access, Change, Host, Plan, Subnet, Workers

_LINE: Final = 17
"""Pixels from one line of text to the next."""
_SANS: Final = 6.9
_BOLD: Final = 8.0
_MONO: Final = 7.3
"""Pixels of a character of 12 pixels, in wide fonts."""
_BACKUP: Final = "aws:backup/plan:Plan"
_OTHER: Final = 250.0
"""Width of a zone without the host, next to the host's."""
_NETWORKS: Final = 4
"""Networks of a rule that the picture shows. The words have all."""
_ANYONE: Final = ("0.0.0.0/0", "::/0")

Point = tuple[float, float]


@dataclass(frozen=True)
class _Layout:
    """Where the parts are. Widths and places are pixels."""

    name: Literal["wide", "narrow"]
    width: int
    callers: Point  # left edge and width
    region: Point
    columns: bool  # whether the other zones are next to that of the host
    bus: float  # where the lines from the callers run
    pad: int


_WIDE: Final = _Layout("wide", 1060, (2, 250), (318, 740), columns=True, bus=285, pad=12)
_NARROW: Final = _Layout("narrow", 328, (22, 304), (22, 304), columns=False, bus=11, pad=8)


def pictures(plan: Plan) -> str:
    """Both layouts; the page shows the one that fits."""
    return "".join(_Picture(plan, layout).svg() for layout in (_WIDE, _NARROW))


def words(plan: Plan) -> list[str]:
    """What the picture shows, one sentence each."""
    return list(_words(plan))


def _words(plan: Plan) -> Iterator[str]:
    network = plan.network
    yield f"Region {network.region}, {_vpc(plan)}, with {len(network.subnets)} subnets."
    for subnet in network.subnets:
        parts = ["the host"] if subnet.has_host else []
        parts += ["a mount target of the file system"] if subnet.has_mount else []
        where = f"Zone {subnet.zone or 'unknown'}: subnet {subnet.name}"
        cidr = f" ({subnet.cidr})" if subnet.cidr else ""
        yield f"{where}{cidr} with {' and '.join(parts) or 'nothing of this stack'}."
    yield f"Host {text.host(plan)}; {plan.host.os_type}, {plan.host.architecture}."
    yield f"Containers on the host: {', '.join(one.name for one in plan.containers)}."
    if plan.workers:
        yield f"Workers, which execute n8n's queue: {text.workers(plan.workers)}."
        yield f"Containers on each worker: {', '.join(plan.workers.containers)}."
    yield f"The host mounts its data disk of {plan.host.data_gib} GiB, which stays in its zone."
    if _has(plan, FILES):
        yield "The host mounts the file system (EFS) with TLS, through the mount target."
    if _has(plan, _BACKUP):
        yield "AWS Backup copies the data disk and the file system."
    if network.has_fixed_address:
        yield "The host has a fixed public address."
    if network.domain:
        yield f"The name of the host is {network.domain}."
    for line in text.access_lines(plan):
        yield f"{line[0].upper()}{line[1:]}."
    yield "Session Manager reaches the host without an open port."


def _vpc(plan: Plan) -> str:
    if plan.network.is_adopted:
        return "an adopted VPC"
    return f"VPC {plan.network.vpc_cidr or ''}".strip()


def _has(plan: Plan, type_: str) -> bool:
    return any(one.type == type_ for one in plan.counts)


class _Picture:
    """Draws one layout from top to bottom."""

    def __init__(self, plan: Plan, layout: _Layout) -> None:
        self.plan, self.layout, self.pad = plan, layout, layout.pad
        self.root = ElementTree.Element("svg", {"class": f"picture {layout.name}", "role": "img"})
        ids = [f"picture-{layout.name}-{part}" for part in ("title", "desc")]
        self.root.set("aria-labelledby", " ".join(ids))
        for tag, id_, content in zip(
            ("title", "desc"),
            ids,
            (f"The stack {plan.stack}", " ".join(words(plan))),
            strict=True,
        ):
            ElementTree.SubElement(self.root, tag, {"id": id_}).text = text.visible(content)
        # Lines are below the boxes of the callers and of the host.
        self.frames = ElementTree.SubElement(self.root, "g")
        self.lines = ElementTree.SubElement(self.root, "g")
        self.boxes = ElementTree.SubElement(self.root, "g")
        self.mounts: list[Point] = []

    def svg(self) -> str:
        layout = self.layout
        left, width = layout.region
        callers, bottom = self._callers(*layout.callers)
        top = 2.0 if layout.columns else bottom + 20
        region = self._frame(left, top, width, "region", f"Region {self.plan.network.region}")
        inner, room = left + self.pad, width - 2 * self.pad
        y = top + 30
        vpc = self._frame(inner, y, room, "vpc", _capital(_vpc(self.plan)))
        host, y = self._zones(inner + self.pad, y + 30, room - 2 * self.pad)
        if self.plan.workers:
            y = self._workers(self.plan.workers, inner + self.pad, y, room - 2 * self.pad)
        _end(vpc, y)
        if _has(self.plan, FILES):
            y = self._file_system(inner, y + 26, room)
        _end(region, y + self.pad)
        for index, (edge, dashed) in enumerate(callers):
            start = edge[0] + (layout.callers[1] if layout.columns else 0)
            at = host[1] + (24 if dashed == layout.columns else 0)
            # So that the dashed line crosses none of the others.
            aside = 0 if not dashed else 6 if not layout.columns or edge[1] > at else -6
            bus = layout.bus + aside
            path = [(start, edge[1]), (bus, edge[1]), (bus, at), (host[0] - 7, at)]
            self._line(path, "way dashed" if dashed else "way", arrow=index == 0 or dashed)
        height = max(y + self.pad, bottom) + 2
        self.root.set("viewBox", f"0 0 {layout.width} {height:g}")
        # Keeps the text at its size; the style sheet lets it shrink.
        self.root.set("width", str(layout.width))
        self.root.set("height", f"{height:g}")
        return ElementTree.tostring(self.root, encoding="unicode")

    def _callers(self, x: float, width: float) -> tuple[list[tuple[Point, bool]], float]:
        """Who may reach the host; the places where their lines begin, and the end."""
        edges, y = list[tuple[Point, bool]](), 2.0
        for port, what, networks in _groups(self.plan.network.access):
            content = [("small muted", part) for part in _wrapped(what, width - 2 * self.pad, 3)]
            content += [_who(one) for one in networks[:_NETWORKS]]
            if len(networks) > _NETWORKS:
                content.append(("small muted", f"and {len(networks) - _NETWORKS} more"))
            height = self._card(x, y, width, "caller", f"Port {port}", content)
            edges.append(((x, y + height / 2), False))
            y += height + self.pad
        content = [("small muted", "no open port; by IAM permission")]
        if not edges:
            content.append(("small muted", "the only way to this host"))
        height = self._card(x, y, width, "caller", "Session Manager", content)
        edges.append(((x, y + height / 2), True))
        return edges, y + height

    def _zones(self, x: float, y: float, width: float) -> tuple[Point, float]:
        """The zones: that of the host first; where lines reach the host, and the end."""
        hosts = [one for one in self.plan.network.subnets if one.has_host]
        others = [one for one in self.plan.network.subnets if not one.has_host]
        split = self.layout.columns and bool(others)
        own = width - (_OTHER + self.pad if split else 0)
        host, bottom = self._host_zone(x, y, own, hosts[0] if hosts else None)
        left, room = (x + own + self.pad, _OTHER) if split else (x, width)
        below = y if split else bottom + self.pad
        for subnet in others:
            below = self._zone(left, below, room, subnet) + self.pad
        return host, max(bottom, below - self.pad if others else 0) + self.pad

    def _host_zone(
        self, x: float, y: float, width: float, subnet: Subnet | None
    ) -> tuple[Point, float]:
        zone = self._frame(
            x, y, width, "zone", f"Zone {subnet.zone or 'unknown'}" if subnet else "Zone"
        )
        inner, room = x + self.pad, width - 2 * self.pad
        y += 28
        frame = self._subnet(inner, y, room, subnet)
        y += 28 + (_LINE if subnet and subnet.cidr else 0)
        one = self.plan.host
        left, wide = inner + self.pad, room - 2 * self.pad
        content = [("", line) for line in _wrapped(_size(one), wide - 2 * self.pad, 2)]
        content.append(("small muted", f"{one.os_type}, {one.architecture}"))
        if self.plan.network.has_fixed_address:
            content.append(("small muted", "fixed public address"))
        if self.plan.network.domain:
            content.append(("mono", self.plan.network.domain))
        top = y
        card = self._box(left, y, wide, 0, "host")
        y = self._heading(left, y, wide, f"Host {one.instance_type}", self._mark("host"))
        y = self._content(left, y, wide, content)
        y = self._containers(left + self.pad, y - 5, wide - 2 * self.pad)
        root = f"{one.root_gib} GiB" if one.root_gib else "as the image needs"
        y += (
            self._card(left + self.pad, y, wide - 2 * self.pad, "disk", f"Root disk: {root}", ())
            + self.pad
        )
        _end(card, y)
        end = y
        if subnet and subnet.has_mount:
            self._line([(left + wide * 3 / 4, y), (left + wide * 3 / 4, y + self.pad)], "tie")
            y = self._mount(left + wide / 2, y + self.pad, wide / 2)
        _end(frame, y + self.pad)
        y += 2 * self.pad
        name = f"Data disk: {one.data_gib} GiB"
        kept = _wrapped("mounted by the host; stays when it is replaced", room - 2 * self.pad, 2)
        content = [("small muted", line) for line in kept]
        self._line([(left + wide / 4, end), (left + wide / 4, y)], "tie")
        y += self._card(inner, y, room, "disk", name, content, self._mark(VOLUME))
        _end(zone, y + self.pad)
        return (left, top + 30), y + self.pad

    def _zone(self, x: float, y: float, width: float, subnet: Subnet) -> float:
        zone = self._frame(x, y, width, "zone", f"Zone {subnet.zone or 'unknown'}")
        inner, room = x + self.pad, width - 2 * self.pad
        frame = self._subnet(inner, y + 28, room, subnet)
        y += 28 + 28 + (_LINE if subnet.cidr else 0)
        if subnet.has_mount:
            y = self._mount(inner + self.pad, y, room - 2 * self.pad)
        _end(frame, y + self.pad)
        _end(zone, y + 2 * self.pad)
        return y + 2 * self.pad

    def _subnet(
        self, x: float, y: float, width: float, subnet: Subnet | None
    ) -> ElementTree.Element:
        name = subnet.name if subnet else "Subnet"
        frame = self._frame(x, y, width, "subnet", name)
        if subnet and subnet.cidr:
            self._text(
                x + self.pad, y + 18 + _LINE, subnet.cidr, "mono muted", width - 2 * self.pad
            )
        return frame

    def _mount(self, x: float, y: float, width: float) -> float:
        height = self._card(x, y, width, "mount", "Mount target", ())
        self.mounts.append((x + width, y + height / 2))
        return y + height

    def _containers(self, x: float, y: float, width: float) -> float:
        """The containers in a grid, the one that callers reach first."""
        columns = 3 if width > 300 else 2
        gap = 8
        room = (width - gap * (columns - 1)) / columns
        # Caddy is the only one with a port.
        ordered = sorted(self.plan.containers, key=lambda one: one.name != "caddy")
        for index, one in enumerate(ordered):
            row, column = divmod(index, columns)
            limit = f"{one.memory_mib:,} MiB" if one.memory_mib else "no memory limit"
            place = (x + column * (room + gap), y + row * 50)
            self._box(*place, room, 42, "container")
            self._text(place[0] + 6, place[1] + 18, one.name, "title", room - 12)
            self._text(place[0] + 6, place[1] + 34, limit, "small muted", room - 12)
        return y + 50 * -(-len(ordered) // columns) + 2

    def _workers(self, one: Workers, x: float, y: float, width: float) -> float:
        facts = (
            f"{' or '.join(one.instance_types)}, {text.market(one)}",
            f"each {_size(one)}",
            f"{one.concurrency} executions each, from the queue of the host; in all zones",
            f"containers: {', '.join(one.containers)}",
        )
        lines = [line for part in facts for line in _wrapped(part, width - 2 * self.pad, 3)]
        content = [("small muted", line) for line in lines]
        name = f"Workers: {text.count(one)}"
        return y + self._card(x, y, width, "workers", name, content, self._mark(GROUP)) + self.pad

    def _file_system(self, x: float, y: float, width: float) -> float:
        copies = "; AWS Backup copies it and the data disk" if _has(self.plan, _BACKUP) else ""
        room = width - 2 * self.pad
        content = [("small muted", one) for one in _wrapped(f"mounted with TLS{copies}", room, 2)]
        mark = self._mark(FILES)
        height = self._card(x, y, width, "disk", "File system (EFS)", content, mark)
        # Next to the zones, inside of the VPC. The host's zone may be left of another.
        for edge, at in self.mounts:
            bus = edge + 2.5 * self.pad
            self._line([(edge, at), (bus, at), (bus, y)], "tie")
        return y + height

    def _mark(self, what: str) -> tuple[str, str]:
        """What happens to the host, or to the resources of a type: its class and words."""
        compared = self.plan.comparison
        found = [
            one.operation
            for one in (compared.changes if compared else ())
            if what == one.type or (what == "host" and one.holds == "host")
        ]
        order: tuple[Change, ...] | tuple[str, ...] = ("delete", "replace", "update", "create")
        worst = next((one for one in order if one in found), None)
        return ("", "") if worst is None else (f"mark {worst}", text.verb(worst))

    # What is drawn.

    def _frame(self, x: float, y: float, width: float, kind: str, name: str) -> ElementTree.Element:
        box = self._box(x, y, width, 0, kind, self.frames)
        self._text(x + self.pad, y + 19, name, f"title {kind}-title", width - 2 * self.pad)
        return box

    def _card(
        self,
        x: float,
        y: float,
        width: float,
        kind: str,
        name: str,
        content: Sequence[tuple[str, str]],
        mark: tuple[str, str] = ("", ""),
    ) -> float:
        """A box with a heading and lines; its height."""
        box = self._box(x, y, width, 0, kind)
        end = self._heading(x, y, width, name, mark)
        end = self._content(x, end, width, content) - _LINE + 12
        _end(box, end)
        return end - y

    def _heading(self, x: float, y: float, width: float, name: str, mark: tuple[str, str]) -> float:
        kind, said = mark
        taken = len(said) * _BOLD if said else 0
        self._text(x + self.pad, y + 19, name, "title", width - 2 * self.pad - taken)
        if said:
            self._text(x + width - self.pad, y + 19, said, f"{kind} end", taken)
        return y + 19 + _LINE

    def _content(self, x: float, y: float, width: float, lines: Sequence[tuple[str, str]]) -> float:
        for kind, line in lines:
            self._text(x + self.pad, y, line, kind, width - 2 * self.pad)
            y += _LINE
        return y

    def _box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        kind: str,
        layer: ElementTree.Element | None = None,
    ) -> ElementTree.Element:
        places = {"x": x, "y": y, "width": width, "height": height}
        return ElementTree.SubElement(
            self.boxes if layer is None else layer,
            "rect",
            {name: f"{value:g}" for name, value in places.items()} | {"class": kind, "rx": "6"},
        )

    def _text(self, x: float, y: float, content: str, kind: str, room: float) -> None:
        content = text.visible(content)
        wide = _MONO if "mono" in kind else _BOLD if kind == "title" else _SANS
        most = int(room / wide)
        place = {"x": f"{x:g}", "y": f"{y:g}", "class": kind}
        shown = content if len(content) <= most else f"{content[: most - 1]}…"
        ElementTree.SubElement(self.boxes, "text", place).text = shown

    def _line(self, points: Sequence[Point], kind: str, *, arrow: bool = False) -> None:
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        ElementTree.SubElement(self.lines, "polyline", {"points": path, "class": kind})
        if arrow:
            x, y = points[-1]
            head = f"{x:g},{y - 4:g} {x + 7:g},{y:g} {x:g},{y + 4:g}"
            ElementTree.SubElement(self.lines, "polygon", {"points": head, "class": "head"})


def _size(one: Host | Workers) -> str:
    return f"{one.vcpus} vCPUs, {one.memory_gib:g} GiB{', ' + one.gpus if one.gpus else ''}"


def _groups(access: Sequence[Access]) -> list[tuple[int, str, list[str]]]:
    """The networks by port and what they may do there."""
    found: dict[tuple[int, str], list[str]] = {}
    for one in access:
        found.setdefault((one.port, one.what), []).append(one.network)
    return [(port, what, networks) for (port, what), networks in found.items()]


def _who(network: str) -> tuple[str, str]:
    return ("mono anyone", f"anyone ({network})") if network in _ANYONE else ("mono", network)


def _wrapped(content: str, room: float, most: int) -> list[str]:
    return textwrap.wrap(content, int(room / _SANS), max_lines=most, placeholder=" …")


def _capital(sentence: str) -> str:
    return f"{sentence.removeprefix('an ')[0].upper()}{sentence.removeprefix('an ')[1:]}"


def _end(box: ElementTree.Element, y: float) -> None:
    box.set("height", f"{y - float(box.get('y', '0')):g}")
