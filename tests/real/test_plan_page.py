"""The page of `geusemaker plan --html` in a real browser.

Pictures of it are kept in `.geusemaker/pictures`.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from geusemaker.plan.model import Access, Plan, Subnet
from geusemaker.plan.page import page as page_of

from . import browser as module
from .browser import chromium, program
from .conftest import ROOT

PICTURES: Final = ROOT / ".geusemaker" / "pictures"
SCHEMES: Final = ("light", "dark")
WIDTHS: Final = (360, 1440)
LONG: Final = "long-" * 40
BEFORE: Final = {"geusemaker:osType": "ubuntu-24.04", "geusemaker:instanceType": "g6.xlarge"}
AFTER: Final = {
    "geusemaker:ollamaModels": ["llama3.2:3b", "llama3.3:70b"],
    "geusemaker:allowedCidrs": "203.0.113.0/24",
    "geusemaker:webhookCidrs": "0.0.0.0/0",
    "geusemaker:domain": "ai.example.com",
    "geusemaker:hostedZoneId": "Z0123456789ABCDEFGHIJ",
    "geusemaker:dataVolumeGib": 200,
    "geusemaker:workersMax": 10,
    "geusemaker:workerMarket": "spot",
    "geusemaker:workerInstanceTypes": ["g6.xlarge", "g5.xlarge"],
}
COMMAND: Final = "from geusemaker.cli.main import main; main(['plan', *__import__('sys').argv[1:]])"


def plan(folder: Path, *arguments: str) -> str:
    """What the command prints in a copy of the project."""
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, folder / name)
    for name, values in (("Pulumi.dev.yaml", AFTER), ("before.yaml", BEFORE)):
        config = {"aws:region": "us-east-1", "geusemaker:protectData": False, **values}
        (folder / name).write_text(json.dumps({"config": config}), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode in (0, 3), ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a change with each kind of part; one of a new stack; one with long values."""
    folder = tmp_path_factory.mktemp("plan")
    arguments = ("--against", "before.yaml", "--fail-on", "replaces-host")
    made = Plan.model_validate_json(plan(folder, *arguments, "--json", "--html", "change.html"))
    plan(folder, "--html", "new.html")
    (folder / "long.html").write_text(page_of(_long(made)), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in ("change", "new", "long")}


def _long(made: Plan) -> Plan:
    """With values that are as long and as many as a config can have."""
    access = [
        Access(network=f"2001:db8:{n:x}:ffff:ffff:ffff:ffff:ffff/128", port=443, what=LONG)
        for n in range(60)
    ]
    subnets = [
        Subnet(name=LONG, zone=LONG, cidr=LONG, has_host=not n, has_mount=True) for n in range(6)
    ]
    update = {"access": tuple(access), "subnets": tuple(subnets), "domain": "a" * 253}
    config = tuple(one.model_copy(update={"value": LONG}) for one in made.config)
    assert made.workers
    types = tuple(f"{family}.48xlarge" for family in ("g6e", "g7e", "g6", "g5") for _ in range(5))
    return made.model_copy(
        update={
            "stack": LONG,
            "config": config,
            "network": made.network.model_copy(update=update),
            "containers": tuple(
                one.model_copy(update={"name": LONG, "memory_mib": None}) for one in made.containers
            ),
            "host": made.host.model_copy(update={"gpus": LONG, "root_gib": None}),
            "workers": made.workers.model_copy(update={"gpus": LONG, "instance_types": types}),
        }
    )


