"""Stands in for `python -m geusemaker.simulator`: the same files and answers, no AWS.

`--mode dies` ends at once, `mute` never answers, `deaf` ignores SIGTERM, `full` has something left
in the account, `broken` cannot list it.
"""

import argparse
import json
import os
import secrets
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default="works")
    parser.add_argument("--state-file", type=Path, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--log-file", type=Path, required=True)
    options = parser.parse_args()
    if options.mode == "dies":
        sys.exit("ImportError: no module named moto.")
    if options.mode == "mute":
        time.sleep(600)
    token = secrets.token_hex(8)
    left = [{"type": "ec2:vpc", "id": "vpc-1"}] if options.mode == "full" else []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["X-Geusemaker-Token"] != token:
                self._answer(403, {"error": "no token"})
            elif self.path == "/geusemaker/health":
                self._answer(200, {"pid": os.getpid()})
            elif self.path == "/geusemaker/resources":
                self._answer(500 if options.mode == "broken" else 200, left)
            elif self.path == "/geusemaker/instance-types/m6i.xlarge":
                self._answer(
                    200,
                    {
                        "InstanceType": "m6i.xlarge",
                        "VCpuInfo": {"DefaultVCpus": 4},
                        "MemoryInfo": {"SizeInMiB": 16384},
                        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
                    },
                )
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if request["name"] == "taken":
                self._answer(409, {"error": "An image named taken is there already."})
            elif request["name"] == "odd":
                self._answer(500, [])
            else:
                self._answer(200, {"id": "ami-new", **request})

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self, status: int, body: object) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    signal.signal(
        signal.SIGTERM,
        signal.SIG_IGN
        if options.mode == "deaf"
        else lambda *_: threading.Thread(target=server.shutdown).start(),
    )
    state = {
        "pid": os.getpid(),
        "provider_port": 1,
        "endpoint": f"http://127.0.0.1:{server.server_address[1]}",
        "account": "000000000000",
        "region": options.region,
        "images": 118,
        "started": "2026-11-23T00:00:00+00:00",
        "token": token,
        "access_key_id": "AKIAFAKE",
        "secret_access_key": "fake",
    }
    options.log_file.write_text(json.dumps(dict(os.environ)))
    part = options.state_file.with_suffix(".part")
    part.write_text(json.dumps(state))
    part.rename(options.state_file)
    server.serve_forever(poll_interval=0.02)


if __name__ == "__main__":
    main()
