"""The policy that CONTRIBUTING.md shows is a policy."""

import re
from pathlib import Path

from tests.selection.policy_contract import PolicyContract

_TEXT = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
_SHOWN = re.search(r"<!-- policy: .* -->\n```python\n(.*?)```", _TEXT, re.DOTALL)
assert _SHOWN, "CONTRIBUTING.md has lost its policy"
_names: dict = {"__name__": "contributed"}
exec(compile(_SHOWN[1], "CONTRIBUTING.md", "exec"), _names)


class TestMaillard(PolicyContract):
    policy = _names["Maillard"]()


def test_it_takes_fewer_than_forty_lines():
    assert len(_SHOWN[1].splitlines()) < 40
