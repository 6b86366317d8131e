"""The dashboard in a real browser, on a real gateway that trades on a simulated exchange.

`PLIMSOLL_PICTURES=DIR` keeps what the browser drew.
"""

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

import browser as chromium
from conftest import BINARY, KEY, SECRET, Venue

pytestmark = [
    pytest.mark.skipif(chromium.PROGRAM is None, reason="the dashboard in a browser, because there is no Chromium"),
    pytest.mark.timeout(300),
]

LIMITS = """reference_age_max_ms = 5000
[account]
exposure_max = { USDT = "10000" }
messages_max = 200
[orders]
open_max = 8
stops_max = 10
rate_max = 60
rate_window_ms = 10000
messages_max = 200
messages_window_ms = 10000
alike_max = 4
alike_window_ms = 1000
executed_max = 400
executed_window_ms = 1000
[instrument.BTC-USDT]
qty_max = "0.01"
notional_max = "2000"
position_max = "0.05"
exposure_max = "10000"
turnover_max = "1000000000"
turnover_window_ms = 10000
collar_bps = 100
walk_bps = 200
walk_window_ms = 10000
[breakers]
stale_ms = 3600000
unvalued_ms = 3600000
"""


class Gateway:
    """A gateway with a market maker, and a dashboard on it."""

    def __init__(self, directory, venue, token=None):
        self.directory = Path(directory)
        (self.directory / "limits.toml").write_text(LIMITS)
        self.config = self.directory / "plimsoll.toml"
        self.config.write_text(f"""mode = "live"
store = "sqlite:plimsoll.db"
limits = "limits.toml"
reconcile_every_s = 5
state_dir = "state"
[venue.sim]
kind = "binance-spot"
instruments = ["BTC-USDT"]
key = {{ env = "TEST_KEY" }}
secret = {{ env = "TEST_SECRET" }}
rest = "{venue.http}"
[agent.maker]
strategy = "market-maker"
venue = "sim"
params = {{ qty = "0.005", half_spread_bps = 0, requote_every = 300 }}
[gates.override]
paper-record = "a test against a simulated exchange"
watchdog = "a test of other things than the watchdog"
alerts = "a test that nobody has to hear of"
loss-max = "a test with made-up money"
[ramp]
start_percent = 100
""")
        self.log = open(self.directory / "log", "w")
        variables = {**os.environ, "TEST_KEY": KEY, "TEST_SECRET": SECRET}
        self.process = subprocess.Popen([BINARY, "run", "--config", self.config], env=variables, stderr=self.log)
        end = time.monotonic() + 60
        while not (self.directory / "plimsoll.db").exists():
            assert time.monotonic() < end and self.process.poll() is None, (self.directory / "log").read_text()
            time.sleep(0.1)
        self.dashboard, self.url = dashboard("--config", self.config, token=token)

    def journal(self, kind):
        with urllib.request.urlopen(f"{self.url}/api/journal?kind={kind}&limit=500", timeout=30) as answer:
            return json.load(answer)["entries"]

    def stop(self):
        for process in (self.dashboard, self.process):
            process.terminate()
            process.wait(timeout=60)
        self.log.close()


def dashboard(*args, token=None):
    variables = {**os.environ, **({"PLIMSOLL_DASHBOARD_TOKEN": token} if token else {})}
    command = [BINARY, "dashboard", "--listen", "127.0.0.1:0", *args]
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert line.startswith("dashboard at http://"), line
    return process, line.split()[-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    venue = Venue("--market", "synthetic:7", accounts=[f"{KEY}:{SECRET}:10000 USDT,0.2 BTC"])
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), venue)
    yield gateway
    gateway.stop()
    venue.stop()


@pytest.fixture(scope="module")
def browser():
    running = chromium.Browser()
    yield running
    running.close()


@pytest.fixture
def opened(browser):
    """Opens pages that are closed again, with nothing of an earlier one in their storage."""
    pages = []

    def open(url, **kwargs):
        page = browser.page(**kwargs)
        pages.append(page)
        page.call("Storage.clearDataForOrigin", origin=url, storageTypes="all")
        page.open(url)
        return page

    yield open
    for page in pages:
        page.close()


