"""CCXT's coinbase over REST."""

import time

import ccxt
import pytest

from coinbase_helpers import BTC, ccxt_coinbase, ccxt_maker, quote
from conftest import BPS, COINBASE_KEY, ED25519_SECRET, EC_PEM

# Another made-up key: the private scalar is the bytes 02 03 … 21.
OTHER_PEM = """-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhoAoGCCqGSM49
AwEHoUQDQgAErEbSlT2/WgCEFv9AaqySnDKpHtYv1RXRfUgoJ3OhSX4thQ9N/QKw
bWnT/TWSVZ0hfXPKVnCwL7tpLjz5XAdsNw==
-----END EC PRIVATE KEY-----
"""


def test_a_client_with_nothing_but_other_addresses(coinbase):
    exchange = ccxt.coinbase(
        {
            "apiKey": COINBASE_KEY,
            "secret": EC_PEM,
            "urls": {"api": {"rest": coinbase.http, "ws": coinbase.ws}},
        }
    )
    exchange.session.trust_env = False
    market = exchange.load_markets()[BTC]
    assert market["spot"] and market["active"]
    assert (market["id"], market["maker"], market["taker"]) == ("BTC-USD", 0.001, 0.002)
    assert market["precision"] == {**market["precision"], "price": 0.01, "amount": 1e-8}
    assert market["limits"]["cost"]["min"] == 1.0
    assert {"BTC", "USD"} <= set(exchange.currencies)
    assert abs(exchange.fetch_time() - time.time() * 1000) < 2000
    assert exchange.fetch_balance()["total"] == {"BTC": 1.0, "USD": 10_000.0}
    order = exchange.create_order(BTC, "limit", "buy", 0.01, 59_000)
    assert exchange.fetch_order(order["id"])["status"] == "open"
    # By itself it asks the older API, which does not tell what is set aside.
    assert exchange.fetch_balance()["BTC"]["total"] == 1.0
    exchange.options["fetchBalance"] = "v3PrivateGetBrokerageAccounts"
    assert exchange.fetch_balance()["USD"]["used"] == 591.18
    assert exchange.v2_public_get_exchange_rates()["data"]["currency"] == "USD"


def test_public_data_agrees_with_itself(busy_coinbase):
    exchange = ccxt_coinbase(busy_coinbase)
    time.sleep(1.5)
    book = exchange.fetch_order_book(BTC, 20)
    assert len(book["bids"]) == 20 and book["bids"][0][0] < book["asks"][0][0]
    trades = exchange.fetch_trades(BTC, limit=50)
    ids = [int(trade["id"]) for trade in trades]
    assert len(ids) >= 3 and ids in (sorted(ids), sorted(ids, reverse=True))
    ticker = exchange.fetch_ticker(BTC)
    assert ticker["bid"] < ticker["ask"] and ticker["last"] > 0
    assert exchange.fetch_bids_asks([BTC])[BTC]["bid"] > 0
    assert exchange.fetch_tickers([BTC])[BTC]["last"] > 0
    candles = exchange.fetch_ohlcv(BTC, "1m", limit=5)
    assert candles and all(low <= min(o, c) and high >= max(o, c) for _, o, high, low, c, _ in candles)
    coarse = exchange.v3_public_get_brokerage_market_product_book(
        {"product_id": "BTC-USD", "limit": 5, "aggregation_price_increment": "10"}
    )["pricebook"]
    assert all(float(level["price"]) % 10 == 0 for level in coarse["bids"] + coarse["asks"])
    assert float(coarse["bids"][0]["price"]) < float(coarse["asks"][0]["price"])