@dataclass
class Opened:
    """A page, what the browser said about it, and what it asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.fixture
def opened(
    browser: Browser, pages: dict[str, Path], request: pytest.FixtureRequest
) -> Iterator[Opened]:
    name, width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, device_scale_factor=1
    )
    made = Opened(context.new_page())
    made.page.on("console", lambda message: made.said.append(message.text))
    made.page.on("pageerror", lambda error: made.said.append(str(error)))
    made.page.on("request", lambda one: made.requests.append(one.url))
    made.page.goto(pages[name].as_uri())
    yield made
    context.close()


each = pytest.mark.parametrize(
    "opened",
    [
        pytest.param((name, width, scheme), id=f"{name}-{width}-{scheme}")
        for name in ("change", "new", "long")
        for width in WIDTHS
        for scheme in SCHEMES
    ],
    indirect=True,
)


@each
def test_the_page(opened: Opened, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id
    PICTURES.mkdir(parents=True, exist_ok=True)
    opened.page.screenshot(path=PICTURES / f"plan-{name}.png", full_page=True)
    opened.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    width = opened.run("innerWidth")
    assert opened.run("document.documentElement.scrollWidth") <= width
    assert opened.run(TOO_WIDE) == []
    found = Axe().run(opened.page, options={"resultTypes": ["violations", "incomplete"]})
    assert found.violations_count == 0, found.generate_report()
    # What it cannot decide, because boxes overlap in the picture, is computed here.
    unsure = [one for one in found.response["incomplete"] if one["id"] != "color-contrast"]
    assert unsure == []
    nodes = [one["html"] for of in found.response["incomplete"] for one in of["nodes"]]
    assert [one for one in nodes if not one.startswith("<text")] == []
    assert opened.run(SHOWN) == ["wide" if width > 1056 else "narrow"]
    texts = opened.run(TEXTS)
    assert len(texts) > 20
    for text in texts:
        assert text["contrast"] >= 4.5, text
        assert text["inside"], f"{text} is not inside its box"
        assert text["size"] >= 11, text
    assert opened.said == []
    assert [one.partition("://")[0] for one in opened.requests] == ["file"]
    headings = opened.run("[...document.querySelectorAll('h1,h2,h3')].map(one => one.tagName)")
    assert headings[:2] == ["H1", "H2"]
    assert headings.count("H1") == 1


def test_a_missing_browser_is_a_failure_that_names_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "_MACOS", tmp_path / "Chrome")
    with pytest.raises(AssertionError, match="`make test-rest` installs it"):
        program(tmp_path / "chrome")


@pytest.mark.parametrize(
    "opened", [pytest.param(("change", 794, "dark"), id="paper")], indirect=True
)
def test_paper_has_all_of_it_in_dark_ink(opened: Opened) -> None:
    opened.page.emulate_media(media="print")
    assert opened.run("document.querySelectorAll('details[open]').length") == 0
    shown = opened.run(
        "[...document.querySelectorAll('.diff, figcaption ul')].map(one => one.checkVisibility())"
    )
    assert len(shown) > 1
    assert all(shown)
    assert opened.run("document.querySelector('nav').getBoundingClientRect().height") == 0
    assert opened.run("getComputedStyle(document.body).color") == "rgb(27, 33, 39)"
    PICTURES.mkdir(parents=True, exist_ok=True)
    opened.page.pdf(path=PICTURES / "plan.pdf", format="A4")


@pytest.mark.parametrize(
    "opened", [pytest.param(("change", 1440, "light"), id="keys")], indirect=True
)
def test_it_can_be_used_by_keys(opened: Opened) -> None:
    focus = "document.activeElement.textContent.trim()"
    opened.page.keyboard.press("Tab")
    assert opened.run(focus) == "Skip to the content"
    opened.page.keyboard.press("Tab")
    assert opened.run(focus) == "Change"
    outline = opened.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    opened.page.locator(".file summary").first.focus()
    opened.page.keyboard.press("Enter")
    assert opened.page.locator(".diff").first.is_visible()


SHOWN: Final = """[...document.querySelectorAll('svg')]
  .filter(one => one.getBoundingClientRect().height > 0).map(one => one.classList[1])"""

TOO_WIDE: Final = """[...document.querySelectorAll('body *')]
  .filter(one => !one.matches('.skip') && one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 200))"""

# Each text of the picture that is shown: its contrast with the box behind it, whether it is inside
# of that box, and its size on the screen.
TEXTS: Final = """(() => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(one => {
      const part = one / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const svg = [...document.querySelectorAll('svg')]
    .find(one => one.getBoundingClientRect().height > 0);
  const boxes = [...svg.querySelectorAll('rect')]
    .map(one => [one.getBoundingClientRect(), getComputedStyle(one).fill]);
  const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
  return [...svg.querySelectorAll('text')].map(one => {
    const place = one.getBoundingClientRect();
    const style = getComputedStyle(one);
    const behind = boxes.filter(([box]) => box.left <= place.left + 1 && box.top <= place.top + 1
      && box.right > place.left && box.bottom > place.top);
    const filled = behind.filter(([, fill]) => fill !== 'none');
    const ground = filled.length
      ? filled[filled.length - 1][1] : getComputedStyle(document.body).backgroundColor;
    const [most, least] = [light(style.fill), light(ground)].sort((a, b) => b - a);
    const box = behind.length && behind[behind.length - 1][0];
    return {
      text: one.textContent,
      contrast: (most + 0.05) / (least + 0.05),
      inside: Boolean(box) && place.right <= box.right && place.bottom <= box.bottom,
      size: parseFloat(style.fontSize) * scale,
    };
  });
})()"""
