"""`salesboost ingest`: bring documents of one's own into the knowledge base."""

import re
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from salesboost_tools.cli.output import AsJson, Exit, err, fail, out, print_json
from salesboost_tools.data_folder import make_usable, own_documents
from salesboost_tools.knowledge_searches import minilm_of
from salesboost_tools.settings import Settings
from salesboost_tools.tools.knowledge import EmbeddingSearch, IngestReport, KnowledgeIndex, SemanticSearch, open_own
from salesboost_tools.tools.knowledge.article import KB_PATTERN
from salesboost_tools.tools.knowledge.opening import FOLDER

_BROKEN_SHOWN = 50


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ingest")(ingest)


def ingest(
    folder: Annotated[Path, typer.Argument(help="Markdown, text, HTML and PDF files, sub-folders included.")],
    *,
    kb: Annotated[
        str | None, typer.Option("--kb", help="Knowledge base all of it belongs to; else head or sub-folder say.")
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Take out what came from this folder (or --kb).")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the knowledge base equal to a folder: new and changed files are read, deleted ones forgotten.

    Run it again after changes: files whose content is the same are not read. Broken files are told and passed by; then
    it ends with 1. The tools answer from what was ingested instead of the shipped articles.
    """
    settings = Settings()
    if kb is not None and not re.fullmatch(KB_PATTERN, kb):
        fail(
            f"--kb {kb[:80]!r}: a knowledge base is called by lower-case letters, digits, - and _, at most 64",
            Exit.WRONG_USE,
        )
    followed = own_documents(settings)
    same = kb is None and followed is not None and followed.resolve() == folder.resolve()
    collection = FOLDER if same else kb or str(folder.resolve())
    make_usable(settings.data_dir)
    try:
        with closing(open_own(settings.data_dir)) as index:
            if forget:
                _tell_forgotten(index, collection, as_json=as_json)
                return
            with _progress(show=not as_json) as progress:
                report = _ingest(index, folder, kb, collection, progress)
                if report.changed:
                    _learn(index, settings, progress)
            told = {"folder": str(folder.resolve()), "kb": kb, **asdict(report), "index": dict(index.probe())}
    except sqlite3.Error as error:
        fail(f"the knowledge index in {settings.data_dir} cannot be written ({error}); is another ingestion running?")
    if as_json:
        print_json(told)
    else:
        _tell(report, told)
    if report.broken:
        raise typer.Exit(Exit.FAILED)


def _ingest(index: KnowledgeIndex, folder: Path, kb: str | None, collection: str, progress: Progress) -> IngestReport:
    task = progress.add_task("Reading", total=None)

    def read(done: int, total: int, path: str) -> None:
        progress.update(task, completed=done, total=total, description=f"Reading {Path(path).name[-40:]}")

    return index.ingest(folder, collection=collection, kb=kb, progress=read)


def _learn(index: KnowledgeIndex, settings: Settings, progress: Progress) -> None:
    """Learn now what the tools would learn when they start."""
    task = progress.add_task("Learning what words mean", total=None)
    SemanticSearch(index).prepare()
    model = minilm_of(settings)
    if model is not None:
        EmbeddingSearch(index, model).prepare(
            lambda done, total: progress.update(task, completed=done, total=total, description="Embedding")
        )


@contextmanager
def _progress(*, show: bool) -> Generator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not show or not err.is_terminal) as progress:
        yield progress


def _tell(report: IngestReport, told: dict[str, Any]) -> None:
    for broken in report.broken[:_BROKEN_SHOWN]:
        err.print(Text(f"{broken.path}: {broken.problem}", style="red"), soft_wrap=True)
    if len(report.broken) > _BROKEN_SHOWN:
        err.print(f"and {len(report.broken) - _BROKEN_SHOWN} more; --json tells them all")
    counts = {
        "added": report.added,
        "updated": report.updated,
        "deleted": report.deleted,
        "unchanged": report.unchanged,
        "broken": len(report.broken),
    }
    held = told["index"]
    out.print(
        Text(
            ", ".join(f"{count} {name}" for name, count in counts.items())
            + f". The knowledge base now holds {held['documents']} documents in {held['passages']} passages."
        ),
        soft_wrap=True,
    )


def _tell_forgotten(index: KnowledgeIndex, collection: str, *, as_json: bool) -> None:
    forgotten = index.forget(collection)
    if as_json:
        print_json({"forgotten": forgotten, "collections": index.collections()})
    elif forgotten:
        out.print(Text(f"{forgotten} documents taken out."))
    if not forgotten:
        known = ", ".join(index.collections()) or "nothing"
        if not as_json:
            err.print(Text(f"nothing came from {collection}; ingested were: {known}", style="red"), soft_wrap=True)
        raise typer.Exit(Exit.FAILED)