def test_an_order_lives_and_agrees_with_the_oracle(coinbase):
    trader, maker = ccxt_coinbase(coinbase), ccxt_maker(coinbase)
    quote(maker, ask=60_000)
    order = trader.create_order(BTC, "limit", "buy", 0.1, 59_000, {"client_order_id": "mine-1"})
    assert order["clientOrderId"] == "mine-1"
    # Price, and the taker's fee on it: 5900 and 11.8.
    assert trader.fetch_balance()["USD"] == {"free": 4088.2, "used": 5911.8, "total": 10_000.0}
    assert [o["id"] for o in trader.fetch_open_orders(BTC)] == [order["id"]]
    found = trader.fetch_order(order["id"])
    assert (found["remaining"], found["price"], found["type"]) == (0.1, 59_000.0, "limit")
    assert found["info"]["outstanding_hold_amount"] == "5911.8"
    assert trader.cancel_order(order["id"])["info"]["success"] is True
    assert trader.fetch_order(order["id"])["status"] == "canceled"
    assert trader.fetch_open_orders(BTC) == []
    assert [o["id"] for o in trader.fetch_canceled_orders(BTC)] == [order["id"]]

    bought = trader.create_order(BTC, "market", "buy", None, None, {"cost": 3006})
    bought = trader.fetch_order(bought["id"])
    assert (bought["status"], bought["average"], bought["filled"]) == ("closed", 60_000.0, 0.05)
    assert float(bought["fee"]["cost"]) == 6.0
    fills = trader.fetch_my_trades(BTC)
    assert [(f["amount"], f["price"], f["takerOrMaker"]) for f in fills] == [(0.05, 60_000.0, "taker")]
    assert fills[0]["fee"] == {"currency": "USD", "cost": 6.0}
    state = coinbase.state()
    mine = [f for f in state["fills"] if f["account"] == "account-1"]
    assert [(f["qty"], f["price"], f["fee"], f["fee_asset"]) for f in mine] == [
        ("0.05", "60000", "6", "USD")
    ]
    balance, oracle = trader.fetch_balance(), state["balances"]["account-1"]
    assert balance["BTC"]["total"] == 1.05 and balance["USD"]["total"] == 6994.0
    assert float(oracle["BTC"]["free"]) == balance["BTC"]["free"]
    assert float(oracle["USD"]["free"]) == balance["USD"]["free"]


def test_every_kind_of_order(coinbase):
    trader, maker = ccxt_coinbase(coinbase), ccxt_maker(coinbase)
    quote(maker)

    def place(*args, **params):
        return trader.fetch_order(trader.create_order(BTC, *args, params)["id"])

    sold = place("market", "sell", 0.01, None)
    assert (sold["status"], sold["filled"], sold["average"]) == ("closed", 0.01, 59_990.0)
    taken = place("limit", "buy", 0.01, 60_010, timeInForce="IOC")
    assert (taken["status"], taken["filled"], taken["timeInForce"]) == ("closed", 0.01, "IOC")
    missed = place("limit", "buy", 0.01, 59_995, timeInForce="IOC")
    assert (missed["status"], missed["filled"]) == ("canceled", 0.0)
    fok = place("limit", "buy", 0.01, 59_995, timeInForce="FOK")
    assert (fok["status"], fok["filled"]) == ("canceled", 0.0)
    passive = place("limit", "buy", 0.01, 59_000, postOnly=True)
    assert (passive["status"], passive["postOnly"]) == ("open", True)
    stop = place("limit", "sell", 0.01, 58_000, stopLossPrice=58_500)
    assert (stop["status"], stop["triggerPrice"], stop["price"]) == ("open", 58_500.0, 58_000.0)
    assert stop["info"]["trigger_status"] == "STOP_PENDING"
    profit = place("limit", "sell", 0.01, 61_000, takeProfitPrice=60_900)
    assert profit["info"]["order_configuration"]["stop_limit_stop_limit_gtc"]["stop_direction"] == (
        "STOP_DIRECTION_STOP_UP"
    )
    end = trader.iso8601(trader.milliseconds() + 1500)
    dated = place("limit", "buy", 0.01, 58_900, timeInForce="GTD", end_time=end)
    assert (dated["status"], dated["timeInForce"]) == ("open", "GTD")
    assert len(trader.fetch_open_orders(BTC)) == 4
    wait_for(lambda: trader.fetch_order(dated["id"])["info"]["status"] == "EXPIRED")
    canceled = trader.cancel_orders([passive["id"], stop["id"], profit["id"]])
    assert [o["info"]["success"] for o in canceled] == [True] * 3
    assert trader.fetch_open_orders(BTC) == []
    statuses = {o["info"]["status"] for o in trader.fetch_orders(BTC)}
    assert statuses == {"FILLED", "CANCELLED", "EXPIRED"}
    assert trader.fetch_balance()["USD"]["used"] == 0.0


def test_a_stop_wakes(coinbase):
    trader, maker = ccxt_coinbase(coinbase), ccxt_maker(coinbase)
    quote(maker)
    trader.create_order(BTC, "market", "sell", 0.001)
    stop = trader.create_order(BTC, "limit", "sell", 0.01, 58_000, {"stopLossPrice": 59_500})
    maker.cancel_orders([o["id"] for o in maker.fetch_open_orders(BTC)])
    quote(maker, 59_400, 59_600)
    trader.create_order(BTC, "market", "sell", 0.001)
    found = trader.fetch_order(stop["id"])
    assert (found["status"], found["average"]) == ("closed", 59_400.0)
    assert found["info"]["trigger_status"] == "STOP_TRIGGERED"


