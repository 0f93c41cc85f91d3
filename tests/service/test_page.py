"""The live page in a real browser: it shows what happens, holds to its own policy, and is readable by everybody."""

import shutil
import tempfile

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from salesboost_tools.service import Access, create_app
from tests.service.conftest import TOKEN
from tests.service.serving import listening
from tests.services import missing

OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
QUOTE = {"payload": {"lines": [{"sku": "PIPE-TEAM", "quantity": 12}]}}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def browser():
    program = shutil.which("chromium")
    if program is None:
        missing("chromium is not on the PATH: install Debian's package chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=program, headless=True, args=list(OPTIONS), chromium_sandbox=False
        )
        yield context
        context.close()


@pytest.fixture
def page(browser):
    page = browser.new_page()
    page.complaints = []
    page.on("console", lambda line: page.complaints.append(line.text) if line.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.set_default_timeout(20_000)
    yield page
    page.close()


def invoke(address, payload=QUOTE, **options):
    return httpx.post(f"http://{address}/tools/price_calculator/invoke", json=payload, timeout=30, **options)


def row_of(page, tool):
    return page.locator("#tools tbody tr").filter(has=page.get_by_role("rowheader", name=tool, exact=True))


def test_the_page_shows_every_tool_and_what_happens(page, open_toolkit):
    toolkit = open_toolkit(rate_limits={"price_calculator": "30/day"})
    with listening(create_app(toolkit)) as address:
        page.goto(f"http://{address}/")
        expect(page.locator("#tools tbody tr")).to_have_count(len(toolkit.get_tools()))
        expect(row_of(page, "price_calculator")).to_contain_text("healthy")
        expect(page.locator("#link")).to_have_text("live")
        invoke(address)
        expect(page.locator("#events li").first).to_contain_text("price_calculator completed")
        expect(row_of(page, "price_calculator")).to_contain_text("idle; last: completed")
        invoke(address)
        expect(row_of(page, "price_calculator")).to_contain_text("29 of 30/day", timeout=15_000)
        expect(row_of(page, "price_calculator")).to_contain_text("50 %")
        assert page.complaints == []


def test_a_tool_that_breaks_is_shown_with_the_reason(page, open_toolkit, tmp_path, monkeypatch):
    toolkit = open_toolkit(health_ttl=0)
    crm = next(tool for tool in toolkit.get_tools() if tool.name == "crm_integration")

    async def broken():
        raise OSError("no route to <b>host</b>")

    with listening(create_app(toolkit)) as address:
        page.goto(f"http://{address}/")
        expect(row_of(page, "crm_integration")).to_contain_text("healthy")
        monkeypatch.setattr(toolkit.health._runners[crm.name], "_probe", broken)
        expect(row_of(page, "crm_integration")).to_contain_text("OSError", timeout=15_000)
        expect(page.locator("#overall")).to_contain_text("unhealthy")
        assert page.locator("#tools b").count() == 0


def test_what_a_tool_is_called_is_text_and_never_markup(page, toolkit):
    from salesboost_tools.handlers.status import StatusHandler
    from salesboost_tools.observe.status import StatusEvent

    feed = toolkit.handler(StatusHandler).feed
    with listening(create_app(toolkit)) as address:
        page.goto(f"http://{address}/")
        expect(page.locator("#link")).to_have_text("live")
        invoke(address)
        at = feed.recent()[-1].at
        hostile = "<img src=x onerror=document.title='owned'>"
        feed.publish(StatusEvent(kind="failed", tool=hostile, at=at, latency_s=0.1, details={"error": hostile}))
        expect(page.locator("#events li").first).to_contain_text(hostile)
        assert page.title() == "Tools, live"
        assert page.locator("#events img").count() == 0


def test_the_page_asks_for_a_token_where_one_is_needed(page, toolkit):
    with listening(create_app(toolkit, access=Access(TOKEN))) as address:
        page.goto(f"http://{address}/")
        expect(page.locator("#door")).to_be_visible()
        page.get_by_label("This service needs a token.").fill("wrong")
        page.get_by_role("button", name="Open").click()
        expect(page.locator("#refused")).to_have_text("This token is not valid.")
        page.get_by_label("This service needs a token.").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#tools tbody tr")).to_have_count(len(toolkit.get_tools()))
        expect(page.locator("#door")).to_be_hidden()
        expect(page.locator("#link")).to_have_text("live")


def test_the_page_loads_nothing_from_elsewhere_and_breaks_no_policy(page, toolkit):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with listening(create_app(toolkit)) as address:
        page.goto(f"http://{address}/")
        expect(page.locator("#tools tbody tr")).to_have_count(len(toolkit.get_tools()))
        assert asked
        assert all(url.startswith(f"http://{address}/") for url in asked)
        assert not [line for line in page.complaints if "Content Security Policy" in line]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_nothing_runs_over_the_edge_and_text_has_contrast(page, toolkit, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    with listening(create_app(toolkit)) as address:
        page.goto(f"http://{address}/")
        expect(page.locator("#tools tbody tr")).to_have_count(len(toolkit.get_tools()))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        worst = page.evaluate(CONTRAST)
    assert worst["ratio"] >= 4.5, worst


def test_everything_is_reached_with_the_keyboard_and_named_for_screen_readers(page, toolkit):
    with listening(create_app(toolkit)) as address:
        page.goto(f"http://{address}/")
        expect(page.locator("#tools tbody tr")).to_have_count(len(toolkit.get_tools()))
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the tools"
        reached = []
        for _ in range(3):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        assert reached[:2] == ["pause", "events"]
        page.get_by_role("button", name="Pause").press("Space")
        expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
        assert page.get_by_role("table").first.get_by_role("columnheader").count() == 10
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.get_by_role("heading", level=1).count() == 1
        assert page.locator("meter:not([aria-label])").count() == 0


CONTRAST = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let worst = { ratio: 99, text: "" };
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.offsetParent) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) worst = { ratio, text: node.textContent.slice(0, 40), tag: node.tagName };
  }
  return worst;
}"""
