"""What the providers have published of their interfaces; it belongs to them and is no part of this project."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = "SALESBOOST_SPECS"


def published(name: str) -> Any:
    """Return an OpenAPI document, or skip where the environment names no folder that holds it."""
    folder = os.environ.get(FOLDER)
    if not folder or not (file := Path(folder) / name).is_file():
        pytest.skip(f"{FOLDER} names no folder with {name}, the provider's own description of its interface")
    return json.loads(file.read_text("utf-8"))
