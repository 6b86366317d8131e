"""A real Chromium without a window, driven over its DevTools protocol: what it is told, what it fetches, what it draws.

aiohttp is there because ccxt needs it. Every wait has a bound and waits for a condition.
"""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--mute-audio",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0", "--no-proxy-server",
]
PATIENCE = 60


class Browser:
    """One process with a fresh profile; `page` opens one page after the other."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="plimsoll-browser-")
        command = [PROGRAM, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.loop = asyncio.new_event_loop()
        port_file = Path(self.profile) / "DevToolsActivePort"
        end = time.monotonic() + PATIENCE
        while not (port_file.exists() and port_file.read_text().count("\n") >= 1):
            assert time.monotonic() < end and self.process.poll() is None, "Chromium does not start"
            time.sleep(0.05)
        self.port = int(port_file.read_text().split()[0])
        self.session = self.run(self._session())

    async def _session(self):
        return aiohttp.ClientSession()

    def run(self, work):
        return self.loop.run_until_complete(asyncio.wait_for(work, PATIENCE))

    def page(self, **kwargs):
        return Page(self, **kwargs)

    def close(self):
        self.run(self.session.close())
        self.loop.close()
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    """One page, with all that it logged and fetched."""

    def __init__(self, browser, width=1280, height=900, theme="light"):
        self.browser, self.number, self.events = browser, 0, []
        self.socket = browser.run(self._open())
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        # A page's storage outlives the page, and the next one is to begin with nothing.
        self.size(width, height)
        self.theme(theme)
        watch = """
            window.shifts = 0;
            new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput)
                window.shifts += entry.value; }).observe({ type: "layout-shift", buffered: true });
        """
        self.call("Page.addScriptToEvaluateOnNewDocument", source=watch)

    async def _open(self):
        address = f"http://127.0.0.1:{self.browser.port}/json/new?about:blank"
        async with self.browser.session.put(address) as answer:
            target = await answer.json()
        return await self.browser.session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)

    def call(self, method, **params):
        return self.browser.run(self._call(method, params))

    async def _call(self, method, params):
        self.number += 1
        mine = self.number
        await self.socket.send_str(json.dumps({"id": mine, "method": method, "params": params}))
        while True:
            said = json.loads((await self.socket.receive()).data)
            if said.get("id") == mine:
                assert "error" not in said, (method, said)
                return said["result"]
            self.events.append(said)

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700)

    def theme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete'", "the page is loaded")

    def value(self, expression):
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, (expression, done["exceptionDetails"])
        return done["result"].get("value")

    def until(self, expression, what):
        end = time.monotonic() + PATIENCE
        while True:
            value = self.value(f"Boolean({expression})")
            if value:
                return value
            assert time.monotonic() < end, f"not in {PATIENCE} s: {what}\n{self.value('document.body.innerText')[:3000]}"
            time.sleep(0.1)

    def text(self, id):
        return self.value(f"document.getElementById({id!r}).textContent")

    def press(self, key, code=None, modifiers=0):
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        common = {"key": key, "code": code or key, "windowsVirtualKeyCode": codes.get(key, ord(key[0])), "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def focused(self):
        return self.value("(document.activeElement.id || document.activeElement.textContent || '').trim()")

    def picture(self, path, whole=False):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def trouble(self):
        """Everything that the page or the browser complained of."""
        self.value("1")
        found = []
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(params["exceptionDetails"])
            if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(params["args"])
            if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"])
        return found

    def fetched(self):
        """Addresses of everything that was asked for."""
        self.value("1")
        sent = [event["params"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent if not one["request"]["url"].startswith("data:")]

    def close(self):
        self.call("Page.close")
        self.browser.run(self.socket.close())