def picture(page, name, whole=False):
    folder = os.environ.get("PLIMSOLL_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.picture(Path(folder) / f"{name}.png", whole)


def ready(page):
    page.until("document.getElementById('state')?.textContent === 'active'", "the gateway trades")
    page.until("document.querySelectorAll('#ended tr').length > 2", "orders have ended")
    page.until("document.querySelectorAll('#entries tr').length > 20", "the journal is there")
    page.until("document.querySelectorAll('#chart path.worth').length === 1", "the curve is drawn")
    page.until("/\\d/.test(document.getElementById('worth').textContent)", "the account is valued")


def test_it_is_live_whole_and_asks_nobody_else(world, opened):
    page = opened(world.url + "/")
    ready(page)
    for id in ("breakers", "positions", "balances", "feeds", "budget"):
        page.until(f"document.querySelectorAll('#{id} tr').length > 0", f"{id} are shown")
    # News come by themselves.
    first = page.text("heard")
    page.until(f"document.getElementById('heard').textContent !== {first!r}", "the next second is told")
    entries = page.text("journal-count")
    page.until(f"document.getElementById('journal-count').textContent !== {entries!r}", "the journal goes on")
    top = page.value("document.querySelector('#entries td').textContent")
    page.until(f"document.querySelector('#entries td').textContent !== {top!r}", "and its list follows")
    order = page.value("document.querySelector('#ended a').textContent")
    page.until(f"document.querySelector('#ended a').textContent !== {order!r}", "orders come and go")
    # What is shown is what the command line says.
    said = subprocess.run([BINARY, "status", "--json", "--config", world.config], capture_output=True, check=True)
    status = json.loads(said.stdout)
    assert page.text("asset") == status["equity"]["valuation"]
    assert len(status["breakers"]) == page.value("document.querySelectorAll('#breakers tr').length")
    # Nothing jumped, nothing was complained of, nothing came from elsewhere.
    assert page.value("window.shifts") < 0.01
    assert page.trouble() == []
    assert {url for url in page.fetched() if not url.startswith(world.url)} == set()
    picture(page, "light", whole=True)


def test_dark_and_light(world, opened):
    page = opened(world.url + "/", theme="dark")
    ready(page)
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert page.value(ground) == "rgb(14, 20, 26)"
    picture(page, "dark", whole=True)
    page.value("document.getElementById('theme').click()")
    assert page.value(ground) == "rgb(243, 245, 247)"
    page.open(world.url + "/")
    assert page.value(ground) == "rgb(243, 245, 247)", "what was chosen stays"


@pytest.mark.parametrize("width", [320, 360, 414, 768, 1024, 1920])
def test_no_width_scrolls_sideways(world, opened, width):
    page = opened(world.url + "/", width=width, height=800)
    ready(page)
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value("window.shifts") < 0.01
    # Nothing that can be pressed sticks out or hides another one.
    outside = """[...document.querySelectorAll('header button, header .pill')].filter((one) => {
        const box = one.getBoundingClientRect();
        return !one.hidden && (box.right > innerWidth + 1 || box.left < -1 || box.height === 0);
    }).map((one) => one.id)"""
    assert page.value(outside) == []
    assert page.trouble() == []
    picture(page, f"width-{width}", whole=True)


def test_the_keyboard_is_enough(world, opened):
    page = opened(world.url + "/")
    ready(page)
    walked = []
    for _ in range(7):
        page.press("Tab")
        walked.append(page.focused())
    assert walked[:6] == ["Skip to the figures", "Skip to the journal", "zone", "theme", "halt", "h-trading"] or \
        walked[:5] == ["Skip to the figures", "Skip to the journal", "zone", "theme", "halt"], walked
    outline = page.value("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "what has the focus is seen"
    # The dialog of the halt takes the focus, Escape closes it, and the focus is back.
    page.value("document.getElementById('halt').focus()")
    page.press("Enter")
    page.until("document.getElementById('halt-dialog').open", "the dialog opens")
    assert page.focused() == "halt-reason"
    picture(page, "halt-dialog")
    page.press("Escape")
    page.until("!document.getElementById('halt-dialog').open", "Escape closes it")
    assert page.focused() == "halt"
    # A story by its link, and back.
    page.value("document.querySelector('#ended a').focus()")
    page.press("Enter")
    page.until("document.querySelectorAll('#story h3').length > 3", "the story is told")
    assert "entry" not in page.text("story-title")
    picture(page, "story")
    page.press("Escape")
    page.until("!document.getElementById('story-dialog').open", "Escape closes it")
    page.until("location.hash === ''", "the address is the page's own again")
    assert page.trouble() == []


def test_the_journal_is_filtered_and_turned(world, opened):
    page = opened(world.url + "/")
    ready(page)
    choose = """((id, value) => { const one = document.getElementById(id); one.value = value;
        one.dispatchEvent(new Event('change', { bubbles: true })); })"""
    page.value(f"{choose}('f-kind', 'filled,busted')")
    kinds = "[...new Set([...document.querySelectorAll('#entries tr')].map((row) => row.cells[2].textContent))].join()"
    page.until(f"{kinds} === 'filled'", "only executions are left")
    page.value(f"{choose}('f-order', 'no such order')")
    page.until("document.getElementById('pager-said').className.includes('bad')", "what is no order id is said")
    page.value(f"{choose}('f-order', 'nobody-1-1')")
    page.until("!document.getElementById('no-entries').hidden", "an empty list says what to do")
    assert "Clear the filter" in page.text("no-entries")
    page.value("document.querySelector('#filters [type=reset]').click()")
    page.until("document.querySelectorAll('#entries tr').length > 20", "all are back")
    newest = page.value("Number(document.querySelector('#entries td').textContent)")
    page.until("!document.getElementById('older').disabled", "there are more")
    page.value("document.getElementById('older').click()")
    page.until(f"Number(document.querySelector('#entries td').textContent) < {newest} - 50", "older ones are shown")
    page.value("document.getElementById('newest').click()")
    page.until(f"Number(document.querySelector('#entries td').textContent) >= {newest}", "and the newest again")
    page.value("document.querySelector('#entries button').click()")
    page.until("document.querySelector('#story pre')", "one entry is shown as it was written")


def test_what_is_old_is_marked(world, opened):
    process, url = dashboard("--config", world.config)
    page = opened(url + "/")
    ready(page)
    process.terminate()
    process.wait(timeout=60)
    page.until("document.body.classList.contains('stale')", "what is shown is marked as old")
    assert "NO NEWS" in page.text("heard")
    picture(page, "stale")


def test_a_token_is_asked_for(world, opened):
    token = "0123456789abcdef0123456789abcdef"
    process, url = dashboard("--config", world.config, token=token)
    try:
        page = opened(url + "/")
        picture(page, "login")
        for said, inside in (("wrong token, and long", False), (token, True)):
            page.value("document.getElementById('token').focus()")
            page.value("document.getElementById('token').value = ''")
            page.type(said)
            page.press("Enter")
            if inside:
                ready(page)
            else:
                page.until("document.getElementById('said')?.textContent.includes('not the token')", "it says so")
        assert page.value("document.cookie") == "", "no script can read the session"
        page.value("document.getElementById('leave').click()")
        page.until("document.getElementById('token')", "logged out")
        # By a link.
        page.open(f"{url}/?token={token}")
        page.until("document.getElementById('state')", "the link opens it")
        page.until("!location.href.includes('token')", "and the token is gone from the address")
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_the_button_halts_after_a_question(world, opened):
    """The last one: the gateway stays halted."""
    page = opened(world.url + "/")
    ready(page)
    page.value("document.getElementById('halt').click()")
    page.until("document.getElementById('halt-dialog').open", "it asks first")
    page.value("document.getElementById('halt-no').click()")
    assert [one for one in world.journal("trading") if one["record"].get("state") == "halted"] == []
    page.value("document.getElementById('halt').click()")
    page.type("the browser test has seen enough")
    page.press("Enter")
    page.until("document.getElementById('halt-said').textContent.startsWith('Halted.')", "it says what came of it")
    page.press("Escape")
    page.until("document.getElementById('state').textContent === 'HALTED'", "it is seen")
    page.until("document.getElementById('facts').textContent.includes('plimsoll resume --config')", "and how it is lifted")
    halted = world.journal("trading")[0]["record"]
    assert (halted["state"], halted["by"]) == ("halted", "dashboard"), halted
    assert "seen enough" in halted["cause"]
    # A halt is lifted elsewhere.
    assert page.value("[...document.querySelectorAll('button:not(#entries *)')].some((one) => /resume/i.test(one.textContent))") is False
    assert page.value("window.shifts") < 0.01
    picture(page, "halted", whole=True)
    picture_of_finished(world, opened)


def picture_of_finished(world, opened):
    """The same journal when its gateway has ended: by the journal alone, with nothing to halt."""
    world.process.terminate()
    world.process.wait(timeout=60)
    process, url = dashboard("--store", f"sqlite:{world.directory / 'plimsoll.db'}")
    try:
        page = opened(url + "/")
        page.until("document.getElementById('state').textContent === 'ended, HALTED'", "it has ended")
        page.until("document.querySelectorAll('#ended tr').length > 2", "its orders are shown")
        assert page.value("document.getElementById('halt').disabled") is True
        assert page.trouble() == []
        picture(page, "finished", whole=True)
    finally:
        process.terminate()
        process.wait(timeout=60)
