"""CCXT's kraken over REST."""

import time

import ccxt
import pytest

from conftest import BPS, KEY, KRAKEN_ACCOUNTS, KRAKEN_SECRET
from kraken_helpers import BTC, ccxt_kraken, ccxt_maker, quote


def test_a_client_with_nothing_but_other_addresses(kraken):
    exchange = ccxt_kraken(kraken)
    market = exchange.load_markets()[BTC]
    assert market["spot"] and market["active"]
    assert (market["id"], market["altname"]) == ("XXBTZUSD", "XBTUSD")
    assert (market["maker"], market["taker"]) == (0.001, 0.002)
    assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 1e-8}
    assert {"BTC", "USD"} <= set(exchange.currencies)
    assert abs(exchange.fetch_time() - time.time() * 1000) < 2000
    assert exchange.fetch_status()["status"] == "ok"
    assert exchange.fetch_balance()["total"] == {"BTC": 1.0, "USD": 10_000.0}
    assert exchange.fetch_trading_fee(BTC)["taker"] == 0.002


def test_public_data_agrees_with_itself(busy_kraken):
    exchange = ccxt_kraken(busy_kraken)
    book = exchange.fetch_order_book(BTC, 20)
    assert len(book["bids"]) == 20 and book["bids"][0][0] < book["asks"][0][0]
    trades = exchange.fetch_trades(BTC, limit=50)
    ids = [int(trade["id"]) for trade in trades]
    assert len(ids) >= 3 and ids == sorted(ids)
    since = exchange.fetch_trades(BTC, since=trades[1]["timestamp"])
    assert since[0]["timestamp"] >= trades[1]["timestamp"]
    ticker = exchange.fetch_ticker(BTC)
    assert ticker["bid"] < ticker["ask"] and ticker["last"] > 0
    assert exchange.fetch_tickers([BTC])[BTC]["last"] > 0
    candles = exchange.fetch_ohlcv(BTC, "1m", limit=5)
    assert candles and all(low <= min(o, c) and high >= max(o, c) for _, o, high, low, c, _ in candles)


def test_an_order_lives_and_agrees_with_the_oracle(kraken):
    trader, maker = ccxt_kraken(kraken), ccxt_maker(kraken)
    quote(maker, ask=60_000)
    order = trader.create_order(BTC, "limit", "buy", 0.1, 59_000, {"clientOrderId": "mine-1"})
    assert (order["side"], order["amount"], order["price"]) == ("buy", 0.1, 59_000.0)
    # Price, and the taker's fee on it: 5900 and 11.8.
    assert trader.fetch_balance()["USD"] == {"free": 4088.2, "used": 5911.8, "total": 10_000.0}
    opened = trader.fetch_open_orders(BTC)
    assert [(o["id"], o["clientOrderId"]) for o in opened] == [(order["id"], "mine-1")]
    found = trader.fetch_order(order["id"])
    assert (found["status"], found["remaining"], found["type"]) == ("open", 0.1, "limit")
    assert trader.cancel_order(order["id"])["info"]["result"]["count"] == 1
    assert trader.fetch_order(order["id"])["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        trader.cancel_order(order["id"])
    assert trader.fetch_open_orders(BTC) == []

    bought = trader.create_order(BTC, "market", "buy", 0.05)
    bought = trader.fetch_order(bought["id"])
    assert (bought["status"], bought["average"], bought["filled"]) == ("closed", 60_000.0, 0.05)
    assert float(bought["fee"]["cost"]) == 6.0 and bought["fee"]["currency"] == "USD"
    fills = trader.fetch_my_trades(BTC)
    assert [(f["amount"], f["price"], f["takerOrMaker"]) for f in fills] == [(0.05, 60_000.0, "taker")]
    assert [f["order"] for f in fills] == [bought["id"]]
    assert trader.fetch_order_trades(bought["id"], BTC, params={"trades": bought["trades"]})[0]["id"] == fills[0]["id"]
    closed = trader.fetch_closed_orders(BTC)
    assert {o["id"] for o in closed} == {order["id"], bought["id"]}
    state = kraken.state()
    mine = [f for f in state["fills"] if f["account"] == "account-1"]
    assert [(f["qty"], f["price"], f["fee"], f["fee_asset"]) for f in mine] == [("0.05", "60000", "6", "USD")]
    balance, oracle = trader.fetch_balance(), state["balances"]["account-1"]
    assert balance["BTC"]["total"] == 1.05 and balance["USD"]["total"] == 6994.0
    assert float(oracle["USD"]["free"]) == balance["USD"]["free"]


def test_every_kind_of_order(kraken):
    trader, maker = ccxt_kraken(kraken), ccxt_maker(kraken)
    quote(maker)

    def place(*args, **params):
        return trader.fetch_order(trader.create_order(BTC, *args, params)["id"])

    sold = place("market", "sell", 0.01, None)
    assert (sold["status"], sold["filled"], sold["average"]) == ("closed", 0.01, 59_990.0)
    taken = place("limit", "buy", 0.01, 60_010, timeInForce="IOC")
    assert (taken["status"], taken["filled"]) == ("closed", 0.01)
    missed = place("limit", "buy", 0.01, 59_995, timeInForce="IOC")
    assert (missed["status"], missed["filled"]) == ("canceled", 0.0)
    passive = place("limit", "buy", 0.01, 59_000, postOnly=True)
    assert (passive["status"], passive["postOnly"]) == ("open", True)
    stop = place("market", "sell", 0.01, None, stopLossPrice=58_500)
    assert (stop["status"], stop["stopLossPrice"]) == ("open", 58_500.0)
    cost = trader.create_market_buy_order_with_cost(BTC, 120.02)
    assert trader.fetch_order(cost["id"])["filled"] == pytest.approx(0.002, rel=0.01)
    assert trader.cancel_orders([passive["id"], stop["id"]])[0]["info"]["result"]["count"] == 2
    left = place("limit", "buy", 0.01, 58_000)
    assert left["status"] == "open"
    assert trader.cancel_all_orders()[0]["info"]["result"]["count"] == 1
    assert trader.fetch_open_orders(BTC) == []


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"volume": "5"}, ccxt.InsufficientFunds, "EOrder:Insufficient funds"),
        ({"volume": "0.000000001"}, ccxt.ExchangeError, "EGeneral:Invalid arguments:volume"),
        ({"price": "59000.001"}, ccxt.ExchangeError, "EOrder:Invalid price"),
        ({"volume": "0.00000001"}, ccxt.ExchangeError, "EOrder:Cost minimum not met"),
        ({"price": "60010", "oflags": "post"}, ccxt.ExchangeError, "EOrder:Post only order"),
        ({"pair": "NOTHING"}, ccxt.ExchangeError, "EQuery:Unknown asset pair"),
        ({"ordertype": "iceberg"}, ccxt.ExchangeError, "EGeneral:Invalid arguments:ordertype"),
        ({"cl_ord_id": "x" * 19}, ccxt.ExchangeError, "EGeneral:Invalid arguments:cl_ord_id"),
    ],
)
def test_what_is_refused_and_in_which_words(kraken, changes, error, words):
    trader = ccxt_kraken(kraken)
    quote(ccxt_maker(kraken))
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "59000"}
    with pytest.raises(error, match=words):
        trader.private_post_addorder({**order, **changes})
    assert trader.fetch_open_orders() == []


