"""A Chromium for tests of pages. It is installed by `make test-rest`, never skipped."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MACOS: Final = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        found = program(Path(playwright.chromium.executable_path))
        browser = playwright.chromium.launch(executable_path=found)
        try:
            yield browser
        finally:
            browser.close()


def program(own: Path) -> str:
    """The browser of the system, or the one that Playwright has installed at `own`."""
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    found = found or next((str(path) for path in (_MACOS, own) if path.exists()), None)
    assert found, (
        f"No browser: none of {', '.join(_NAMES)} is on PATH, and there is no {own}. "
        "`make test-rest` installs it on Linux; by hand, `apt-get install chromium` on Debian, or "
        "`.venv/bin/python -m playwright install chromium`."
    )
    return found