def test_a_preview_changes_nothing(coinbase):
    trader = ccxt_coinbase(coinbase)
    quote(ccxt_maker(coinbase))
    order = {
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {"limit_limit_gtc": {"base_size": "0.1", "limit_price": "59000"}},
    }
    preview = trader.v3_private_post_brokerage_orders_preview(order)
    assert (preview["order_total"], preview["commission_total"]) == ("5911.8", "11.8")
    assert (preview["errs"], preview["best_bid"], preview["best_ask"]) == ([], "59990", "60010")
    order["order_configuration"]["limit_limit_gtc"]["base_size"] = "1"
    preview = trader.v3_private_post_brokerage_orders_preview(order)
    assert preview["errs"] == ["PREVIEW_INSUFFICIENT_FUND"]
    assert trader.fetch_open_orders(BTC) == []
    assert trader.fetch_balance()["USD"]["free"] == 10_000.0


def raw(exchange, configuration=None, **changes):
    order = {
        "client_order_id": exchange.uuid(),
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": configuration
        or {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "59000"}},
        **changes,
    }
    return exchange.v3_private_post_brokerage_orders(order)


def limit(**changes):
    return {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "59000", **changes}}


@pytest.mark.parametrize(
    ("configuration", "changes", "error", "words"),
    [
        (limit(base_size="5"), {}, ccxt.InsufficientFunds, "PREVIEW_INSUFFICIENT_FUND"),
        (limit(base_size="0.000000001"), {}, ccxt.ExchangeError, "PREVIEW_INVALID_SIZE_PRECISION"),
        (limit(limit_price="59000.001"), {}, ccxt.ExchangeError, "PREVIEW_INVALID_PRICE_PRECISION"),
        (limit(base_size="0"), {}, ccxt.ExchangeError, "PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"),
        (limit(base_size="0.00000001"), {}, ccxt.ExchangeError, "PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"),
        (limit(base_size="much"), {}, ccxt.ExchangeError, "PREVIEW_NON_NUMERIC_ORDER_SIZE"),
        (limit(limit_price="60010", post_only=True), {}, ccxt.ExchangeError, "PREVIEW_INVALID_LIMIT_PRICE_POST_ONLY"),
        (limit(quote_size="5"), {}, ccxt.ExchangeError, "PREVIEW_INVALID_ORDER_CONFIG"),
        ({"twap_limit_gtd": {}}, {}, ccxt.ExchangeError, "UNSUPPORTED_ORDER_CONFIGURATION"),
        ({"market_market_ioc": {"quote_size": "0.5"}}, {}, ccxt.ExchangeError, "QUOTE_SIZE_TOO_SMALL"),
        ({"market_market_ioc": {"quote_size": "5.001"}}, {}, ccxt.ExchangeError, "QUOTE_SIZE_PRECISION"),
        (
            {"limit_limit_gtd": {"base_size": "0.01", "limit_price": "59000", "end_time": "2020-01-01T00:00:00Z"}},
            {},
            ccxt.ExchangeError,
            "PREVIEW_END_TIME_IS_IN_THE_PAST",
        ),
        (
            {
                "stop_limit_stop_limit_gtc": {
                    "base_size": "0.01",
                    "limit_price": "61000",
                    "stop_price": "61500",
                    "stop_direction": "STOP_DIRECTION_STOP_DOWN",
                }
            },
            {"side": "BUY"},
            ccxt.InvalidOrder,
            "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE",
        ),
        (None, {"product_id": "NOPE-USD"}, ccxt.ExchangeError, "PREVIEW_INVALID_PRODUCT_ID"),
        (None, {"side": "HOLD"}, ccxt.ExchangeError, "is not a valid value"),
        (None, {"client_order_id": ""}, ccxt.BadRequest, "client_order_id is required"),
    ],
)
def test_mistakes_have_types(coinbase, configuration, changes, error, words):
    trader = ccxt_coinbase(coinbase)
    quote(ccxt_maker(coinbase))
    trader.create_order(BTC, "market", "sell", 0.001)
    with pytest.raises(error, match=words) as caught:
        raw(trader, configuration, **changes)
    assert type(caught.value) is error
    assert trader.fetch_open_orders(BTC) == []


