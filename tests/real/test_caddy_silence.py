"""An answer that says nothing for over a minute: apart, so that other tests run beside it."""

import threading
from pathlib import Path

from bundle.variants import facts

from .proxy import OLLAMA_KEY, running
from .visitors import PATIENCE


def test_an_answer_may_be_silent_for_more_than_a_minute(caddy: Path, tmp_path: Path) -> None:
    # As a model that thinks. 2.11.6 cut such answers off, by HTTP/2 above all.
    with running(caddy, tmp_path, facts()) as one:
        key = {"authorization": f"Bearer {OLLAMA_KEY}"}
        got: dict[str, object] = {}

        def ask(name: str) -> None:
            try:
                if name == "http/2":
                    got[name] = one.visitor.by_http2("/ollama/silent", key)
                else:
                    answer = one.visitor.ask("/ollama/silent", key)
                    got[name] = (answer.status == 200, answer.body.encode())
            except Exception as error:  # noqa: BLE001  # the assertion below shows it
                got[name] = error

        asking = [threading.Thread(target=ask, args=(name,)) for name in ("http/1.1", "http/2")]
        for thread in asking:
            thread.start()
        # Not a measurement: this is how long the answer is silent.
        one.upstreams["ollama"].speak.wait(65)
        assert got == {}, "an answer ended while it was silent"
        one.upstreams["ollama"].speak.set()
        for thread in asking:
            thread.join(PATIENCE)
        whole = (True, b"first second")
        assert got == {"http/1.1": whole, "http/2": whole}
