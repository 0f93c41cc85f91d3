"""The compose file, the Dockerfile and what they mount fit together and to the package."""

import re
import tomllib

import pytest
import yaml
from typer.testing import CliRunner

from salesboost_tools.cli.main import app
from salesboost_tools.settings import Settings
from tests.deploy.conftest import DEPLOY

ROOT = DEPLOY.parent
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SERVICES = COMPOSE["services"]


def test_what_services_need_of_each_other_is_there():
    for service in SERVICES.values():
        assert set(service.get("depends_on", ())) <= set(SERVICES)
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    for service in SERVICES.values():
        for name, needed in dict.items(service["depends_on"]) if isinstance(service.get("depends_on"), dict) else ():
            assert needed["condition"] != "service_healthy" or "healthcheck" in SERVICES[name]


def test_nothing_can_be_reached_from_elsewhere():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_environment_holds_settings_that_there_are():
    names = {f"TOOL_{name.upper()}" for name in Settings.model_fields}
    given = set(SERVICES["salesboost"]["environment"]) | set(re.findall(r"TOOL_\w+", DOCKERFILE))
    assert given <= names
    assert set(re.findall(r"TOOL_\w+", (DEPLOY / "README.md").read_text())) <= names
    assert Settings(redis_url=SERVICES["salesboost"]["environment"]["TOOL_REDIS_URL"]).redis_url


def test_without_a_token_it_does_not_start():
    assert SERVICES["salesboost"]["environment"]["TOOL_API_TOKEN"].startswith("${TOOL_API_TOKEN:?")
    assert COMPOSE["secrets"]["api_token"]["environment"] == "TOOL_API_TOKEN"


def test_the_image_copies_what_there_is_and_installs_extras_that_there_are():
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources), line
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.search(r"'\.\[([\w,]+)\]'", DOCKERFILE)[1].split(",")) <= set(extras)
    assert DOCKERFILE.index("USER salesboost") < DOCKERFILE.index("CMD [")


def test_the_images_command_is_one_of_the_package():
    command = yaml.safe_load(re.search(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)[1])
    assert command[0] == "salesboost"
    options = CliRunner(env={"COLUMNS": "200"}).invoke(app, [command[1], "--help"]).output
    assert all(word in options for word in command if word.startswith("--"))
    assert COMPOSE["services"]["salesboost"]["ports"] == [f"127.0.0.1:8080:{command[command.index('--port') + 1]}"]


def test_prometheus_asks_the_service_with_the_operators_token():
    (job,) = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["salesboost:8080"]}]
    assert job["authorization"]["credentials_file"] == "/run/secrets/api_token"
    assert "api_token" in SERVICES["prometheus"]["secrets"]


@pytest.mark.parametrize("file", sorted(DEPLOY.rglob("*.yml")), ids=lambda file: str(file.relative_to(DEPLOY)))
def test_every_file_is_yaml(file):
    assert yaml.safe_load(file.read_text())
