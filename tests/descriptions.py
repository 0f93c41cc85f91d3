"""What the providers have published of their interfaces; it belongs to them and is no part of this project."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "SALESBOOST_SPECS"
BESIDE_THIS_TREE = Path(__file__).parents[2] / "shared" / "specs"


def published(name: str) -> Any:
    """Return an OpenAPI document from the folder that the environment names, or from the one beside this tree."""
    folder = Path(os.environ.get(VARIABLE) or BESIDE_THIS_TREE)
    if not (file := folder / name).is_file():
        pytest.skip(f"neither {VARIABLE} nor a folder beside this tree holds {name}, the provider's own description")
    return json.loads(file.read_text("utf-8"))
