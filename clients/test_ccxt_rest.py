"""CCXT over REST."""

import time

import ccxt
import pytest

from conftest import KEY
from helpers import ccxt_binance, ccxt_maker, moved, quote

BTC = "BTC/USDT"


def test_markets_load_with_nothing_but_other_addresses(venue):
    exchange = ccxt.binance({"apiKey": KEY, "secret": "trader-secret"})
    exchange.urls["api"] = moved(exchange.urls["api"], venue)
    exchange.session.trust_env = False
    market = exchange.load_markets()[BTC]
    assert market["spot"] and market["active"]
    assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 0.00001}
    assert market["limits"]["cost"]["min"] == 5.0


def test_public_data_agrees_with_itself(busy_venue):
    exchange = ccxt_binance(busy_venue)
    assert abs(exchange.fetch_time() - time.time() * 1000) < 1000
    time.sleep(1.5)
    book = exchange.fetch_order_book(BTC, 20)
    assert len(book["bids"]) == 20 and book["bids"][0][0] < book["asks"][0][0]
    trades = exchange.fetch_trades(BTC, limit=50)
    ids = [int(trade["id"]) for trade in trades]
    assert ids == sorted(ids) and len(ids) >= 3
    raw = exchange.public_get_trades({"symbol": "BTCUSDT", "limit": 5})
    assert len(raw) == 5
    ticker = exchange.fetch_ticker(BTC)
    assert ticker["bid"] < ticker["ask"] and ticker["low"] <= ticker["last"] <= ticker["high"]
    assert exchange.fetch_bids_asks([BTC])[BTC]["bid"] > 0
    assert exchange.fetch_last_prices([BTC])[BTC]["price"] > 0
    candles = exchange.fetch_ohlcv(BTC, "1s", limit=5)
    assert all(low <= min(o, c) and high >= max(o, c) for _, o, high, low, c, _ in candles)
    assert exchange.fetch_tickers([BTC])[BTC]["baseVolume"] > 0


def test_an_order_lives_and_agrees_with_the_oracle(venue):
    trader, maker = ccxt_binance(venue), ccxt_maker(venue)
    quote(maker)
    order = trader.create_order(BTC, "limit", "buy", 0.1, 59_000, {"clientOrderId": "mine-1"})
    assert (order["status"], order["clientOrderId"]) == ("open", "mine-1")
    assert trader.fetch_balance()["USDT"] == {"free": 4100.0, "used": 5900.0, "total": 10000.0}
    assert [o["id"] for o in trader.fetch_open_orders(BTC)] == [order["id"]]
    assert trader.fetch_order(order["id"], BTC)["remaining"] == 0.1
    canceled = trader.cancel_order(order["id"], BTC)
    assert canceled["status"] == "canceled"
    assert trader.fetch_open_orders(BTC) == []

    bought = trader.create_order(BTC, "market", "buy", 0.05)
    assert (bought["status"], bought["average"]) == ("closed", 60_010.0)
    assert bought["fee"] == {"currency": "BTC", "cost": 0.00005}
    fills = trader.fetch_my_trades(BTC)
    assert [(f["amount"], f["price"], f["takerOrMaker"]) for f in fills] == [(0.05, 60_010.0, "taker")]
    state = venue.state()
    mine = [f for f in state["fills"] if f["account"] == "account-1"]
    assert [(f["qty"], f["price"], f["fee"]) for f in mine] == [("0.05", "60010", "0.00005")]
    balance = trader.fetch_balance()
    assert balance["BTC"]["total"] == pytest.approx(1.04995)
    oracle = state["balances"]["account-1"]
    assert float(oracle["BTC"]["free"]) == balance["BTC"]["free"]
    assert float(oracle["USDT"]["free"]) == balance["USDT"]["free"]