def test_a_market_order_needs_somebody_on_the_other_side(coinbase):
    with pytest.raises(ccxt.ExchangeError, match="PREVIEW_INVALID_NO_LIQUIDITY"):
        raw(ccxt_coinbase(coinbase), {"market_market_ioc": {"base_size": "0.01"}})


def test_what_is_not_there(coinbase):
    trader = ccxt_coinbase(coinbase)
    trader.load_markets()
    with pytest.raises(ccxt.ExchangeError, match="order with this orderID was not found"):
        trader.fetch_order("0dde0000-0000-4000-8000-000000001002")
    with pytest.raises(ccxt.BadRequest, match="cancelOrders"):
        trader.cancel_order("0dde0000-0000-4000-8000-000000001002")
    with pytest.raises(ccxt.ExchangeError, match="valid product_id is required"):
        trader.v3_public_get_brokerage_market_products_product_id({"product_id": "NOPE-USD"})
    answer = trader.v3_private_post_brokerage_orders_batch_cancel({"order_ids": ["nobody", "x"]})
    reasons = [(r["success"], r["failure_reason"], r["order_id"]) for r in answer["results"]]
    assert reasons == [(False, "UNKNOWN_CANCEL_ORDER", "nobody"), (False, "UNKNOWN_CANCEL_ORDER", "x")]
    with pytest.raises(ccxt.BadRequest, match="100"):
        trader.v3_private_post_brokerage_orders_batch_cancel({"order_ids": ["x"] * 101})


def test_an_id_names_its_first_order_for_ever(coinbase):
    trader = ccxt_coinbase(coinbase)
    first = raw(trader, client_order_id="once")["success_response"]
    again = raw(trader, client_order_id="once")
    assert again["success"] is True
    assert again["success_response"]["order_id"] == first["order_id"]
    assert len(trader.fetch_open_orders(BTC)) == 1
    trader.cancel_order(first["order_id"])
    # Another order under the same name is none, though it is echoed.
    late = raw(trader, limit(limit_price="1000"), client_order_id="once")
    assert late["success_response"]["order_id"] == first["order_id"]
    assert late["order_configuration"] == limit(limit_price="1000")
    assert trader.fetch_open_orders(BTC) == []
    # The name is the account's own.
    other = raw(ccxt_maker(coinbase), client_order_id="once")["success_response"]
    assert other["order_id"] != first["order_id"]


def test_an_edit_is_refused_in_coinbases_words(coinbase):
    trader = ccxt_coinbase(coinbase)
    order = trader.create_order(BTC, "limit", "buy", 0.01, 59_000)
    answer = trader.v3_private_post_brokerage_orders_edit(
        {"order_id": order["id"], "price": "58000", "size": "0.02"}
    )
    assert answer["success"] is False
    assert answer["errors"][0]["edit_failure_reason"] == "COMMANDER_REJECTED_EDIT_ORDER"
    assert trader.fetch_order(order["id"])["price"] == 59_000.0


def test_who_asks_must_be_known_and_in_time(coinbase):
    for key, secret in [
        ("organizations/o/apiKeys/stranger", EC_PEM),
        (COINBASE_KEY, OTHER_PEM),
    ]:
        exchange = ccxt_coinbase(coinbase, key, secret)
        with pytest.raises(ccxt.AuthenticationError):
            exchange.v3_private_get_brokerage_accounts()
    late = ccxt_coinbase(coinbase)
    url = f"{coinbase.http}/api/v3/brokerage/accounts"
    for seconds, good in [(-121, False), (-119, True), (2, False)]:
        token = late.create_auth_token(late.seconds() + seconds, "GET", url)
        late.headers = {"Authorization": f"Bearer {token}"}
        if good:
            assert late.v3_private_get_brokerage_accounts()["accounts"]
            continue
        with pytest.raises(ccxt.AuthenticationError, match="request timestamp expired"):
            late.v3_private_get_brokerage_accounts()
    # A token for one request is good for no other.
    token = late.create_auth_token(late.seconds(), "GET", url)
    late.headers = {"Authorization": f"Bearer {token}"}
    with pytest.raises(ccxt.AuthenticationError):
        late.v3_private_get_brokerage_key_permissions()


def test_ed25519_keys_are_taken(start_venue):
    accounts = [f"ed:{ED25519_SECRET}:10 USD"]
    venue = start_venue("--market", "empty", *BPS, accounts=accounts, dialect="coinbase")
    assert ccxt_coinbase(venue, "ed", ED25519_SECRET).fetch_balance()["USD"]["free"] == 10.0


