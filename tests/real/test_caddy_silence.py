"""An answer that is silent for over a minute: a file of its own, to run next to other tests."""

import threading
from pathlib import Path

from bundle.variants import facts
from real_stack.programs import PATIENCE

from .proxy import OLLAMA_KEY, running
from .visitors import Answer


def test_an_answer_may_be_silent_for_more_than_a_minute(tmp_path: Path) -> None:
    # As of a model that thinks; longer than any limit on stalled clients. Caddy 2.11.6 closed it.
    with running(tmp_path, facts()) as one:
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
