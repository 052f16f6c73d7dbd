"""A page on a port of this machine, which no other machine reaches."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bvae_rl.scripts.common import say

HOST = "127.0.0.1"


def page_server(text: str, *, port: int = 0) -> ThreadingHTTPServer:
    """A server that gives ``text`` at ``/`` and nothing else; ValueError for a port in use."""
    page = text.encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            body = page if found else b"nothing here\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", f"text/{'html' if found else 'plain'}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each request."""

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"cannot serve on port {port} ({error}); take another with --port, or leave it out"
        ) from error


def serve(text: str, *, port: int = 0) -> None:
    """Serve until interrupted (Ctrl-C)."""
    with page_server(text, port=port) as server:
        say(f"serving http://{HOST}:{server.server_address[1]}/ until Ctrl-C")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("\nno longer served")
