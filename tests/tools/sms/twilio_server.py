"""A stateful stand-in for Twilio's Messages resource: real HTTP on a port of this machine, and it can misbehave."""

import base64
import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from salesboost_tools.tools.sms.twilio_wire import TwilioAccount

ACCOUNT_SID = "AC" + "0a" * 16
AUTH_TOKEN = "tests' own secret"
SENDER = "+15005550006"


class TwilioServer:
    """Takes messages, lists them, and plays what is in the script for the next requests.

    Steps for a POST: `accept` (also when the script is empty), `accept_500`, `accept_slow`, `accept_broken`,
    `accept_cut` (taken, and the answer is lost in some way), `cut` (not taken, and no answer), a number (that status),
    or (status, error code, headers). Steps for a GET: `answer`, `cut`, `broken`, or a number.

    Attributes:
        messages: What was taken, oldest first.
        seen: Every request: method, path, query, form, headers.
        taken: Set once a message was taken.
        hold: Set it to let slow answers go.
    """

    def __init__(self, now):
        self.messages: list[dict] = []
        self.seen: list[dict] = []
        self.posts: deque = deque()
        self.gets: deque = deque()
        self.page_size_at_most = 1000
        self.hold = threading.Event()
        self.taken = threading.Event()
        self._now = now
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def account(self, **changed) -> TwilioAccount:
        usual = {"account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN, "sender": SENDER, "base_url": self.url}
        return TwilioAccount(**{**usual, **changed})

    def close(self) -> None:
        self.hold.set()
        self._http.shutdown()
        self._http.server_close()

    def accept(self, form: dict[str, str], *, made_at: datetime | None = None) -> dict:
        """Take a message."""
        with self._lock:
            sid = f"SM{len(self.messages):032x}"
            path = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}"
            message = {
                "account_sid": ACCOUNT_SID,
                "api_version": "2010-04-01",
                "body": form["Body"],
                "date_created": format_datetime(made_at or self._now()),
                "date_sent": None,
                "date_updated": format_datetime(made_at or self._now()),
                "direction": "outbound-api",
                "error_code": None,
                "error_message": None,
                "from": form.get("From"),
                "messaging_service_sid": form.get("MessagingServiceSid"),
                "num_media": "0",
                "num_segments": "1",
                "price": None,
                "price_unit": "USD",
                "sid": sid,
                "status": "queued",
                "subresource_uris": {"media": f"{path}/Media.json"},
                "to": form["To"],
                "uri": f"{path}.json",
            }
            self.messages.append(message)
            self.taken.set()
            return message

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  (the handler's own self is another one)
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, content, headers=()):
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in (("Content-Type", "application/json"), *headers):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def refuse(self, status, code, headers=()):
                details = {"code": code, "message": "To +12165550123 is wrong", "more_info": "", "status": status}
                self.answer(status, details, headers)

            def cut(self):
                self.close_connection = True
                self.connection.close()

            def note(self):
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                form = dict(parse_qsl(self.rfile.read(length).decode(), keep_blank_values=True))
                server.seen.append(
                    {
                        "method": self.command,
                        "path": parts.path,
                        "query": sorted(parse_qsl(parts.query, keep_blank_values=True)),
                        "form": form,
                        "headers": {name.lower(): value for name, value in self.headers.items()},
                    }
                )
                known = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
                if self.headers.get("Authorization") != known:
                    self.refuse(401, 20003)
                    return None
                return form

            def do_POST(self):
                form = self.note()
                if form is None:
                    return
                step = server.posts.popleft() if server.posts else "accept"
                if isinstance(step, int):
                    step = (step, 20001, ())
                if isinstance(step, tuple):
                    self.refuse(*step)
                    return
                message = server.accept(form) if step.startswith("accept") else None
                match step:
                    case "accept":
                        self.answer(201, message)
                    case "accept_500":
                        self.refuse(500, 20500)
                    case "accept_slow":
                        server.hold.wait(20)
                        with contextlib.suppress(OSError):
                            self.answer(201, message)
                    case "accept_broken":
                        self.answer(201, b'{"sid": "SM')
                    case "accept_cut" | "cut":
                        self.cut()
                    case _:
                        raise AssertionError(step)

            def do_GET(self):
                if self.note() is None:
                    return
                step = server.gets.popleft() if server.gets else "answer"
                if isinstance(step, int):
                    self.refuse(step, 20001)
                elif step == "cut":
                    self.cut()
                elif step == "broken":
                    self.answer(200, b"<html>")
                else:
                    self.show()

            def show(self):
                parts = urlsplit(self.path)
                name = parts.path.rpartition("/")[2]
                if name != "Messages.json":
                    found = [each for each in server.messages if name == f"{each['sid']}.json"]
                    self.answer(200, found[0]) if found else self.refuse(404, 20404)
                    return
                asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
                found = [
                    each
                    for each in reversed(server.messages)
                    if asked.get("To") in (None, each["to"]) and asked.get("From") in (None, each["from"])
                ]
                size = min(int(asked.get("PageSize", 50)), server.page_size_at_most)
                page = int(asked.get("Page", 0))
                shown = found[page * size : (page + 1) * size]
                more = f"{self.path.split('&Page=')[0]}&Page={page + 1}&PageToken=PA1"
                self.answer(
                    200,
                    {
                        "end": page * size + len(shown) - 1,
                        "first_page_uri": self.path,
                        "messages": shown,
                        "next_page_uri": more if len(found) > (page + 1) * size else None,
                        "page": page,
                        "page_size": size,
                        "previous_page_uri": None,
                        "start": page * size,
                        "uri": self.path,
                    },
                )

        return Handler


@contextlib.contextmanager
def twilio_server(now) -> Iterator[TwilioServer]:
    server = TwilioServer(now)
    try:
        yield server
    finally:
        server.close()
