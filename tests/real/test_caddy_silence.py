"""An answer that says nothing for over a minute: apart, so that other tests run beside it."""

import threading
from pathlib import Path

from bundle.variants import facts

from .proxy import OLLAMA_KEY, running
from .visitors import PATIENCE, Answer


def test_an_answer_may_be_silent_for_more_than_a_minute(caddy: Path, tmp_path: Path) -> None:
    # As a model that thinks, and longer than any limit on stalled clients. 2.11.6 cut such off.
    with running(caddy, tmp_path, facts()) as one:
        got: list[Answer] = []

        def ask() -> None:
            got.append(one.visitor.ask("/ollama/silent", {"Authorization": f"Bearer {OLLAMA_KEY}"}))

        asking = threading.Thread(target=ask)
        asking.start()
        # Not a measurement: this is how long the answer is silent.
        one.upstreams["ollama"].speak.wait(65)
        assert asking.is_alive(), "the answer ended while it was silent"
        one.upstreams["ollama"].speak.set()
        asking.join(PATIENCE)
        assert [(answer.status, answer.body) for answer in got] == [(200, "first second")]
