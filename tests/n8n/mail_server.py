"""A mail server on loopback that notes who logs in and for whom the mail is."""

import base64
import socketserver
import threading
from types import TracebackType


class MailServer(socketserver.ThreadingTCPServer):
    """SMTP without TLS. `done` is set after one mail."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Session)
        self.login: tuple[str, str] | None = None
        self.receivers: list[str] = []
        self.done = threading.Event()

    def __enter__(self) -> "MailServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _line(self) -> str:
        return self.rfile.readline().decode().rstrip("\r\n")

    def handle(self) -> None:
        self._say("220 mail.example")
        while line := self._line():
            word = line.upper()
            if word.startswith("EHLO"):
                self._say("250-mail.example")
                self._say("250 AUTH PLAIN")
            elif word.startswith("AUTH PLAIN "):
                _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
                self.server.login = (user, password)
                self._say("235 2.7.0 Accepted")
            elif word.startswith("RCPT TO:"):
                self.server.receivers.append(line.partition(":")[2].split()[0])
                self._say("250 2.1.5 Ok")
            elif word == "DATA":
                self._say("354 Go on")
                while self._line() != ".":
                    pass
                self._say("250 2.0.0 Ok")
                self.server.done.set()
            elif word == "QUIT":
                self._say("221 2.0.0 Bye")
                return
            else:
                self._say("250 Ok")
