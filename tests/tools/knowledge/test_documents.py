"""HTML and PDF files are read as a person reads them; what cannot be read is said, and costs nothing else."""

import builtins
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesboost_tools.core.errors import ConfigurationError, MissingExtraError
from salesboost_tools.tools.knowledge import LexicalSearch
from salesboost_tools.tools.knowledge.article import parse_article
from salesboost_tools.tools.knowledge.documents import read_document
from salesboost_tools.tools.knowledge.files import ArticleFile
from tests.tools.knowledge.pdf_files import pdf

PAGE = """<!doctype html>
<html><head><title>Returns  policy</title>
<meta name="keywords" content="returns, refunds"><meta name="version" content="2.1">
<meta name="last-modified" content="2026-03-04T10:00:00Z"><style>p {color: red}</style></head>
<body><nav><a href="/">Home</a></nav><!-- not for readers -->
<h1>Returns</h1><p>Goods may be   returned<br>within <b>30</b> days.</p>
<h2>Who pays</h2><ul><li>We do, in the EU</li><li>You do, elsewhere</li></ul>
<table><tr><th>Region</th><th>Days</th></tr><tr><td>EU</td><td>30</td></tr></table>
<div hidden>secret</div><script>alert("never")</script><footer>Imprint</footer></body></html>"""


def article(raw, name, kb=None):
    return parse_article(ArticleFile(name, raw), kb)


def test_html_is_read_under_its_headings_without_menus_scripts_and_what_is_hidden():
    body = read_document(ArticleFile("a.html", PAGE.encode())).body
    assert body == (
        "# Returns\n\nGoods may be returned\nwithin 30 days.\n\n## Who pays\n\n- We do, in the EU\n- You do, elsewhere\n\n"
        "Region Days\n\nEU 30"
    )


def test_what_html_says_of_itself_is_cited_and_can_be_filtered_by():
    head = article(PAGE.encode(), "policies/returns.html").head
    assert (head.title, head.version, str(head.updated), head.tags, head.kb) == (
        "Returns policy",
        "2.1",
        "2026-03-04",
        ("returns", "refunds"),
        "policies",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_html_in_other_encodings_is_read(encoding):
    page = f'<html><head><meta charset="{encoding}"></head><body><p>Größe für Übergänge</p></body></html>'
    assert "Größe für Übergänge" in read_document(ArticleFile("a.htm", page.encode(encoding))).body


def test_html_nested_beyond_all_measure_is_read():
    page = b"<div>" * 5000 + b"deep" + b"</div>" * 5000
    assert read_document(ArticleFile("a.html", page)).body == "deep"


@pytest.mark.parametrize("page", [b"", b"<html></html>", b"<script>x</script>", b"<!-- x -->"])
def test_html_without_text_is_refused(page):
    with pytest.raises(ConfigurationError, match=r"a\.html: there is no text"):
        read_document(ArticleFile("a.html", page))


def test_a_pdf_is_cited_by_its_pages():
    raw = pdf(["Escrow of the source code", "# not a heading"], [], ["Renewal is automatic"])
    found = article(raw, "contracts/Escrow terms.pdf")
    assert (found.head.title, found.head.kb, found.head.id) == (
        "Escrow terms",
        "contracts",
        "contracts/Escrow terms.pdf",
    )
    [passage] = found.passages
    assert passage.heading == "Page 1 / Page 3"
    assert "Escrow of the source code" in passage.text
    assert "Renewal is automatic" in passage.text


def test_what_a_pdf_says_of_itself_is_cited():
    raw = pdf(["Text"], metadata={"/Title": "Terms", "/Keywords": "escrow, law", "/ModDate": "D:20260304120000Z"})
    head = article(raw, "a.pdf").head
    assert (head.title, head.tags, str(head.updated)) == ("Terms", ("escrow", "law"), "2026-03-04")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "cannot be read"),
        (b"%PDF-1.4\nrubbish", "cannot be read"),
        (pdf(["Text"])[:200], "cannot be read"),
        (pdf(["Text"], password="secret"), "locked by a password"),
        (pdf([], []), "only pictures"),
    ],
    ids=["empty", "damaged", "cut off", "locked", "pictures"],
)
def test_a_pdf_that_cannot_be_read_says_why(raw, said):
    with pytest.raises(ConfigurationError, match=rf"a\.pdf: .*{said}"):
        read_document(ArticleFile("a.pdf", raw))


GOOD = pdf(["Escrow of the source code"])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=30))
def test_however_a_pdf_is_damaged_it_is_read_or_refused(place, rubbish):
    try:
        read_document(ArticleFile("a.pdf", GOOD[:place] + rubbish + GOOD[place + len(rubbish) :]))
    except ConfigurationError as error:
        assert str(error).startswith("a.pdf: ")


@settings(max_examples=50, deadline=None)
@given(st.text("<>/abdivphr12 =\"'&;!-\0", max_size=200))
def test_however_html_is_damaged_it_is_read_or_refused(page):
    try:
        read_document(ArticleFile("a.html", page.encode()))
    except ConfigurationError as error:
        assert str(error).startswith("a.html: ")


@pytest.mark.parametrize(("name", "module"), [("a.pdf", "pypdf"), ("a.html", "bs4")])
def test_without_the_extra_the_file_is_told_with_the_command_and_the_rest_is_read(
    name, module, library, index, monkeypatch
):
    usual = builtins.__import__

    def without(wanted, *rest, **options):
        if wanted.split(".")[0] == module:
            raise ImportError(wanted)
        return usual(wanted, *rest, **options)

    reader = f"salesboost_tools.tools.knowledge.{name[2:]}"
    monkeypatch.delitem(sys.modules, reader, raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    (library.folder / name).write_bytes(b"x")
    library.write("alpha")
    report = index.ingest(library.folder)
    assert report.added == 1
    [broken] = report.broken
    assert "pip install 'salesboost-tools[documents]'" in broken.problem
    with pytest.raises(MissingExtraError):
        read_document(ArticleFile(name, b"x"))
    monkeypatch.undo()
    monkeypatch.delitem(sys.modules, reader, raising=False)


def test_a_folder_of_all_kinds_is_found_and_cited(library, index):
    library.write("alpha", "## One\n\napples")
    (library.folder / "returns.html").write_text(PAGE)
    (library.folder / "terms.pdf").write_bytes(pdf(["Escrow of the source code"], ["Renewal is automatic"]))
    (library.folder / "notes.txt").write_text("Bananas are yellow.")
    assert index.ingest(library.folder).added == 4
    search = LexicalSearch(index)
    [found] = search.search("who pays for goods that are returned", 1)
    assert (found.document, found.version, found.title) == ("returns.html", "2.1", "Returns policy")
    [found] = search.search("escrow", 1)
    assert (found.document, found.section, found.version[:7]) == ("terms.pdf", "Page 1 / Page 2", "sha256:")
    assert search.search("bananas", 1)[0].document == "notes.txt"
    assert search.search("alert never", 5) == []