def test_keys_and_nonces(start_venue):
    venue = start_venue(
        "--market", "empty", *BPS, "--scopes", f"{KEY}=view", accounts=KRAKEN_ACCOUNTS, dialect="kraken"
    )
    trader = ccxt_kraken(venue)
    with pytest.raises(ccxt.PermissionDenied):
        trader.create_order(BTC, "limit", "buy", 0.01, 59_000)
    rights = trader.private_post_getapikeyinfo() if hasattr(trader, "private_post_getapikeyinfo") else None
    assert rights is None or "modify-trades" not in rights["result"]["permissions"]
    with pytest.raises(ccxt.AuthenticationError):
        ccxt_kraken(venue, key="nobody").fetch_balance()
    other = KRAKEN_SECRET.replace("AAEC", "AAED")
    # CCXT has no class of its own for this one.
    with pytest.raises(ccxt.ExchangeError, match="EAPI:Invalid signature"):
        ccxt_kraken(venue, secret=other).fetch_balance()
    # Somebody else with this key is ahead: its nonce is a time far from now.
    ahead = ccxt_kraken(venue)
    ahead.incrementing_nonce = lambda: 10**19
    ahead.fetch_balance()
    with pytest.raises(ccxt.InvalidNonce):
        trader.fetch_balance()


def test_young_orders_are_dear_to_cancel(kraken):
    """The pages' own example, as far as a test has time: cancels of young orders cost eight each."""
    trader = ccxt_kraken(kraken)
    ids = [trader.create_order(BTC, "limit", "buy", 0.001, 50_000 + n)["id"] for n in range(20)]
    canceled = 0
    with pytest.raises(ccxt.DDoSProtection, match="EOrder:Rate limit exceeded"):
        for order in ids:
            trader.cancel_order(order)
            canceled += 1
    assert 12 <= canceled <= 16
    # What takes all back is not counted so.
    assert trader.cancel_all_orders()[0]["info"]["result"]["count"] == 20 - canceled


def test_the_dead_man_timer(kraken):
    trader = ccxt_kraken(kraken)
    order = trader.create_order(BTC, "limit", "buy", 0.01, 59_000)
    told = trader.cancel_all_orders_after(2_000)["result"]
    assert told["triggerTime"] > told["currentTime"]
    time.sleep(1)
    trader.cancel_all_orders_after(2_000)
    time.sleep(1.2)
    assert trader.fetch_order(order["id"])["status"] == "open", "it was wound up"
    time.sleep(1.5)
    assert trader.fetch_order(order["id"])["status"] == "canceled"
    again = trader.create_order(BTC, "limit", "buy", 0.01, 59_000)
    trader.cancel_all_orders_after(1_000)
    trader.cancel_all_orders_after(0)
    time.sleep(1.5)
    assert trader.fetch_order(again["id"])["status"] == "open", "it was disarmed"
