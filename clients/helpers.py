"""How the clients are pointed at a running exchange, by their own configuration alone."""

import urllib.parse

import ccxt
import ccxt.pro

from conftest import KEY, MAKER_KEY, MAKER_SECRET, SECRET


def moved(urls, venue):
    """The same paths at the exchange's address: nothing may leave this machine."""
    if isinstance(urls, dict):
        return {name: moved(url, venue) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urllib.parse.urlsplit(urls)
    base = venue.ws if parts.scheme.startswith("ws") else venue.http
    return base + parts.path


def settings(exchange_class, venue, key, secret, **options):
    api = moved(exchange_class().urls["api"], venue)
    if "ws" in api:
        api["ws"]["spot"] = venue.ws + "/ws"
        api["ws"]["ws-api"] = {"spot": venue.ws + "/ws-api/v3"}
    return {
        "apiKey": key,
        "secret": secret,
        "enableRateLimit": False,
        "urls": {"api": api},
        "options": {
            "defaultType": "spot",
            "fetchMarkets": {"types": ["spot"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            **options,
        },
    }


def ccxt_binance(venue, key=KEY, secret=SECRET, **options):
    exchange = ccxt.binance(settings(ccxt.binance, venue, key, secret, **options))
    exchange.session.trust_env = False
    return exchange


def ccxt_maker(venue):
    return ccxt_binance(venue, MAKER_KEY, MAKER_SECRET)


def ccxt_pro(venue, key=KEY, secret=SECRET):
    return ccxt.pro.binance(settings(ccxt.pro.binance, venue, key, secret))


def quote(maker, bid=59_990, ask=60_010, qty=2):
    """Puts a two-sided market on an empty book."""
    maker.create_order("BTC/USDT", "limit", "buy", qty, bid)
    maker.create_order("BTC/USDT", "limit", "sell", qty, ask)
