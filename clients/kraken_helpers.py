"""How CCXT's kraken is pointed at a running exchange, by its own configuration alone."""

import ccxt
import ccxt.pro

from conftest import KEY, KRAKEN_SECRET, MAKER_KEY

BTC = "BTC/USD"


def settings(venue, key, secret):
    """Only other addresses, and no throttle: the limits of the exchange are wide enough for a test."""
    streams = venue.ws + "/v2"
    api = {
        "public": venue.http,
        "private": venue.http,
        "ws": {
            "public": streams,
            "private": streams,
            "publicV2": streams,
            "privateV2": streams,
            "beta": streams,
        },
    }
    return {"apiKey": key, "secret": secret, "enableRateLimit": False, "urls": {"api": api}}


def ccxt_kraken(venue, key=KEY, secret=KRAKEN_SECRET):
    exchange = ccxt.kraken(settings(venue, key, secret))
    exchange.session.trust_env = False
    return exchange


def ccxt_maker(venue):
    return ccxt_kraken(venue, MAKER_KEY)


def ccxt_pro_kraken(venue, key=KEY, secret=KRAKEN_SECRET):
    return ccxt.pro.kraken(settings(venue, key, secret))


def quote(maker, bid=59_990, ask=60_010, qty=2):
    """Puts a two-sided market on an empty book."""
    maker.create_order(BTC, "limit", "buy", qty, bid)
    maker.create_order(BTC, "limit", "sell", qty, ask)
