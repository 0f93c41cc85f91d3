"""A supplier with an HTTP API on this machine: it can be slow, stumble, and be down, as others' services are."""

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

STOCK = {"DESK-140": 42, "DESK-160": 7, "CHAIR-A": 118, "CHAIR-B": 0, "LAMP-2": 260, "SHELF-5": 31}
DELIVERY_DAYS = {"DE": 2, "FR": 3, "JP": 9, "US": 6}


class Supplier:
    """Answers `GET /stock/<sku>`, `GET /delivery/<country>` and `POST /orders` until it is closed.

    Attributes:
        url: Where it listens.
        requests: What it was asked, in order: "GET /stock/DESK-140".
        orders: What was ordered.
        delay_s: Seconds it takes to answer; `delays_s` has those of single requests, by their text.
        stumbles: How many of the next requests it answers with 503.
        down: While true, it answers every request with 503.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.orders: list[dict[str, Any]] = []
        self.delay_s = 0.0
        self.delays_s: dict[str, float] = {}
        self.stumbles = 0
        self.down = False
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and content of an answer."""
        asked = f"{method} {path}"
        with self._lock:
            self.requests.append(asked)
            stumbling = self.stumbles > 0
            self.stumbles -= stumbling
        time.sleep(self.delays_s.get(asked, self.delay_s))
        if stumbling or self.down:
            return 503, {"error": "come back later"}
        _, what, *rest = path.split("/")
        name = unquote("/".join(rest))
        if what == "stock" and name in STOCK:
            return 200, {"sku": name, "in_stock": STOCK[name]}
        if what == "delivery" and name in DELIVERY_DAYS:
            return 200, {"country": name, "days": DELIVERY_DAYS[name]}
        if what == "orders" and method == "POST":
            with self._lock:
                self.orders.append(body)
                return 200, {"order": f"ORD-{len(self.orders)}", **body}
        return 404, {"error": f"nothing known of {name!r}"}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler_of(supplier: Supplier) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._tell("GET", {})

        def do_POST(self) -> None:
            self._tell("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def _tell(self, method: str, body: dict[str, Any]) -> None:
            status, content = supplier.answer(method, self.path, body)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            with suppress(ConnectionError):  # whoever asked may have gone
                self.end_headers()
                self.wfile.write(text)

    return Handler