def test_every_kind_of_order(venue):
    trader, maker = ccxt_binance(venue), ccxt_maker(venue)
    quote(maker)
    trader.create_order(BTC, "market", "sell", 0.01)
    by_cost = trader.create_order(BTC, "market", "buy", None, None, {"cost": 600.1})
    assert by_cost["filled"] == pytest.approx(0.01)
    assert trader.create_order(BTC, "limit", "buy", 0.01, 60_010, {"timeInForce": "IOC"})["filled"] == 0.01
    fok = trader.create_order(BTC, "limit", "buy", 0.01, 59_995, {"timeInForce": "FOK"})
    assert (fok["status"], fok["filled"]) == ("expired", 0.0)
    passive = trader.create_order(BTC, "limit", "buy", 0.01, 59_000, {"postOnly": True})
    assert passive["info"]["type"] == "LIMIT_MAKER" if "type" in passive["info"] else passive["id"]
    stop = trader.create_order(BTC, "limit", "sell", 0.01, 58_000, {"stopLossPrice": 58_500})
    found = trader.fetch_order(stop["id"], BTC)
    assert (found["info"]["type"], found["triggerPrice"]) == ("STOP_LOSS_LIMIT", 58_500.0)
    edited = trader.edit_order(passive["id"], BTC, "limit", "buy", 0.02, 58_900)
    assert edited["amount"] == 0.02
    assert len(trader.fetch_open_orders(BTC)) == 2
    trader.cancel_all_orders(BTC)
    assert trader.fetch_open_orders(BTC) == []
    assert {o["status"] for o in trader.fetch_orders(BTC)} <= {"closed", "canceled", "expired"}
    trader.create_order(BTC, "limit", "buy", 0.01, 59_000, {"test": True})
    assert trader.fetch_open_orders(BTC) == []
    fees = trader.fetch_trading_fee(BTC)
    assert (fees["maker"], fees["taker"]) == (0.001, 0.001)


def raw(exchange, **changes):
    order = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.01", "price": "59000", **changes,
    }
    return exchange.private_post_order({name: value for name, value in order.items() if value})


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"quantity": "5"}, ccxt.InsufficientFunds, "insufficient balance"),
        ({"quantity": "0.000001"}, ccxt.InvalidOrder, "LOT_SIZE"),
        ({"price": "59000.001"}, ccxt.InvalidOrder, "PRICE_FILTER"),
        ({"price": "500"}, ccxt.InvalidOrder, "PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.00001"}, ccxt.BadRequest, "NOTIONAL"),
        ({"symbol": "NOPEUSDT"}, ccxt.BadSymbol, "-1121"),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "60010"}, ccxt.OrderImmediatelyFillable, "match and take"),
        ({"type": "HOPE"}, ccxt.BadRequest, "-1116"),
        ({"side": "HOLD"}, ccxt.BadRequest, "-1117"),
        ({"timeInForce": "GTT"}, ccxt.BadRequest, "-1115"),
        ({"price": None}, ccxt.BadRequest, "-1102"),
        ({"price": "59000.123456789"}, ccxt.BadRequest, "-1111"),
        ({"stopPrice": "1"}, ccxt.BadRequest, "-1106"),
        ({"newClientOrderId": "no spaces"}, ccxt.BadRequest, "-1100"),
    ],
)
def test_mistakes_have_types(venue, changes, error, words):
    trader = ccxt_binance(venue)
    quote(ccxt_maker(venue))
    # Something has traded, so that there is a price to measure by.
    trader.create_order(BTC, "market", "buy", 0.001)
    with pytest.raises(error, match=words) as caught:
        raw(trader, **changes)
    assert type(caught.value) is error


def test_orders_that_are_not_there(venue):
    trader = ccxt_binance(venue)
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        trader.fetch_order("12345", BTC)
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        trader.cancel_order("12345", BTC)


def test_an_id_is_taken_only_while_its_order_is_open(venue):
    trader = ccxt_binance(venue)
    first = raw(trader, newClientOrderId="once")
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        raw(trader, newClientOrderId="once")
    trader.cancel_order(first["orderId"], BTC)
    second = raw(trader, newClientOrderId="once")
    assert second["orderId"] != first["orderId"]


