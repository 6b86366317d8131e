"""How Coinbase's clients are pointed at a running exchange, by their own configuration alone."""

import ccxt
import ccxt.pro
import requests
from coinbase.rest import RESTClient

from conftest import COINBASE_KEY, COINBASE_MAKER_KEY, EC_PEM

BTC = "BTC/USD"


def settings(venue, key, secret, **options):
    """Only other addresses, and no throttle."""
    return {
        "apiKey": key,
        "secret": secret,
        "enableRateLimit": False,
        "urls": {"api": {"rest": venue.http, "ws": venue.ws}},
        "options": {
            "createMarketBuyOrderRequiresPrice": False,
            "fetchBalance": "v3PrivateGetBrokerageAccounts",
            "fetchTime": "v3PublicGetBrokerageTime",
            **options,
        },
        # Saves three public requests of the ten that an address has in a second.
        "has": {"fetchCurrencies": False},
    }


def ccxt_coinbase(venue, key=COINBASE_KEY, secret=EC_PEM, **options):
    exchange = ccxt.coinbase(settings(venue, key, secret, **options))
    exchange.session.trust_env = False
    return exchange


def ccxt_maker(venue):
    return ccxt_coinbase(venue, COINBASE_MAKER_KEY)


def ccxt_pro_coinbase(venue, key=COINBASE_KEY, secret=EC_PEM):
    return ccxt.pro.coinbase(settings(venue, key, secret))


class PlainHttp(requests.adapters.HTTPAdapter):
    """Carries what was meant for https to http: the client writes https before every address."""

    def send(self, request, **kwargs):
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **kwargs)


def sdk(venue, key=COINBASE_KEY, secret=EC_PEM, **kwargs):
    address = venue.http.removeprefix("http://")
    client = RESTClient(api_key=key, api_secret=secret, base_url=address, timeout=10, **kwargs)
    client.session.trust_env = False
    client.session.mount(f"https://{address}", PlainHttp())
    return client


def quote(maker, bid=59_990, ask=60_010, qty=2):
    """Puts a two-sided market on an empty book."""
    maker.create_order(BTC, "limit", "buy", qty, bid)
    maker.create_order(BTC, "limit", "sell", qty, ask)
