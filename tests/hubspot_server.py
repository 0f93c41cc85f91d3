"""A small HubSpot that speaks real HTTP on this machine: it keeps objects, lags in its search, and fails when told to.

Made from HubSpot's published description of its CRM API; what it does not know it refuses, as HubSpot does.
"""

import itertools
import json
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "pat-test-0123456789"
WRITABLE = {
    "companies": {"name", "domain", "industry", "numberofemployees", "country", "city", "phone", "hubspot_owner_id"},
    "contacts": {"firstname", "lastname", "email", "phone", "jobtitle", "hs_buying_role"},
    "deals": {
        "dealname",
        "amount",
        "deal_currency_code",
        "dealstage",
        "closedate",
        "hubspot_owner_id",
        "hs_next_step",
        "closed_won_reason",
        "closed_lost_reason",
        "rival",
    },
    "notes": {"hs_note_body", "hs_timestamp", "hubspot_owner_id"},
    "tasks": {"hs_task_subject", "hs_task_body", "hs_timestamp", "hs_task_status", "hubspot_owner_id"},
}
STAGES = {
    "appointmentscheduled",
    "qualifiedtobuy",
    "presentationscheduled",
    "decisionmakerboughtin",
    "contractsent",
    "closedwon",
    "closedlost",
}
LINKED_BY = {  # number of the kind of link -> (from, to)
    1: ("contacts", "companies"),
    5: ("deals", "companies"),
    190: ("notes", "companies"),
    192: ("tasks", "companies"),
    202: ("notes", "contacts"),
    204: ("tasks", "contacts"),
    214: ("notes", "deals"),
    216: ("tasks", "deals"),
}
PRIMARY = {"contacts": "associatedcompanyid", "deals": "hs_primary_associated_company"}
SEARCHED = {"companies": ("name", "domain"), "contacts": ("firstname", "lastname", "email"), "deals": ("dealname",)}


class RefusalError(Exception):
    def __init__(self, status, category, message, **more):
        self.status = status
        self.body = {"status": "error", "category": category, "message": message, "correlationId": "c-1", **more}


