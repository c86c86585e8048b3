"""A proxy in front of an S3 server that fails on demand: errors, delays, cut connections."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self

Kind = Literal["error", "slow", "cut", "refuse", "late cut"]
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}


@dataclass
class Fault:
    """What happens to some requests.

    Attributes
    ----------
    kind : {"error", "slow", "cut", "refuse", "late cut"}
        Answer with `status`; wait `seconds` before the body and between its pieces; send the first
        half of the body of the answer and close; close without an answer; let the server act on
        the request and close without an answer.
    times : int
        Requests that are hit.
    matches : callable
        Told (method, path) of a request.
    every : int
        Only each so many-th request that matches.
    """

    kind: Kind
    times: int = 1
    matches: Callable[[str, str], bool] = lambda method, path: True
    status: int = 503
    seconds: float = 0.0
    every: int = 1
    seen: int = 0
    hits: int = 0


@dataclass
class FaultyProxy:
    """Forwards to a server on this machine; use it as a context manager.

    Attributes
    ----------
    faults : list of Fault
    requests : Counter
        Requests by method.
    log : list of (str, str)
        Method and path of every request.
    """

    port_behind: int
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    log: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request."""
        with self._lock:
            self.requests[method] += 1
            self.log.append((method, path))
            for fault in self.faults:
                if fault.hits < fault.times and fault.matches(method, path):
                    fault.seen += 1
                    if fault.seen % fault.every == 0:
                        fault.hits += 1
                        return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyProxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def _forward(self) -> None:
        fault = self.owner.fault(self.command, self.path)
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        body = self._body()
        if fault is not None and fault.kind == "refuse":
            self._cut()
            return
        if fault is not None and fault.kind == "error":
            self.send_response(fault.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        behind = http.client.HTTPConnection("127.0.0.1", self.owner.port_behind, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP | {"expect"}}
        if self.headers.get("Transfer-Encoding"):
            headers["Content-Length"] = str(len(body))
        try:
            behind.request(self.command, self.path, body, headers)
            answer = behind.getresponse()
            content = answer.read()
        finally:
            behind.close()
        if fault is not None and fault.kind == "late cut":
            self._cut()
            return
        self.send_response_only(answer.status)
        length = answer.headers.get("Content-Length", "0")
        for name, value in answer.getheaders():
            if name.lower() not in _HOP | {"content-length"}:
                self.send_header(name, value)
        size = length if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", size)
        self.end_headers()
        try:
            self._send(content, fault)
        except OSError:
            self.close_connection = True

    def _send(self, content: bytes, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "cut":
            self.wfile.write(content[: len(content) // 2])
            self._cut()
        elif fault is not None and fault.kind == "slow":
            for k in range(4):
                time.sleep(fault.seconds / 4)
                self.wfile.write(content[k * len(content) // 4 : (k + 1) * len(content) // 4])
                self.wfile.flush()
        elif self.command != "HEAD":
            self.wfile.write(content)

    def _cut(self) -> None:
        self.close_connection = True
        try:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _forward


__all__ = ["Fault", "FaultyProxy"]