def test_limits_are_counted_and_enforced(coinbase):
    trader = ccxt_coinbase(coinbase)
    trader.load_markets()
    time.sleep(1.1)
    trader.v3_private_get_brokerage_key_permissions()
    headers = trader.last_response_headers
    assert (headers["X-Ratelimit-Limit"], headers["X-Ratelimit-Remaining"]) == ("30", "29")
    with pytest.raises(ccxt.RateLimitExceeded, match="Too many requests"):
        for _ in range(60):
            trader.v3_private_get_brokerage_key_permissions()
    assert trader.last_response_headers["X-Ratelimit-Remaining"] == "0"
    # Another key, and the public paths, have limits of their own.
    ccxt_maker(coinbase).v3_private_get_brokerage_key_permissions()
    with pytest.raises(ccxt.RateLimitExceeded):
        for _ in range(20):
            trader.v3_public_get_brokerage_time()
    time.sleep(1.1)
    trader.v3_private_get_brokerage_key_permissions()


def test_lists_go_on_where_they_ended(coinbase):
    trader = ccxt_coinbase(coinbase)
    quote(ccxt_maker(coinbase))
    ids = [raw(trader, limit(base_size="0.001"))["success_response"]["order_id"] for _ in range(5)]
    trader.create_order(BTC, "market", "sell", 0.001)
    seen, cursor = [], None
    while cursor != "":
        ask = {"limit": 2, "order_status": "OPEN", **({"cursor": cursor} if cursor else {})}
        page = trader.v3_private_get_brokerage_orders_historical_batch(ask)
        seen += [order["order_id"] for order in page["orders"]]
        cursor = page["cursor"]
        assert page["has_next"] is (cursor != "")
    assert seen == ids[::-1]
    ask = {"product_ids": ["BTC-USD"], "order_side": "SELL", "order_types": "MARKET"}
    found = trader.v3_private_get_brokerage_orders_historical_batch(ask)["orders"]
    assert [order["side"] for order in found] == ["SELL"]
    wallets, cursor = [], None
    while cursor != "":
        page = trader.v3_private_get_brokerage_accounts({"limit": 1, **({"cursor": cursor} if cursor else {})})
        wallets += [wallet["currency"] for wallet in page["accounts"]]
        cursor = page["cursor"]
    assert wallets == ["BTC", "USD"]


def test_an_answer_that_is_lost_leaves_the_order_placed(coinbase):
    trader = ccxt_coinbase(coinbase)
    trader.load_markets()
    coinbase.fault(kind="drop_response", route="POST /api/v3/brokerage/orders", seconds=5)
    with pytest.raises(ccxt.NetworkError):
        raw(trader, client_order_id="lost-answer")
    coinbase.heal()
    found = trader.fetch_open_orders(BTC)
    assert [order["clientOrderId"] for order in found] == ["lost-answer"]
    # Saying it again is the right thing here: it names the same order.
    again = raw(trader, client_order_id="lost-answer")["success_response"]
    assert again["order_id"] == found[0]["id"]
    assert len(trader.fetch_open_orders(BTC)) == 1


def test_a_halted_exchange_takes_no_orders_and_one_that_only_cancels_lets_them_go(coinbase):
    trader = ccxt_coinbase(coinbase)
    order = trader.create_order(BTC, "limit", "buy", 0.01, 59_000)
    coinbase.fault(kind="cancel_only")
    wait_for(lambda: product(trader)["cancel_only"], pause=0.15)
    with pytest.raises(ccxt.ExchangeError, match="PREVIEW_NOT_ALLOWED_BY_MARKET_STATE"):
        raw(trader)
    assert trader.cancel_order(order["id"])["info"]["success"] is True
    coinbase.fault(kind="halted")
    wait_for(lambda: product(trader)["trading_disabled"], pause=0.15)
    with pytest.raises(ccxt.ExchangeError, match="PREVIEW_NOT_ALLOWED_BY_MARKET_STATE"):
        raw(trader)
    coinbase.heal()
    wait_for(lambda: not product(trader)["trading_disabled"], pause=0.15)
    raw(trader)


def product(exchange):
    return exchange.v3_private_get_brokerage_products_product_id({"product_id": "BTC-USD"})


def wait_for(condition, seconds=5, pause=0.1):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(pause)
