"""Starts real simulated exchanges for unmodified third-party clients.

`PLIMSOLL_BIN` names the binary; `cargo xtask test` sets it.
"""

import json
import os
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

BINARY = os.environ.get("PLIMSOLL_BIN", str(Path(__file__).parent.parent / "target/debug/plimsoll"))

KEY, SECRET = "trader-key", "trader-secret"
MAKER_KEY, MAKER_SECRET = "maker-key", "maker-secret"
ACCOUNTS = [
    f"{KEY}:{SECRET}:10000 USDT,1 BTC",
    f"{MAKER_KEY}:{MAKER_SECRET}:1000000 USDT,100 BTC",
]


COINBASE_KEY = "organizations/0b5e7c1a-1111-4222-8333-944455566677/apiKeys/trader"
COINBASE_MAKER_KEY = "organizations/0b5e7c1a-1111-4222-8333-944455566677/apiKeys/maker"
# Made up: the private scalar is the bytes 01 02 … 20.
EC_PEM = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8goAoGCCqGSM49
AwEHoUQDQgAEUVw9brnjlrkE0/7Kf1T9zQzB6Ze/N13KUVrQpsO0A19FNr46UPMY
+/mlR1kCoiFQK+8NV+CMU7LMClbxfZ+TVA==
-----END EC PRIVATE KEY-----
"""
# The same bytes as an Ed25519 seed, with the public key behind it, as the portal shows it.
ED25519_SECRET = (
    "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB5tVYuj+ZU+UB4sRLoqYunkB+FOuaVvtfg45ELrQSWZA=="
)
COINBASE_ACCOUNTS = [
    f"{COINBASE_KEY}:{EC_PEM}:10000 USD,1 BTC",
    f"{COINBASE_MAKER_KEY}:{EC_PEM}:10000000 USD,1000 BTC",
]


class Venue:
    """A running `plimsoll venue`."""

    def __init__(self, *args, accounts=ACCOUNTS, dialect="binance"):
        command = [BINARY, "venue", "--dialect", dialect, "--listen", "127.0.0.1:0", *args]
        for account in accounts:
            command += ["--account", account]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on http://"), line
        self.http = line.split()[-1]
        self.ws = self.http.replace("http", "ws", 1)

    def state(self):
        with urllib.request.urlopen(f"{self.http}/_sim/state", timeout=5) as answer:
            return json.load(answer)

    def post(self, path, **body):
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"{self.http}/_sim/{path}", data=data, method="POST")
        urllib.request.urlopen(request, timeout=5).close()

    def fault(self, **fault):
        self.post("faults", **fault)

    def heal(self):
        self.post("heal")

    def transfer(self, account, asset, amount):
        self.post("transfer", account=account, asset=asset, amount=amount)

    def has_traded(self):
        """Waits for the first public trade of a Coinbase."""
        path = "/api/v3/brokerage/market/products/BTC-USD/ticker?limit=1"
        for _ in range(200):
            with urllib.request.urlopen(self.http + path, timeout=5) as answer:
                if json.load(answer)["trades"]:
                    return
            time.sleep(0.05)
        raise AssertionError("nobody has traded within ten seconds")

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture
def venue():
    """An exchange where nobody trades but its two accounts."""
    running = Venue("--market", "empty")
    yield running
    running.stop()


@pytest.fixture
def busy_venue():
    """An exchange with a market around the accounts."""
    running = Venue("--market", "synthetic:7")
    yield running
    running.stop()


# Fees that are easy to reckon with.
BPS = ["--maker-bps", "10", "--taker-bps", "20"]


@pytest.fixture
def coinbase():
    """A Coinbase where nobody trades but its two accounts."""
    running = Venue("--market", "empty", *BPS, accounts=COINBASE_ACCOUNTS, dialect="coinbase")
    yield running
    running.stop()


@pytest.fixture
def busy_coinbase():
    """A Coinbase with a market around the accounts, in which somebody has traded: CCXT fails on a list of none."""
    running = Venue("--market", "synthetic:7", *BPS, accounts=COINBASE_ACCOUNTS, dialect="coinbase")
    running.has_traded()
    yield running
    running.stop()


@pytest.fixture
def start_venue():
    """Starts exchanges with arguments of the test's own."""
    running = []

    def start(*args, **kwargs):
        running.append(Venue(*args, **kwargs))
        return running[-1]

    yield start
    for venue in running:
        venue.stop()


# Made up: the bytes 00 to 3f, as Kraken shows a private key.
KRAKEN_SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="
KRAKEN_ACCOUNTS = [
    f"{KEY}:{KRAKEN_SECRET}:10000 USD,1 BTC",
    f"{MAKER_KEY}:{KRAKEN_SECRET}:10000000 USD,1000 BTC",
]


@pytest.fixture
def kraken():
    """A Kraken where nobody trades but its two accounts."""
    running = Venue("--market", "empty", *BPS, accounts=KRAKEN_ACCOUNTS, dialect="kraken")
    yield running
    running.stop()


@pytest.fixture
def busy_kraken():
    """A Kraken with a market around the accounts."""
    running = Venue("--market", "synthetic:7", *BPS, accounts=KRAKEN_ACCOUNTS, dialect="kraken")
    time.sleep(2)
    yield running
    running.stop()
