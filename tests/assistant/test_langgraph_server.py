"""`langgraph dev` serves both graphs: over HTTP a brief is prepared, and a text message leaves once, after approval."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from salesboost_tools import SalesToolkit, Settings
from tests.services import free_port, missing

REPOSITORY = Path(__file__).parents[2]
PROGRAM = REPOSITORY / ".venv-server" / "bin" / "langgraph"
STARTS_WITHIN_S = 120

BERLIN = "+4915123456789"
WISH = f"Please text {BERLIN}: See you on Tuesday."
COACH = {"configurable": {"caller_role": "coach"}}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def toolkit(tmp_path_factory):
    """The toolkit on the folder that the server works in."""
    toolkit = SalesToolkit(Settings(data_dir=tmp_path_factory.mktemp("data")))
    yield toolkit
    toolkit.close()


@pytest.fixture(scope="module")
def server(toolkit, tmp_path_factory):
    if not PROGRAM.exists():
        missing("the LangGraph server is not there: `make server` puts it into .venv-server")
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    for name in ("langgraph.json", "graphs", "salesboost_tools"):  # it keeps threads in the folder it is started in
        (folder / name).symlink_to(REPOSITORY / name)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("TOOL_", "SALES_", "LANG"))}
    environment = {**ours, "TOOL_DATA_DIR": str(toolkit.settings.data_dir), "LANGSMITH_TRACING": "false"}
    command = [PROGRAM, "dev", "--port", str(port), "--no-browser", "--no-reload"]
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_until_it_answers(client, process, log)
            yield client
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_it_answers(client, process, log):
    give_up_at_s = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            if client.get("/ok").is_success:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > give_up_at_s:
            sys.stdout.write(log.read_text()[-10_000:])
            pytest.fail("the LangGraph server did not start")
        time.sleep(0.1)


def ask(toolkit, **arguments):
    [sms] = [tool for tool in toolkit.get_tools() if tool.name == "sms_outreach"]
    return sms.invoke(arguments, {"configurable": {"caller_role": "coach", "idempotency_key": "by hand"}})


def texts(toolkit):
    """Return the bodies of all messages that stand in the outbox."""
    return [message["body"] for message in ask(toolkit, operation="history")["messages"]]


def run(server, graph, where="", **asked):
    answer = server.post(f"{where}/runs/wait", json={"assistant_id": graph, "config": COACH, **asked})
    assert answer.status_code == 200, answer.text
    state = answer.json()
    assert "__error__" not in state, state
    return state


def test_the_account_brief_is_prepared(server):
    state = run(server, "account_brief", input={"account": "ACC-0042"})
    assert state["brief"]["account_id"] == "ACC-0042"
    served = {message["name"] for message in state["messages"] if message.get("status") == "success"}
    assert served >= {"crm_integration", "knowledge_retriever", "competitor_analysis", "price_calculator"}


def test_a_text_message_leaves_once_and_not_before_a_person_has_approved(server, toolkit):
    ask(toolkit, operation="opt_in", to=BERLIN, evidence="web form")
    thread = f"/threads/{server.post('/threads', json={}).json()['thread_id']}"
    asked = run(server, "sales_assistant", thread, input={"messages": [{"role": "user", "content": WISH}]})
    [question] = asked["__interrupt__"]
    assert question["value"]["tool"] == "sms_outreach"
    assert texts(toolkit) == []
    done = run(server, "sales_assistant", thread, command={"resume": {question["id"]: True}})
    assert "__interrupt__" not in done
    assert done["messages"][-2]["status"] == "success"
    assert texts(toolkit) == ["See you on Tuesday."]


def test_what_a_person_rejects_does_not_leave(server, toolkit):
    before = texts(toolkit)
    thread = f"/threads/{server.post('/threads', json={}).json()['thread_id']}"
    asked = run(server, "sales_assistant", thread, input={"messages": [{"role": "user", "content": WISH}]})
    [question] = asked["__interrupt__"]
    done = run(server, "sales_assistant", thread, command={"resume": {question["id"]: False}})
    assert done["messages"][-2]["status"] == "error"
    assert texts(toolkit) == before
