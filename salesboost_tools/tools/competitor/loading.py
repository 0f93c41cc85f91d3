"""Read battlecards from a folder: `*.md` with one competitor each, and `features.yaml` with the rows of the matrix."""

import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from salesboost_tools.core.errors import ConfigurationError
from salesboost_tools.tools.competitor.battlecard import Battlecard, CardHead, Claim, Objection, OwnFeatures, Point
from salesboost_tools.tools.competitor.battlecards import Battlecards
from salesboost_tools.tools.knowledge.markdown import blocks, decode, parse_yaml, split_head, validate

FEATURES_NAME = "features.yaml"

_LISTS = {
    "strengths": "Strengths",
    "weaknesses": "Weaknesses",
    "landmines": "Landmines",
    "when_we_win": "When we win",
    "when_we_lose": "When we lose",
}
_OBJECTIONS = "Objections and responses"
_BULLET = re.compile(r"^[-*] +", re.MULTILINE)
_CITATION = re.compile(r"\s*\[([^\[\]\s]+)\](?!\()")


def shipped_battlecards() -> Traversable:
    """Return the folder of battlecards that comes with the package."""
    return files("salesboost_tools") / "data" / "battlecards"


def load_battlecards(folder: Traversable | None = None) -> Battlecards:
    """Read and check every battlecard of a folder.

    Args:
        folder: The shipped ones if None. Read once; call again to see changes.

    Raises:
        ConfigurationError: Something is missing or wrong; the message names the file and the field or section.
    """
    folder = shipped_battlecards() if folder is None else folder
    if not folder.is_dir():
        raise ConfigurationError(f"no folder with battlecards at {folder}")
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".md")), key=lambda path: path.name)
    matrix = folder / FEATURES_NAME
    if not matrix.is_file():
        raise ConfigurationError(f"{FEATURES_NAME}: missing in {folder}; it holds the rows of the feature matrix")
    own = validate(OwnFeatures, parse_yaml(decode(matrix.read_bytes()), FEATURES_NAME), FEATURES_NAME)
    return Battlecards([parse_card(decode(path.read_bytes()), path.name) for path in paths], own, folder)


def parse_card(text: str, where: str) -> Battlecard:
    """Return the battlecard in a file.

    Raises:
        ConfigurationError: Names the file and the field, section or citation that is wrong.
    """
    values, body = split_head(text, where)
    if values is None:
        raise ConfigurationError(f"{where}: a battlecard begins with a YAML head between two lines of ---")
    head = validate(CardHead, values, where)
    claims = {claim.id: claim for claim in head.claims}
    if len(claims) < len(head.claims):
        raise ConfigurationError(f"{where}: claims: two claims have the same id")
    sections = {block.heading: block.text for block in blocks(body)}
    wanted = [*_LISTS.values(), _OBJECTIONS]
    missing = [title for title in wanted if not sections.get(title)]
    unknown = [title or "text before the first heading" for title in sections if title not in wanted]
    if missing or unknown:
        raise ConfigurationError(
            f"{where}: sections missing or empty: {missing or 'none'}; not known: {unknown or 'none'}; "
            f"a battlecard has {wanted}"
        )
    lists = {field: _points(sections[title], claims, f"{where}: {title}") for field, title in _LISTS.items()}
    objections = _objections(sections[_OBJECTIONS], claims, f"{where}: {_OBJECTIONS}")
    return Battlecard.model_validate({"head": head, "objections": objections, **lists})


def _points(text: str, claims: Mapping[str, Claim], where: str) -> tuple[Point, ...]:
    before, *bullets = _BULLET.split(text)
    if before.strip() or not bullets:
        raise ConfigurationError(f"{where}: must be a list of lines that begin with '- '")
    return tuple(
        validate(Point, {"text": plain, "claims": cited}, where)
        for plain, cited in (_without_citations(bullet, claims, where) for bullet in bullets)
    )


def _objections(text: str, claims: Mapping[str, Claim], where: str) -> tuple[Objection, ...]:
    found: list[Objection] = []
    for block in blocks(text, level=3):
        response, cited = _without_citations(block.text, claims, where)
        values = {"objection": block.heading, "response": response, "claims": cited}
        found.append(validate(Objection, values, f"{where}: {block.heading or 'text before the first ###'}"))
    return tuple(found)


def _without_citations(text: str, claims: Mapping[str, Claim], where: str) -> tuple[str, tuple[Claim, ...]]:
    """Return the text without its `[claim-id]` marks, on one line per paragraph, and the claims they name."""
    cited = list(dict.fromkeys(_CITATION.findall(text)))
    unknown = [name for name in cited if name not in claims]
    if unknown:
        raise ConfigurationError(f"{where}: cites {unknown}, which are not among the claims {sorted(claims)}")
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", _CITATION.sub("", text)))
    return "\n\n".join(filter(None, paragraphs)), tuple(claims[name] for name in cited)
