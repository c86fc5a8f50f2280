"""What `backorder status` says of a service that is not ready."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backorder_local.local_parts import why_not_ready

FAILING = b'{"status": "fail", "checks": {"database": [{"status": "fail", "output": "ConnectionRefusedError"}]}}'


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, FAILING, "database: ConnectionRefusedError"),
        (200, b"{}", None),
        (503, b"{}", None),
        (500, b"<html>", None),
    ],
)
def test_the_failing_checks_are_named_as_the_ops_port_names_them(status, body, said):
    class Ops(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ops) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert why_not_ready(f"http://127.0.0.1:{server.server_port}") == said
        server.shutdown()


def test_an_ops_port_that_does_not_answer_says_nothing():
    assert why_not_ready("http://127.0.0.1:1") is None
