"""python-binance: REST, depth cache, user stream."""

import asyncio

import pytest
from binance import AsyncClient, BinanceSocketManager, Client
from binance.client import BaseClient
from binance.exceptions import BinanceAPIException
from binance.ws.depthcache import DepthCacheManager

from conftest import KEY, SECRET
from helpers import ccxt_maker, quote

BTC = "BTCUSDT"


@pytest.fixture(autouse=True)
def addresses(request, monkeypatch):
    """The client's own class attributes are the way to point it elsewhere."""
    name = "busy_venue" if "busy_venue" in request.fixturenames else "venue"
    venue = request.getfixturevalue(name)
    monkeypatch.setattr(BaseClient, "API_URL", venue.http + "/api")
    monkeypatch.setattr(BaseClient, "MARGIN_API_URL", venue.http + "/sapi")
    monkeypatch.setattr(BaseClient, "WS_API_URL", venue.ws + "/ws-api/v3")
    monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", venue.ws + "/")


def client():
    client = Client(KEY, SECRET)
    client.session.trust_env = False
    return client


def test_trading_over_rest(venue):
    trader = client()
    quote(ccxt_maker(venue))
    info = trader.get_symbol_info(BTC)
    assert {f["filterType"] for f in info["filters"]} >= {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"}
    order = trader.order_limit_buy(symbol=BTC, quantity="0.1", price="59000")
    assert order["status"] == "NEW"
    assert trader.get_order(symbol=BTC, orderId=order["orderId"])["clientOrderId"] == order["clientOrderId"]
    assert trader.get_asset_balance(asset="USDT")["locked"] == "5900.00000000"
    replaced = trader.cancel_replace_order(
        symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=order["orderId"], quantity="0.1", price="58000",
    )
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert len(trader.get_open_orders(symbol=BTC)) == 1
    trader.cancel_order(symbol=BTC, orderId=replaced["newOrderResponse"]["orderId"])
    filled = trader.order_market_buy(symbol=BTC, quantity="0.05")
    assert filled["fills"][0]["commissionAsset"] == "BTC"
    assert trader.get_my_trades(symbol=BTC)[0]["orderId"] == filled["orderId"]
    assert trader.create_test_order(symbol=BTC, side="BUY", type="MARKET", quantity="0.01") == {}
    assert trader.get_trade_fee(symbol=BTC)[0]["makerCommission"] == "0.001"
    assert trader.get_klines(symbol=BTC, interval="1m")


@pytest.mark.parametrize(
    ("order", "code", "text"),
    [
        ({"quantity": "9", "price": "59000"}, -2010, "Account has insufficient balance for requested action."),
        ({"quantity": "0.0000001", "price": "59000"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.1", "price": "59000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"quantity": "0.1"}, -1102, "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
    ],
)
def test_errors_carry_the_code_and_the_words(venue, order, code, text):
    quote(ccxt_maker(venue))
    with pytest.raises(BinanceAPIException) as caught:
        client().create_order(symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", **order)
    assert (caught.value.code, caught.value.message) == (code, text)


def test_listen_keys_are_gone_unless_asked_for(venue, start_venue, monkeypatch):
    with pytest.raises(BinanceAPIException) as caught:
        client().stream_get_listen_key()
    assert caught.value.status_code == 410
    old = start_venue("--market", "empty", "--legacy-listen-key")
    monkeypatch.setattr(BaseClient, "API_URL", old.http + "/api")
    key = client().stream_get_listen_key()
    assert len(key) >= 60
    client().stream_keepalive(key)


def test_the_depth_cache_agrees_with_rest(busy_venue):
    async def scenario():
        trader = await AsyncClient.create(KEY, SECRET)
        try:
            manager = DepthCacheManager(trader, symbol=BTC, limit=1000, ws_interval=100)
            async with manager as stream:
                for _ in range(50):
                    cache = await asyncio.wait_for(stream.recv(), 20)
                    assert cache.get_bids()[0][0] < cache.get_asks()[0][0]
                book = await trader.get_order_book(symbol=BTC, limit=1000)
                assert len(cache.get_bids()) == pytest.approx(len(book["bids"]), abs=5)
                assert cache.get_bids()[0][0] == pytest.approx(float(book["bids"][0][0]), rel=0.001)
        finally:
            await trader.close_connection()

    asyncio.run(asyncio.wait_for(scenario(), 80))


def test_the_user_stream_tells_what_happens(venue):
    quote(ccxt_maker(venue))

    async def scenario():
        trader = await AsyncClient.create(KEY, SECRET)
        events = []
        try:
            async with BinanceSocketManager(trader).user_socket() as stream:
                await trader.order_limit_buy(symbol=BTC, quantity="0.1", price="60010")
                while not any(e.get("e") == "outboundAccountPosition" for e in events):
                    message = await asyncio.wait_for(stream.recv(), 10)
                    events.append(message.get("event", message))
        finally:
            await trader.close_connection()
        kinds = [e.get("x") for e in events if e.get("e") == "executionReport"]
        assert kinds == ["NEW", "TRADE"], events

    asyncio.run(asyncio.wait_for(scenario(), 60))