def test_who_asks_must_be_known_and_in_time(venue):
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        ccxt_binance(venue, key="stranger").fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        ccxt_binance(venue, secret="wrong").fetch_balance()
    late = ccxt_binance(venue, timeDifference=20_000)
    with pytest.raises(ccxt.InvalidNonce, match="outside of the recvWindow"):
        late.fetch_balance()
    early = ccxt_binance(venue, timeDifference=-5_000)
    with pytest.raises(ccxt.InvalidNonce, match="ahead of the server"):
        early.fetch_balance()


def test_limits_are_counted_and_enforced(venue):
    trader = ccxt_binance(venue)
    trader.load_markets()
    trader.public_get_depth({"symbol": "BTCUSDT", "limit": 5000})
    before = int(trader.last_response_headers["X-Mbx-Used-Weight-1m"])
    raw(trader)
    headers = trader.last_response_headers
    assert int(headers["X-Mbx-Used-Weight-1m"]) == before, "an order that works is free"
    assert headers["X-Mbx-Order-Count-10s"] == "1"
    with pytest.raises(ccxt.DDoSProtection, match="-1003"):
        for _ in range(40):
            trader.public_get_depth({"symbol": "BTCUSDT", "limit": 5000})
    assert 1 <= int(trader.last_response_headers["Retry-After"]) <= 60
    with pytest.raises(ccxt.DDoSProtection, match="IP banned until"):
        for _ in range(40):
            try:
                trader.public_get_depth({"symbol": "BTCUSDT", "limit": 5000})
            except ccxt.DDoSProtection as error:
                if "418" in str(error) or "banned" in str(error):
                    raise


def test_too_many_orders(venue):
    trader = ccxt_binance(venue)
    with pytest.raises(ccxt.DDoSProtection, match="Too many new orders"):
        for _ in range(102):
            raw(trader, quantity="0.0001")


def test_ed25519_keys_are_taken(start_venue, tmp_path):
    pem = tmp_path / "key.pem"
    pem.write_text(
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VwBCIEIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g\n"
        "-----END PRIVATE KEY-----\n"
    )
    venue = start_venue("--market", "empty", accounts=[f"ed:@{pem}:10 USDT"])
    assert ccxt_binance(venue, "ed", pem.read_text()).fetch_balance()["USDT"]["free"] == 10.0


def test_an_answer_that_is_lost_leaves_the_order_placed(venue):
    trader = ccxt_binance(venue)
    venue.fault(kind="drop_response", route="POST /api/v3/order", seconds=5)
    with pytest.raises(ccxt.NetworkError):
        raw(trader, newClientOrderId="lost-answer")
    assert [o["clientOrderId"] for o in trader.fetch_open_orders(BTC)] == ["lost-answer"]


def test_a_halted_exchange_takes_no_orders_and_one_that_only_cancels_lets_them_go(venue):
    trader = ccxt_binance(venue)
    order = trader.create_order(BTC, "limit", "buy", 0.01, 59_000)
    venue.fault(kind="cancel_only")
    wait_for(lambda: trader.fetch_markets()[0]["info"]["status"] == "CANCEL_ONLY")
    with pytest.raises(ccxt.MarketClosed):
        raw(trader)
    assert trader.cancel_order(order["id"], BTC)["status"] == "canceled"
    venue.fault(kind="halted")
    wait_for(lambda: trader.fetch_markets()[0]["info"]["status"] == "HALT")
    with pytest.raises(ccxt.MarketClosed):
        raw(trader)
    venue.heal()
    wait_for(lambda: trader.fetch_markets()[0]["info"]["status"] == "TRADING")
    assert raw(trader)["status"] == "NEW"


def test_funds_that_come_and_go(venue):
    trader = ccxt_binance(venue)
    venue.transfer("account-1", "USDT", "500")
    venue.transfer("account-1", "BTC", "-0.25")
    balance = trader.fetch_balance()
    assert (balance["USDT"]["free"], balance["BTC"]["free"]) == (10_500.0, 0.75)


def wait_for(condition, seconds=5):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(0.02)
