"""`init` makes a start that the tools work on; `ingest` keeps the knowledge base equal to folders."""

import json
import sys

import pytest
from typer.testing import CliRunner

from salesboost_tools import Settings
from salesboost_tools.cli.init import settings_file
from salesboost_tools.cli.main import app, main
from salesboost_tools.knowledge_searches import open_searches
from salesboost_tools.settings import SETTINGS_FILE
from salesboost_tools.toolkit import SalesToolkit
from salesboost_tools.tools.knowledge import KnowledgeRetriever
from salesboost_tools.tools.knowledge.opening import OWN_INDEX
from tests.tools.knowledge.pdf_files import pdf

COACH = {"configurable": {"caller_role": "coach"}}


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOL_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def run(data_dir, monkeypatch, capsys):
    """Runs as the shell does: with what happens to errors. Returns code, output, errors."""

    def run_main(*words):
        monkeypatch.setattr(sys, "argv", ["salesboost", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return (ended.value.code or 0, *said)

    return run_main


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "documents"
    (folder / "contracts").mkdir(parents=True)
    (folder / "contracts" / "escrow.pdf").write_bytes(pdf(["Escrow of the source code"]))
    (folder / "welcome.md").write_text("# Welcome\n\nThe onboarding takes nine days.")
    (folder / "page.html").write_text("<title>Returns</title><p>Goods may be returned within thirty days.")
    return folder


def ask(question, **more):
    tool = KnowledgeRetriever(open_searches(Settings())[0])
    try:
        return tool.invoke({"query": question, **more})
    finally:
        tool.close()


def test_what_was_ingested_is_answered_and_cited_by_the_toolkit(run, documents):
    code, out, errors = run("ingest", documents)
    assert (code, errors) == (0, "")
    assert "3 added, 0 updated, 0 deleted, 0 unchanged, 0 broken" in out
    toolkit = SalesToolkit(Settings())
    tool = next(tool for tool in toolkit.get_tools() if tool.name == "knowledge_retriever")
    answer = tool.invoke({"query": "escrow of source code"}, COACH)
    toolkit.close()
    assert (answer["passages"][0]["document"], answer["passages"][0]["section"]) == ("contracts/escrow.pdf", "Page 1")
    assert ask("price per seat")["answer_found"] is False  # the shipped articles are not there any more


def test_only_changes_are_taken_up(run, documents, data_dir):
    run("ingest", documents)
    before = (data_dir / OWN_INDEX).read_bytes()
    assert "3 unchanged" in run("ingest", documents)[1]
    assert (data_dir / OWN_INDEX).read_bytes() == before
    (documents / "welcome.md").write_text("# Welcome\n\nThe onboarding takes eleven days.")
    (documents / "page.html").unlink()
    (documents / "new.txt").write_text("Something new.")
    told = json.loads(run("ingest", documents, "--json")[1])
    assert [told[name] for name in ("added", "updated", "deleted", "unchanged", "broken")] == [1, 1, 1, 1, []]
    assert told["index"] == {"documents": 3, "passages": 3}


def test_knowledge_bases_are_ingested_side_by_side_and_taken_out_again(run, documents):
    run("ingest", documents / "contracts", "--kb", "legal")
    assert run("ingest", documents, "--kb", "general")[0] == 0
    answer = ask("escrow", kb="legal")
    assert [passage["document"] for passage in answer["passages"]] == ["legal/escrow.pdf"]
    assert run("ingest", documents, "--kb", "general", "--forget")[1] == "3 documents taken out.\n"
    code, _, errors = run("ingest", documents, "--kb", "general", "--forget")
    assert (code, "ingested were: legal" in errors) == (1, True)
    assert json.loads(run("ingest", documents, "--kb", "legal", "--forget", "--json")[1]) == {
        "forgotten": 1,
        "collections": {},
    }


def test_broken_files_are_told_and_the_rest_is_there(run, documents):
    (documents / "cut.pdf").write_bytes(b"%PDF-1.4")
    (documents / "head.md").write_text("---\nupdated: soon\n---\nText.")
    code, out, errors = run("ingest", documents)
    assert code == 1
    assert "3 added" in out
    assert "2 broken" in out
    assert "cut.pdf: this PDF cannot be read" in errors
    assert "head.md: updated" in errors
    assert [file["path"] for file in json.loads(run("ingest", documents, "--json")[1])["broken"]] == [
        "cut.pdf",
        "head.md",
    ]
    assert ask("onboarding days")["answer_found"]


@pytest.mark.parametrize(
    "kb", ["../etc", "/etc/passwd", "a/b", "A", "", ".", "a" * 65, "a\n", "a'; DROP TABLE document"]
)
def test_names_that_are_none_are_refused_before_anything_is_written(run, documents, data_dir, kb):
    code, _, errors = run("ingest", documents, "--kb", kb)
    assert code == 2
    assert "a knowledge base is called by" in errors
    assert not data_dir.exists()


def test_what_cannot_be_used_is_said(run, documents, data_dir, tmp_path, monkeypatch):
    code, _, errors = run("ingest", tmp_path / "missing")
    assert (code, "no folder with articles" in errors) == (2, True)
    (data_dir / OWN_INDEX).write_bytes(b"rubbish")
    code, _, errors = run("ingest", documents)
    assert (code, "is not a knowledge index" in errors) == (2, True)
    monkeypatch.setenv("TOOL_DATA_DIR", str(documents / "welcome.md"))
    code, _, errors = run("ingest", documents)
    assert (code, "TOOL_DATA_DIR" in errors) == (2, True)


def test_the_followed_folder_may_be_ingested_by_hand_without_being_there_twice(run, data_dir):
    run("init")
    assert run("ingest", data_dir / "knowledge")[0] == 0
    assert ask("kick-off within three days of the signature")["passages"][0]["document"] == "DOC-0001"
    assert "1 unchanged" in run("ingest", data_dir / "knowledge")[1]


def test_the_tools_work_on_the_started_folder(run, data_dir):
    code, out, _ = run("init")
    assert code == 0
    assert str(data_dir / "price_book.yaml") in out
    toolkit = SalesToolkit(Settings())
    tools = {tool.name: tool for tool in toolkit.get_tools()}
    lines = {"lines": [{"sku": "EXAMPLE-PRO", "quantity": 10}, {"sku": "EXAMPLE-SETUP", "quantity": 1}]}
    quote = tools["price_calculator"].invoke(lines, COACH)
    assert quote["currency"] == "USD"
    card = tools["competitor_analysis"].invoke({"aspect": "comparison", "competitor": "ExComp"}, COACH)
    assert "Example Competitor" in json.dumps(card)
    assert "Example Basic" in json.dumps(card)
    answer = tools["knowledge_retriever"].invoke(
        {"query": "who books the kick-off", "filters": {"metadata": {"region": "EU"}}}, COACH
    )
    assert (answer["passages"][0]["document"], answer["passages"][0]["version"]) == ("DOC-0001", "1.0")
    toolkit.close()
    assert "WRONG" not in run("doctor")[1]


def test_what_is_edited_there_holds_at_the_next_start(run, data_dir):
    run("init")
    book = data_dir / "price_book.yaml"
    book.write_text(book.read_text().replace("EXAMPLE-PRO", "OUR-PRO"))
    (data_dir / "knowledge" / "more.txt").write_text("Zebras are striped.")
    (data_dir / SETTINGS_FILE).write_text('TOOL_CACHE_TTL=7\nTOOL_RATE_LIMITS={"price_calculator": "2/minute"}\n')
    settings = Settings()
    assert (settings.cache_ttl, settings.rate_limits) == (7.0, {"price_calculator": "2/minute"})
    assert ask("striped zebras")["passages"][0]["document"] == "more.txt"
    called = CliRunner().invoke(
        app, ["call", "price_calculator", "--args", '{"lines": [{"sku": "OUR-PRO", "quantity": 5}]}']
    )
    assert called.exit_code == 0, called.output


def test_nothing_is_ever_overwritten(run, data_dir):
    run("init")
    (data_dir / "price_book.yaml").write_text("mine")
    (data_dir / SETTINGS_FILE).unlink()
    code, _, errors = run("init")
    assert code == 2
    assert "already holds battlecards/example-competitor.md, " in errors
    assert (data_dir / "price_book.yaml").read_text() == "mine"
    assert not (data_dir / SETTINGS_FILE).exists()


def test_another_folder_can_be_named_and_told_as_json(run, tmp_path):
    told = json.loads(run("init", tmp_path / "mine", "--json")[1])
    assert told["folder"] == str(tmp_path / "mine")
    assert SETTINGS_FILE in told["files"]
    assert all((tmp_path / "mine" / name).is_file() for name in told["files"])
    assert (tmp_path / "mine" / SETTINGS_FILE).stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_said(run, tmp_path):
    (tmp_path / "file").write_text("x")
    code, _, errors = run("init", tmp_path / "file")
    assert (code, "cannot write to" in errors) == (2, True)


def test_the_settings_file_names_every_setting_and_changes_none(run, data_dir, monkeypatch):
    run("init")
    untouched = Settings()
    assert untouched == Settings(data_dir=data_dir)
    names = [f"TOOL_{name.upper()}" for name in Settings.model_fields if name != "data_dir"]
    assert [line[1:].split("=")[0] for line in settings_file().splitlines() if line.startswith("#TOOL_")] == names
    uncommented = [line[1:] if line.startswith("#TOOL_") else line for line in settings_file().splitlines()]
    (data_dir / SETTINGS_FILE).write_text("\n".join(uncommented))
    assert Settings() == untouched
    (data_dir / SETTINGS_FILE).write_text("TOOL_CACHE_TTL=7")
    monkeypatch.setenv("TOOL_CACHE_TTL", "8")
    assert Settings().cache_ttl == 8
    assert Settings(cache_ttl=9).cache_ttl == 9


def test_a_mistake_in_the_settings_file_is_named(run, data_dir):
    run("init")
    (data_dir / SETTINGS_FILE).write_text("TOOL_CACHE_TTTL=7")
    code, _, errors = run("tools")
    assert code == 2
    assert "TOOL_CACHE_TTTL" in errors


@pytest.mark.parametrize("name", ["TOOL_PRICE_BOOK", "TOOL_BATTLECARDS", "TOOL_KNOWLEDGE_DIR"])
def test_own_data_may_stand_elsewhere_and_is_missed_by_name(run, tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, str(tmp_path / "missing"))
    code, _, errors = run("tools")
    assert code == 2
    assert f"{name}: there is no " in errors


def test_the_doctor_tells_whose_documents_there_are_and_which_cannot_be_read(run, data_dir, documents):
    def finding():
        return next(found for found in json.loads(run("doctor", "--json")[1]) if found["subject"] == "documents")

    assert finding()["words"] == "the shipped articles"
    run("ingest", documents, "--kb", "general")
    assert finding()["words"] == "3 from general"
    (data_dir / "knowledge").mkdir()
    (data_dir / "knowledge" / "broken.pdf").write_bytes(b"%PDF")
    assert not finding()["is_fine"]
    assert "1 of " in finding()["words"]
    assert "broken.pdf: this PDF cannot be read" in finding()["words"]


def test_a_broken_price_book_is_told_by_the_doctor(run, data_dir):
    run("init")
    (data_dir / "price_book.yaml").write_text("name: only")
    code, out, _ = run("doctor")
    assert code == 1
    assert "WRONG" in out
