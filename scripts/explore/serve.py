"""A page on a port of this machine, which no other machine reaches."""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from bvae_rl.scripts.common import say

HOST = "127.0.0.1"


class PageServer(ThreadingHTTPServer):
    """Gives ``page`` at ``/`` and nothing else."""

    page = b""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away while it was given the page."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def page_server(text: str = "", *, port: int = 0) -> PageServer:
    """A server of the page ``text``, which may come later; ValueError for a port in use.

    A request that names another host is refused (403): a site whose name was made to lead here.
    """

    class Handler(BaseHTTPRequestHandler):
        server: PageServer

        def do_GET(self) -> None:
            self.wfile.write(self.answer())

        def do_HEAD(self) -> None:
            self.answer()

        def answer(self) -> bytes:
            """Send what stands before the body, which is returned."""
            served = int(self.connection.getsockname()[1])
            status, kind, body = 200, "html", self.server.page
            if self.headers.get("Host") not in allowed(served):
                status, kind, body = 403, "plain", b"this page is for this machine alone\n"
            elif urlsplit(self.path).path != "/":
                status, kind, body = 404, "plain", b"nothing here\n"
            self.send_response(status)
            self.send_header("Content-Type", f"text/{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            return body

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each request."""

    try:
        server = PageServer((HOST, port), Handler)
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"cannot serve on port {port} ({error}); take another with --port, or leave it out"
        ) from error
    server.page = text.encode()
    return server


def allowed(port: int) -> set[str]:
    """The Host headers of this page; browsers leave port 80 out."""
    names = {HOST, "localhost"}
    return {f"{name}:{port}" for name in names} | (names if port == 80 else set())


def serve(server: PageServer) -> None:
    """Serve until interrupted (Ctrl-C)."""
    say(f"serving http://{HOST}:{server.server_address[1]}/ until Ctrl-C")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say("\nno longer served")
