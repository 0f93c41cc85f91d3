"""Every command does its job, ends with the right code, and never shows a traceback."""

import json
import subprocess
import sys

import pytest

from salesboost_tools.tools.names import TOOL_NAMES

QUOTE = '{"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}'
DEAL = '{"operation": "get", "record_type": "deal", "record_id": "1"}'
NOTE = '{"operation": "create_note", "account_id": "ACC-0042", "body": "They called back."}'


def test_without_a_command_the_commands_are_listed(run):
    listed = run().output
    for command in ("tools", "call", "brief", "selection", "health", "doctor", "serve", "mcp"):
        assert command in listed


def test_tools_are_listed_for_people_and_for_programs(run):
    assert "price_calculator" in run("tools").output
    schemas = json.loads(run("tools", "--json").output)
    assert "lines" in next(tool for tool in schemas if tool["name"] == "price_calculator")["parameters"]["properties"]


def test_a_call_prints_the_result(run):
    called = run("call", "price_calculator", "--args", QUOTE)
    assert called.exit_code == 0
    assert json.loads(called.output)["total"] == "5508.00"


def test_names_are_whole_on_a_narrow_screen(run, monkeypatch):
    monkeypatch.setattr("salesboost_tools.cli.output.out.width", 60, raising=False)
    for command in ("tools", "health"):
        assert set(TOOL_NAMES) <= set(run(command).output.split())


def test_who_calls_a_back_end_that_is_away_is_sent_to_the_doctor(run_to_the_end, monkeypatch):
    monkeypatch.setenv("TOOL_HUBSPOT_TOKEN", "pat-1")
    monkeypatch.setenv("TOOL_HUBSPOT_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("TOOL_RETRY_ENABLED", "false")
    code, _, errors = run_to_the_end("call", "crm_integration", "--args", DEAL)
    assert code == 1
    assert "The CRM does not answer" in errors
    assert "`salesboost doctor`" in errors
    code, told, _ = run_to_the_end("doctor")
    assert code == 1
    assert "HubSpot" in told


def test_a_call_as_json_tells_what_it_took(run):
    told = json.loads(run("call", "price_calculator", "--args", QUOTE, "--json").output)
    assert (told["ok"], told["attempts"], told["caller_role"]) == (True, 1, "coach")


def test_arguments_can_come_from_standard_input(run):
    assert run("call", "price_calculator", "--args", "-", input=QUOTE).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("call", "no_such_tool"), 1, "price_calculator"),
        (
            ("call", "price_calculator", "--args", QUOTE, "--role", "rag"),
            1,
            "--role may be one of: coach, npc, system.",
        ),
        (("call", "crm_integration"), 1, "operation: Field required, one of 'get', 'search'"),
        (("call", "price_calculator", "--args", "{"), 2, "not JSON"),
        (("call", "price_calculator", "--args", "[]"), 2, "JSON object"),
        (("call", "price_calculator", "--args", "[" * 100_000), 2, "not JSON"),
        (("serve", "--host", "0.0.0.0"), 2, "TOOL_API_TOKEN"),
        (("mcp", "--transport", "http", "--host", "0.0.0.0"), 2, "TOOL_API_TOKEN"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_what_goes_wrong_is_said_in_words(run_to_the_end, words, code, said):
    ended, _, errors = run_to_the_end(*words)
    assert ended == code
    assert said in errors
    assert "Traceback" not in errors


def test_a_failed_call_is_json_too_if_asked_for(run):
    called = run("call", "no_such_tool", "--json")
    assert called.exit_code == 1
    assert json.loads(called.output)["error"]["type"] == "ToolInputError"


def test_a_setting_that_cannot_be_used_is_named(run_to_the_end, monkeypatch):
    monkeypatch.setenv("TOOL_RETRY_MAX_ATTEMPTS", "many")
    code, _, errors = run_to_the_end("tools")
    assert code == 2
    assert "TOOL_RETRY_MAX_ATTEMPTS" in errors


def test_a_write_with_a_key_happens_once_within_a_command_line_of_shared_state(run):
    dry = json.loads(NOTE) | {"dry_run": True}
    assert run("call", "crm_integration", "--args", json.dumps(dry), "--idempotency-key", "k").exit_code == 0


def test_health_tells_of_every_tool_and_ends_well(run):
    told = run("health")
    assert told.exit_code == 0
    assert "All together: healthy" in told.output
    assert json.loads(run("health", "--json").output)["unhealthy"] == 0


def test_health_ends_with_one_if_a_tool_is_unhealthy(run, monkeypatch):
    from salesboost_tools.tools.pricing.yaml_price_book import YamlPriceBook

    def broken(self):
        raise OSError

    monkeypatch.setattr(YamlPriceBook, "probe", broken)
    told = run("health")
    assert told.exit_code == 1
    assert "OSError" in told.output
    examined = run("doctor")
    assert examined.exit_code == 1
    assert "WRONG" in examined.output


def test_the_doctor_finds_nothing_wrong_with_a_fresh_set_up(run):
    examined = run("doctor")
    assert examined.exit_code == 0, examined.output
    findings = {found["subject"]: found for found in json.loads(run("doctor", "--json").output)}
    assert findings["data folder"]["is_fine"]
    assert findings["extra service"]["words"] == "installed"


def test_the_doctor_names_a_setting_and_a_folder_that_cannot_be_used(run, run_to_the_end, monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    monkeypatch.setenv("TOOL_DATA_DIR", str(file))
    assert "TOOL_DATA_DIR" in run("doctor").output
    code, _, errors = run_to_the_end("tools")
    assert (code, "TOOL_DATA_DIR" in errors) == (2, True)
    monkeypatch.setenv("TOOL_TIMEOUT", "-1")
    examined = run("doctor")
    assert examined.exit_code == 1
    assert "TOOL_TIMEOUT" in examined.output


def test_the_doctor_tells_that_the_state_store_is_away(run, monkeypatch):
    monkeypatch.setenv("TOOL_REDIS_URL", "redis://127.0.0.1:1/0")
    examined = run("doctor")
    assert examined.exit_code == 1
    assert "state store" in examined.output


def test_a_brief_is_prepared_and_an_unknown_account_is_said_to_be_unknown(run, data_dir):
    prepared = run("brief", "--json", "--data-dir", str(data_dir))
    assert prepared.exit_code == 0
    unknown = run("brief", "--plain", "--data-dir", str(data_dir), "Nosuchaccount")
    assert unknown.exit_code == 1


def test_the_command_is_installed():
    done = subprocess.run(
        [sys.executable, "-m", "salesboost_tools.cli", "--help"], capture_output=True, text=True, timeout=60, check=True
    )
    assert "doctor" in done.stdout
