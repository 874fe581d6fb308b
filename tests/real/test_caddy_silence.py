"""Services that are silent for over a minute: a file of its own, to run next to other tests."""

import threading
from pathlib import Path

from bundle.variants import facts
from real_stack.programs import PATIENCE

from .proxy import OLLAMA_KEY, running
from .test_caddy_serves import until
from .visitors import Answer


def test_a_model_may_think_and_n8n_be_busy_for_more_than_a_minute(tmp_path: Path) -> None:
    # Longer than any limit on stalled clients. Caddy 2.11.6 cut such answers off.
    with running(tmp_path, facts()) as one:
        until(one, "/", 200)
        n8n = one.upstreams["n8n"]
        n8n.free.clear()  # no health check is answered any more
        got: list[Answer] = []

        def ask() -> None:
            got.append(one.visitor.ask("/ollama/silent", {"Authorization": f"Bearer {OLLAMA_KEY}"}))

        asking = threading.Thread(target=ask)
        asking.start()
        # Not a measurement: this is how long the answer is silent.
        one.upstreams["ollama"].speak.wait(65)
        assert asking.is_alive(), "the answer ended while it was silent"
        assert one.visitor.ask("/webhook/busy").status == 200, "a busy n8n lost a webhook"
        n8n.ready = False
        n8n.free.set()
        until(one, "/", 503)
        one.upstreams["ollama"].speak.set()
        asking.join(PATIENCE)
        assert [(answer.status, answer.body) for answer in got] == [(200, "first second")]
