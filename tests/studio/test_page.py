"""The page in a real browser: Playwright and a Chromium that is installed."""

import http.server
import json
import os
import re
import shutil
import socket
import threading

import pytest

pytest.importorskip("gradio", reason="the extra studio is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PICTURES = os.environ.get("VS_PICTURES")  # a folder: pictures for the docs are then kept there
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine", allow_module_level=True)

from vs_core.studio import page as studio  # noqa: E402
from vs_core.testing import SimulatedModel, SimulatedServer  # noqa: E402

sync_api.expect.set_options(timeout=60_000)  # on a loaded machine: nothing hangs for ever

OWNED = "document.title='owned'"
HOSTILE = (
    f'<img src=x onerror="{OWNED}">', f"<script>{OWNED}</script>",
    f'</li></ol></div><svg onload="{OWNED}">', f'" onmouseover="{OWNED}" x="',
    f"<iframe srcdoc='<script>parent.{OWNED}</script>'></iframe>", "<style>*{display:none}</style>",
    f"[a](javascript:{OWNED})", f"<a href=\"javascript:{OWNED}\">a</a>", "{{7*7}} ${7*7} $x^2$",
    "\x1b[31mred\u202eder", "<details open ontoggle=" + OWNED + ">",
)  # fmt: skip


class Hostile(SimulatedModel):
    """A model that writes markup."""

    def answer(self, messages, schema=None):
        completion = super().answer(messages, schema)
        answers = [{"text": text, "probability": 0.05} for text in HOSTILE]
        text = json.dumps({"responses": answers})
        return type(completion)(text, completion.usage, completion.raw)


@pytest.fixture(scope="module")
def server():
    with SimulatedServer() as server:
        yield server


@pytest.fixture(scope="module")
def url(server):
    os.environ["OPENAI_API_KEY"] = "secret-key"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    blocks = studio.page("m", server.base_url)
    _, found, _ = blocks.queue().launch(
        server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True,
        css=studio.CSS, inbrowser=False,
    )  # fmt: skip
    yield found
    blocks.close()
    del os.environ["OPENAI_API_KEY"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    home = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], env=home
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(browser, url):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    elsewhere = []
    tab.on("request", lambda request: elsewhere.append(request.url))
    tab.goto(url)
    tab.get_by_label("Prompt").wait_for()
    yield tab
    away = [u for u in elsewhere if not u.startswith((url, "data:", "blob:"))]
    context.close()
    assert away == []  # nothing leaves the machine


def _answered(tab):
    figures = tab.locator("#verbalized .vs-figures")
    sync_api.expect(figures).to_contain_text("tokens", timeout=120_000)


def test_both_sides_come_in_and_can_be_drawn_from(tab, server):
    tab.get_by_role("button", name="Ask both ways").click()
    sync_api.expect(tab.locator("#verbalized li").first).to_be_visible(timeout=120_000)
    sync_api.expect(tab.locator("#verbalized .vs-figures")).to_contain_text("tokens")
    assert tab.locator("#direct li").count() < tab.locator("#verbalized li").count()
    asked = len(server.requests)
    tab.get_by_role("button", name="Draw again").click()
    sync_api.expect(tab.locator("#drawn textarea")).not_to_have_value("", timeout=60_000)
    tab.get_by_label("Its option").fill("p=x")
    tab.get_by_role("button", name="Draw again").click()
    sync_api.expect(tab.locator("#drawn textarea")).to_have_value(re.compile("top_p:p=0.8"))
    tab.get_by_label("Draw by").click()
    tab.get_by_role("option", name="top_p").click()
    tab.get_by_label("Its option").fill("p=0.000001")
    tab.get_by_role("button", name="Draw again").click()
    sync_api.expect(tab.locator("#drawn textarea")).not_to_have_value(re.compile("top_p"))
    tab.get_by_role("tab", name="Use this").click()
    sync_api.expect(tab.locator("#program")).to_contain_text("resampler='top_p', p=1e-06")
    assert len(server.requests) == asked  # nothing was asked for that
    tab.get_by_role("tab", name="History").click()
    sync_api.expect(tab.locator("#history tbody tr")).to_have_count(1)
    assert "secret-key" not in tab.content()


def test_meanings_cost_and_two_runs_beside_each_other(tab):
    tab.get_by_text("More", exact=True).click()
    tab.get_by_label("Embedding model, for meanings").fill("e")
    tab.get_by_label("Price of a million input tokens").fill("1")
    tab.get_by_label("Price of a million output tokens").fill("2")
    for asked in (1, 2):
        tab.get_by_role("tab", name="Side by side").click()
        tab.get_by_role("button", name="Ask both ways").click()
        tab.get_by_role("tab", name="History").click()
        rows = tab.locator("#history tbody tr")
        sync_api.expect(rows).to_have_count(asked, timeout=120_000)
    sync_api.expect(rows.first).to_contain_text("distinct by meaning")
    sync_api.expect(rows.first).to_contain_text("semantic diversity")
    sync_api.expect(rows.first).to_contain_text("cost 0.")
    tab.get_by_role("button", name="Compare").click()
    comparison = tab.locator("#comparison")
    sync_api.expect(comparison).to_contain_text("The settings are the same.", timeout=60_000)
    sync_api.expect(comparison).to_contain_text("in both")
    tab.get_by_label("beside run").fill("9")
    tab.get_by_role("button", name="Compare").click()
    sync_api.expect(comparison).to_contain_text("Name two of the 2 runs", timeout=60_000)


def test_a_sweep_draws_a_curve(tab):
    tab.get_by_role("tab", name="Sweep").click()
    tab.get_by_role("button", name="Turn the knob").click()
    sync_api.expect(tab.locator("#curve circle")).to_have_count(6, timeout=60_000)


def test_a_sweep_can_be_cancelled(tab, server):
    server.delay = 0.6
    try:
        tab.get_by_role("tab", name="Sweep").click()
        tab.get_by_role("button", name="Turn the knob").click()
        sync_api.expect(tab.locator("#curve circle")).not_to_have_count(0, timeout=120_000)
        tab.locator("#halt").click()
        tab.wait_for_timeout(3000)
        assert tab.locator("#curve circle").count() < 6
    finally:
        server.delay = 0.0


def test_the_code_follows_the_knobs_and_files_come_out(tab):
    tab.get_by_role("button", name="Ask both ways").click()
    sync_api.expect(tab.locator("#verbalized .vs-figures")).to_contain_text(
        "tokens", timeout=120_000
    )
    tab.get_by_label("Prompt").fill("Name a pet.")
    tab.get_by_role("tab", name="Use this").click()
    sync_api.expect(tab.locator("#program")).to_contain_text("Name a pet.", timeout=60_000)
    tab.locator("#save").click()
    sync_api.expect(tab.locator("#files")).to_contain_text("profile", timeout=60_000)
    sync_api.expect(tab.locator("#files")).to_contain_text("candidates")


def test_markup_of_a_model_does_nothing(tab, server):
    well, server.model = server.model, Hostile()
    try:
        tab.get_by_label("Prompt").fill(HOSTILE[0] + HOSTILE[1])
        tab.get_by_label("number input for k, candidates a call").fill(str(len(HOSTILE)))
        tab.get_by_label("number input for n, candidates in all").fill(str(len(HOSTILE)))
        tab.get_by_role("button", name="Ask both ways").click()
        _answered(tab)
        rows = tab.locator("#verbalized ol > li")
        for text in HOSTILE[:8]:
            sync_api.expect(rows.filter(has_text=text)).to_have_count(1)
        made = "#verbalized :is(img, script, svg, iframe, style, a, [onload], [onmouseover])"
        assert tab.locator(made).count() == 0
        rows.first.hover()
        tab.get_by_role("button", name="Draw again").click()
        for name in ("Use this", "History"):
            tab.get_by_role("tab", name=name).click()
        sync_api.expect(tab.locator("#history tbody tr")).to_have_count(1)
        assert tab.locator("#history :is(img, script)").count() == 0
        assert tab.title() != "owned"
    finally:
        server.model = well


def test_a_failing_model_is_said_and_the_page_stays_usable(tab, server):
    server.faults = ["500"] * 100
    tab.get_by_role("button", name="Ask both ways").click()
    sync_api.expect(tab.locator(".vs-error").first).to_be_visible(timeout=60_000)
    server.faults = []
    tab.get_by_role("button", name="Ask both ways").click()
    sync_api.expect(tab.locator("#verbalized .vs-figures")).to_contain_text(
        "tokens", timeout=120_000
    )


class Refusing(http.server.BaseHTTPRequestHandler):
    """An endpoint that refuses the key, and repeats it in its error."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        said = json.dumps({"error": {"message": f"Incorrect API key provided: {key}."}}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


def test_a_wrong_key_is_said_and_not_shown(tab):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as refusing:
        thread = threading.Thread(target=refusing.serve_forever, daemon=True)
        thread.start()
        tab.get_by_label("Endpoint").fill(f"http://127.0.0.1:{refusing.server_port}/v1")
        tab.get_by_role("button", name="Ask both ways").click()
        for side in ("#direct", "#verbalized"):
            sync_api.expect(tab.locator(f"{side} .vs-error")).to_contain_text(
                "401", timeout=120_000
            )
        assert "secret-key" not in tab.content()
        refusing.shutdown()
        thread.join()


class Wordy(SimulatedModel):
    """A model whose answers are long, and all different."""

    def answer(self, messages, schema=None):
        completion = super().answer(messages, schema)
        if "probabilit" not in str(messages):
            return completion
        answers = [
            {"text": f"{number} {'word' * 600}{' a' * 50}", "probability": 0.04}
            for number in range(20)
        ]
        return type(completion)(json.dumps({"responses": answers}), completion.usage)


def test_fifty_long_answers_are_all_there_on_a_narrow_screen(browser, url, server):
    context = browser.new_context(viewport={"width": 380, "height": 800})
    tab = context.new_page()
    well, server.model = server.model, Wordy()
    try:
        tab.goto(url)
        tab.get_by_label("number input for k, candidates a call").fill("20")
        tab.get_by_label("number input for n, candidates in all").fill("50")
        tab.get_by_label("number input for n, candidates in all").press("Tab")
        tab.get_by_role("button", name="Ask both ways").click()
        figures = tab.locator("#verbalized .vs-figures")
        sync_api.expect(figures).to_contain_text("of 50", timeout=120_000)
        sync_api.expect(figures).to_contain_text("tokens", timeout=120_000)
        assert tab.locator("#verbalized ol > li").count() == 20
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    finally:
        server.model = well
        context.close()


def test_the_simulated_model_is_said_to_be_one(tab):
    tab.get_by_label("Model").fill("simulated")
    tab.get_by_label("Endpoint").fill("")
    tab.get_by_role("button", name="Ask both ways").click()
    sync_api.expect(tab.get_by_text("These answers are SIMULATED").first).to_be_visible(
        timeout=120_000
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_in_both_schemes(browser, url, scheme):
    context = browser.new_context(viewport={"width": 380, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(url)
    tab.get_by_role("button", name="Ask both ways").click()
    sync_api.expect(tab.locator("#verbalized .vs-figures")).to_contain_text(
        "tokens", timeout=120_000
    )
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    if PICTURES:
        tab.set_viewport_size({"width": 1280, "height": 1000})
        tab.screenshot(path=f"{PICTURES}/studio_{scheme}.png")
    context.close()


def test_keys_alone_do(tab):
    tab.get_by_role("button", name="Ask both ways").focus()
    tab.keyboard.press("Enter")
    sync_api.expect(tab.locator("#verbalized .vs-figures")).to_contain_text(
        "tokens", timeout=120_000
    )