class HubSpotServer:
    """Keeps what it is told.

    Attributes:
        lag: Whether searches see only what was there before the last `index()`.
        faults: What the next requests meet, in turn: None, "429", "500", "accepted", "cut", "cut_before", "slow",
            "broken", "html", or a (status, body, headers).
        exchanges: (Method, path, query, headers, body, status, reply) of every request.
    """

    def __init__(self):
        self.objects = {kind: {} for kind in WRITABLE}
        self.exchanges, self.faults, self.lag = [], [], False
        self._indexed = {}
        self._ids, self._ticks = itertools.count(101), itertools.count(1)
        self._lock, self._let_go = threading.RLock(), threading.Event()
        self._began = datetime(2026, 6, 1, tzinfo=UTC)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        self._let_go.set()
        self._http.shutdown()
        self._http.server_close()

    def index(self):
        """Let the search catch up."""
        self._indexed = {kind: dict(objects) for kind, objects in self.objects.items()}

    def add(self, kind, links=(), **properties):
        """Put an object there, as somebody else would; links are (object type, id)."""
        with self._lock:
            object_id = str(next(self._ids))
            moment = self._moment()
            stored = {"id": object_id, "properties": dict(properties), "createdAt": moment, "updatedAt": moment}
            stored |= {"archived": False, "links": {}, "history": {}}
            for to, to_id in links:
                stored["links"].setdefault(to, []).append(to_id)
                if to == "companies" and kind in PRIMARY:
                    stored["properties"][PRIMARY[kind]] = to_id
            for name, value in properties.items():
                stored["history"][name] = [self._remembered(value, moment)]
            self.objects[kind][object_id] = stored
            self._derive(kind, stored)
            return object_id

    def touch(self, kind, object_id, **properties):
        """Change an object, as somebody else would."""
        with self._lock:
            return self._write(kind, self.objects[kind][object_id], properties)

    def count(self, kind):
        return len(self.objects[kind])

    # ------------------------------------------------------------ what it does

    def answer(self, method, path, query, body):
        parts = [unquote(part) for part in path.split("/")[1:]]
        if parts[:3] != ["crm", "v3", "objects"] or len(parts) < 4 or parts[3] not in WRITABLE:
            raise RefusalError(404, "OBJECT_NOT_FOUND", "no such address")
        kind, rest = parts[3], parts[4:]
        asked = [value for name, value in query if name == "properties"]
        match method, rest:
            case "GET", []:
                limit = int(dict(query).get("limit", "10"))
                return 200, {
                    "results": [self._shown(each, asked) for each in list(self.objects[kind].values())[:limit]]
                }
            case "GET", [object_id]:
                return 200, self._one(kind, object_id, query, asked)
            case "POST", []:
                return 201, self._create(kind, body)
            case "PATCH", [object_id]:
                stored = self._known(kind, object_id, "id")
                return 200, self._shown(self._write(kind, stored, body["properties"]), list(body["properties"]))
            case "POST", ["search"]:
                return 200, self._search(kind, body)
            case "POST", ["batch", "read"]:
                there = [self.objects[kind].get(each["id"]) for each in body["inputs"]]
                shown = [self._shown(each, body["properties"]) for each in there if each]
                moment = self._moment()
                return 200, {"status": "COMPLETE", "results": shown, "startedAt": moment, "completedAt": moment}
        raise RefusalError(405, "METHOD_NOT_ALLOWED", "no such request")

    def _one(self, kind, object_id, query, asked):
        stored = self._known(kind, object_id, dict(query).get("idProperty", "id"))
        shown = self._shown(stored, asked)
        if linked := [value for name, value in query if name == "associations"]:
            shown["associations"] = {
                to: {"results": [{"id": each, "type": f"{kind[:-1]}_to_{to}"} for each in stored["links"][to]]}
                for to in linked
                if stored["links"].get(to)
            }
        if remembered := [value for name, value in query if name == "propertiesWithHistory"]:
            shown["propertiesWithHistory"] = {
                name: stored["history"][name][::-1] for name in remembered if name in stored["history"]
            }
        return shown

    def _known(self, kind, value, by):
        if by == "id":
            found = self.objects[kind].get(value)
        else:
            found = next((each for each in self.objects[kind].values() if each["properties"].get(by) == value), None)
        if found is None:
            raise RefusalError(404, "OBJECT_NOT_FOUND", f"no {kind} with {by}")
        return found

    def _create(self, kind, body):
        self._check(kind, body["properties"])
        email = body["properties"].get("email")
        for each in self.objects[kind].values():
            if email and each["properties"].get("email") == email:
                raise RefusalError(409, "CONFLICT", f"Contact already exists. Existing ID: {each['id']}")
        links = []
        for each in body.get("associations", ()):
            (linked,) = each["types"]
            of, to = LINKED_BY[linked["associationTypeId"]]
            assert of == kind
            assert linked["associationCategory"] == "HUBSPOT_DEFINED"
            self._known(to, each["to"]["id"], "id")
            links.append((to, each["to"]["id"]))
        object_id = self.add(kind, links, **body["properties"])
        return self._shown(self.objects[kind][object_id], list(body["properties"]))

    def _write(self, kind, stored, properties):
        self._check(kind, properties)
        moment = self._moment()
        stored["properties"] = {**stored["properties"], **properties}
        stored["updatedAt"] = moment
        for name, value in properties.items():
            stored["history"].setdefault(name, []).append(self._remembered(value, moment))
        self._derive(kind, stored)
        return stored

    def _check(self, kind, properties):
        wrong = [name for name in properties if name not in WRITABLE[kind]]
        if properties.get("dealstage", "closedwon") not in STAGES:
            wrong.append("dealstage")
        if any(not isinstance(value, str) for value in properties.values()):
            raise RefusalError(400, "VALIDATION_ERROR", "values are texts")
        if wrong:
            details = [{"message": f"{name} is wrong", "context": {"propertyName": [name]}} for name in wrong]
            raise RefusalError(400, "VALIDATION_ERROR", "Property values were not valid", errors=details)

    def _derive(self, kind, stored):
        if kind == "deals":
            closed = stored["properties"].get("dealstage") in {"closedwon", "closedlost"}
            stored["properties"]["hs_is_closed"] = "true" if closed else "false"

    def _search(self, kind, body):
        assert 1 <= body["limit"] <= 100
        if not self.lag:
            self.index()
        found = [each for each in self._indexed.get(kind, {}).values() if self._fits(each, body)]
        for sort in body.get("sorts", ())[:1]:
            name = sort.removeprefix("-")
            found.sort(key=lambda each: each["properties"].get(name) or "", reverse=sort.startswith("-"))
        start = int(body.get("after", "0"))
        page = found[start : start + body["limit"]]
        answer = {"total": len(found), "results": [self._shown(each, body["properties"]) for each in page]}
        if len(found) > start + len(page):
            answer["paging"] = {"next": {"after": str(start + len(page)), "link": "?"}}
        return answer

    def _fits(self, stored, body):
        kind = next(kind for kind, objects in self._indexed.items() if stored["id"] in objects)
        text = " ".join(stored["properties"].get(name) or "" for name in SEARCHED.get(kind, ())).lower()
        if any(word not in text for word in body.get("query", "").lower().split()):
            return False
        groups = body.get("filterGroups") or [{"filters": []}]
        return any(all(self._holds(stored, each) for each in group["filters"]) for group in groups)

    def _holds(self, stored, condition):
        name, operator = condition["propertyName"], condition["operator"]
        if name.startswith("associations."):
            to = {"company": "companies", "deal": "deals", "contact": "contacts"}[name.partition(".")[2]]
            return condition["value"] in stored["links"].get(to, ())
        value = stored["createdAt"] if name == "createdate" else stored["properties"].get(name)
        match operator:
            case "EQ":
                return (value or "").lower() == condition["value"].lower()
            case "LTE":
                return bool(value) and datetime.fromisoformat(value) <= datetime.fromisoformat(condition["value"])
            case "HAS_PROPERTY":
                return bool(value)
            case "NOT_HAS_PROPERTY":
                return not value
        raise RefusalError(400, "VALIDATION_ERROR", f"no operator {operator}")

    def _shown(self, stored, asked):
        shown = {name: stored["properties"].get(name) for name in asked}
        return {key: stored[key] for key in ("id", "createdAt", "updatedAt", "archived")} | {"properties": shown}

    def _remembered(self, value, moment):
        return {"value": value, "timestamp": moment, "sourceType": "INTEGRATION", "sourceId": "app-7"}

    def _moment(self):
        moment = self._began + timedelta(seconds=next(self._ticks))
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    # ------------------------------------------------------------ how it speaks

    def _handler(server):  # noqa: N805  (the handler has a self of its own)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = json.loads(raw) if raw else None
                address = urlsplit(self.path)
                query = parse_qsl(address.query)
                fault = server.faults.pop(0) if server.faults else None
                status, told, headers = server._outcome(
                    self.command, address.path, query, body, headers=self.headers, fault=fault
                )
                server.exchanges.append(
                    (self.command, address.path, query, dict(self.headers.items()), body, status, told)
                )
                if fault == "slow":
                    server._let_go.wait(20)
                if fault in ("cut", "cut_before"):
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                text = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                if fault == "broken":
                    text = text[: len(text) // 2]
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": len(text), **headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = reply  # noqa: N815  (names of the standard library)

            def log_message(self, *_):
                pass

        return Handler

    def _outcome(self, method, path, query, body, *, headers, fault):
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, RefusalError(401, "INVALID_AUTHENTICATION", "no such token").body, {}
        match fault:
            case "429":
                limited = RefusalError(429, "RATE_LIMITS", "too many", policyName="TEN_SECONDLY_ROLLING")
                return 429, limited.body, {"Retry-After": "7"}
            case "500" | "cut_before":
                return 500, RefusalError(500, "INTERNAL_ERROR", "sorry").body, {}
            case "html":
                return 502, "<html>Bad gateway</html>", {"Content-Type": "text/html"}
            case (status, told, more):
                return status, told, more
        try:
            with self._lock:
                status, told = self.answer(method, path, query, body)
        except RefusalError as refusal:
            return refusal.status, refusal.body, {}
        if fault == "accepted":
            return 500, RefusalError(500, "INTERNAL_ERROR", "sorry").body, {}
        return status, told, {}


@contextmanager
def hubspot_server():
    server = HubSpotServer()
    try:
        yield server
    finally:
        server.stop()
