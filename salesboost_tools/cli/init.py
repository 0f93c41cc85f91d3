"""`salesboost init`: make a start with data of one's own."""

import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer
from pydantic_core import PydanticUndefined
from rich.text import Text

from salesboost_tools.cli.output import AsJson, out, print_json
from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.data_folder import make_usable
from salesboost_tools.settings import SETTINGS_FILE, Settings

_HEADLINE = """\
# Settings of the sales tools, read when TOOL_DATA_DIR names this folder. Take away the # before a line to change it;
# a variable of the environment takes precedence. Secrets may stand here: keep the file to yourself.
"""
_NOT_HERE = "data_dir"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    folder: Annotated[Path | None, typer.Argument(help="Where to; TOOL_DATA_DIR, or .salesboost, if left out.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a folder to start from: price book, battlecards, documents, settings. Nothing is ever overwritten.

    The tools use these files as soon as TOOL_DATA_DIR names the folder.
    """
    target = folder or Settings().data_dir
    contents = {**dict(_starter_files()), SETTINGS_FILE: settings_file()}
    if there := [name for name in contents if (target / name).exists()]:
        raise ConfigurationError(
            f"nothing was written: {target} already holds {', '.join(there)}; name another folder, or move them away"
        )
    make_usable(target)
    for name, text in contents.items():
        _write(target / name, text)
    if as_json:
        print_json({"folder": str(target.resolve()), "files": sorted(contents)})
        return
    for name in sorted(contents):
        out.print(Text(f"{target / name}"), soft_wrap=True)
    out.print(
        Text(
            f"\nEdit them, then: export TOOL_DATA_DIR={target.resolve()}\n"
            "`salesboost doctor` says what is wrong; `salesboost ingest FOLDER` brings in documents from elsewhere."
        ),
        soft_wrap=True,
    )


def settings_file() -> str:
    """Return every setting with its meaning and its default, commented out."""
    lines = [_HEADLINE]
    for name, field in Settings.model_fields.items():
        if name != _NOT_HERE:
            lines += [f"# {field.description}", f"#TOOL_{name.upper()}={_as_text(field.default)}", ""]
    return "\n".join(lines)


def _as_text(default: Any) -> str:
    if default is None or default is PydanticUndefined:
        return ""
    return json.dumps(default) if isinstance(default, bool | dict | list) else str(default)


def _starter_files() -> Iterator[tuple[str, str]]:
    yield from _texts(files("salesboost_tools") / "data" / "starter", PurePosixPath())


def _texts(folder: Traversable, under: PurePosixPath) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _texts(entry, under / entry.name)
        else:
            yield str(under / entry.name), entry.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # never over a file that came in between
            if path.name == SETTINGS_FILE:
                path.chmod(0o600)
            file.write(text)
    except OSError as error:
        raise ConfigurationError(f"cannot write {path} ({error.strerror})") from error
