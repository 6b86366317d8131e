"""Coinbase's own client, coinbase-advanced-py: REST, market and user channels."""

import datetime
import json
import queue
import time

import pytest
from coinbase.websocket import WSClient, WSUserClient, WebsocketResponse
from requests.exceptions import HTTPError

from coinbase_helpers import ccxt_maker, quote, sdk
from conftest import BPS, COINBASE_KEY, ED25519_SECRET, EC_PEM

BTC = "BTC-USD"


def placed(reply):
    assert reply.success, reply.to_dict()
    return reply.success_response["order_id"]


def test_public_answers_and_their_private_twins(busy_coinbase):
    client = sdk(busy_coinbase)
    time.sleep(1.5)
    assert abs(int(client.get_unix_time().epoch_millis) - time.time() * 1000) < 2000
    for products in (client.get_public_products(), client.get_products()):
        assert [product.product_id for product in products.products] == [BTC]
    product = client.get_product(BTC)
    assert (product.price_increment, product.base_increment) == ("0.01", "0.00000001")
    assert (product.quote_min_size, product.status) == ("1", "online")
    book = client.get_product_book(BTC, limit=5).pricebook
    assert len(book.bids) == 5 and float(book.bids[0]["price"]) < float(book.asks[0]["price"])
    assert client.get_best_bid_ask([BTC]).pricebooks[0].product_id == BTC
    trades = client.get_market_trades(BTC, limit=10)
    ids = [int(trade.trade_id) for trade in trades.trades]
    assert ids == sorted(ids, reverse=True) and float(trades.best_bid) > 0
    now = int(time.time())
    candles = client.get_candles(BTC, str(now - 3600), str(now), "ONE_MINUTE").candles
    assert candles and float(candles[0].low) <= float(candles[0].high)
    with pytest.raises(HTTPError, match="404 Client Error.*valid product_id is required"):
        client.get_product("NOPE-USD")
    with pytest.raises(HTTPError, match="400 Client Error.*is not a valid value"):
        client.get_candles(BTC, str(now - 60), str(now), "ONE_BLINK")


def test_every_kind_of_order(coinbase):
    client = sdk(coinbase)
    quote(ccxt_maker(coinbase))

    def order(reply):
        return client.get_order(placed(reply)).order

    bought = order(client.market_order_buy("a-1", BTC, quote_size="601.30"))
    assert (bought.status, bought.order_type) == ("FILLED", "MARKET")
    assert bought.size_inclusive_of_fees and bought.size_in_quote
    assert float(bought.total_value_after_fees) <= 601.30
    sold = order(client.market_order_sell("a-2", BTC, base_size="0.01"))
    assert (sold.status, sold.filled_size, sold.total_fees) == ("FILLED", "0.01", "1.1998")
    assert sold.total_value_after_fees == "598.7002"
    taken = order(client.limit_order_ioc_buy("a-3", BTC, "0.01", "60010"))
    assert (taken.status, taken.time_in_force) == ("FILLED", "IMMEDIATE_OR_CANCEL")
    assert order(client.limit_order_fok_buy("a-4", BTC, "0.01", "59995")).status == "CANCELLED"
    passive = order(client.limit_order_gtc_buy("a-5", BTC, "0.01", "59000", post_only=True))
    assert (passive.status, passive.order_configuration.limit_limit_gtc.post_only) == ("OPEN", True)
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
    end = end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    dated = order(client.limit_order_gtd_buy("a-6", BTC, "0.01", "58900", end))
    assert dated.time_in_force == "GOOD_UNTIL_DATE_TIME"
    stop = order(
        client.stop_limit_order_gtc_sell("a-7", BTC, "0.01", "58000", "58500", "STOP_DIRECTION_STOP_DOWN")
    )
    assert (stop.status, stop.order_type, stop.trigger_status) == ("OPEN", "STOP_LIMIT", "STOP_PENDING")
    bracket = client.trigger_bracket_order_gtc_sell("a-8", BTC, "0.01", "61000", "58000")
    assert not bracket.success
    assert bracket.error_response["error"] == "UNSUPPORTED_ORDER_CONFIGURATION"
    time.sleep(1.3)
    assert client.get_order(dated.order_id).order.status == "EXPIRED"
    results = client.cancel_orders([passive.order_id, stop.order_id, passive.order_id]).results
    assert [result.success for result in results] == [True, True, False]
    assert results[2].failure_reason == "UNKNOWN_CANCEL_ORDER"
    listed = client.list_orders(product_ids=[BTC], order_status=["OPEN", "EXPIRED"]).orders
    assert [found.order_id for found in listed] == [dated.order_id]


def test_fills_fees_and_balances_add_up(coinbase):
    client = sdk(coinbase)
    maker = ccxt_maker(coinbase)
    quote(maker)
    taken = placed(client.limit_order_gtc_buy("b-1", BTC, "0.05", "60010"))
    made = placed(client.limit_order_gtc_sell("b-2", BTC, "0.02", "60500"))
    maker.create_order("BTC/USD", "limit", "buy", 2, 60_500)
    fills = client.get_fills(product_ids=[BTC]).fills
    assert [(fill.order_id, fill.liquidity_indicator) for fill in fills] == [
        (made, "MAKER"),
        (taken, "TAKER"),
    ]
    assert [fill.commission for fill in fills] == ["1.21", "6.001"]
    assert [fill.order_id for fill in client.get_fills(order_ids=[taken]).fills] == [taken]
    page = client.get_fills(limit=1)
    assert page.fills[0].order_id == made and page.cursor
    assert client.get_fills(limit=1, cursor=page.cursor).fills[0].order_id == taken
    wallets = {wallet.currency: wallet for wallet in client.get_accounts().accounts}
    usd = 10_000 - 3_000.5 - 6.001 + 1_210 - 1.21
    assert float(wallets["USD"].available_balance["value"]) == pytest.approx(usd, abs=1e-9)
    assert wallets["BTC"].available_balance["value"] == "1.03"
    one = client.get_account(wallets["BTC"].uuid).account
    assert one.available_balance["value"] == "1.03"
    oracle = coinbase.state()
    assert {fill["trade_id"] for fill in oracle["fills"] if fill["account"] == "account-1"} == {
        fill.trade_id for fill in fills
    }
    summary = client.get_transaction_summary()
    assert summary.total_fees == 7.211
    assert summary.fee_tier["taker_fee_rate"] == "0.002"


def test_rights_and_refusals(coinbase, start_venue):
    client = sdk(coinbase)
    quote(ccxt_maker(coinbase))
    rights = client.get_api_key_permissions()
    assert rights.can_view and rights.can_trade and not rights.can_transfer
    poor = client.limit_order_gtc_buy("c-1", BTC, "5", "59000")
    assert not poor.success and poor.error_response["error"] == "INSUFFICIENT_FUND"
    late = client.limit_order_gtc_buy("c-2", BTC, "0.01", "60010", post_only=True)
    assert late.error_response["error"] == "INVALID_LIMIT_PRICE_POST_ONLY"
    fine = client.limit_order_gtc_buy("c-3", BTC, "0.01", "59000.001")
    assert fine.error_response["preview_failure_reason"] == "PREVIEW_INVALID_PRICE_PRECISION"
    first = placed(client.limit_order_gtc_buy("c-4", BTC, "0.01", "59000"))
    assert placed(client.limit_order_gtc_buy("c-4", BTC, "0.02", "58000")) == first
    preview = client.preview_limit_order_gtc_buy(BTC, "0.1", "59000")
    assert (preview.order_total, preview.errs) == ("5911.8", [])
    edit = client.edit_order(first, size="0.02", price="58000")
    assert not edit.success
    assert edit.errors[0].edit_failure_reason == "COMMANDER_REJECTED_EDIT_ORDER"
    with pytest.raises(HTTPError, match="404 Client Error.*was not found"):
        client.get_order("0dde0000-0000-4000-8000-00000000ffff")
    with pytest.raises(HTTPError, match="401 Client Error.*Unauthorized"):
        sdk(coinbase, key="organizations/o/apiKeys/stranger").get_accounts()
    accounts = [f"ed:{ED25519_SECRET}:10 USD"]
    other = start_venue("--market", "empty", *BPS, accounts=accounts, dialect="coinbase")
    assert sdk(other, "ed", ED25519_SECRET).get_accounts().accounts[1].available_balance["value"] == "10"
    with pytest.raises(HTTPError, match="401 Client Error"):
        sdk(other, "ed", EC_PEM).get_accounts()


def test_limits_show_in_headers_and_end_in_429(coinbase):
    client = sdk(coinbase, rate_limit_headers=True)
    answer = client.get_api_key_permissions().to_dict()
    # The client gives the headers names of its own.
    assert (answer["rate_limit_limit"], answer["rate_limit_remaining"]) == ("30", "29")
    with pytest.raises(HTTPError, match="429 Client Error.*rate_limit_exceeded"):
        for _ in range(60):
            client.get_api_key_permissions()


class Listener:
    """A client of one of the two kinds with everything that it heard, in order."""

    def __init__(self, kind, venue, **kwargs):
        self.heard, self.numbers = queue.Queue(), []
        self.client = kind(
            api_key=COINBASE_KEY, api_secret=EC_PEM, base_url=venue.ws, on_message=self.hear,
            retry=False, timeout=10, **kwargs,
        )
        self.client.open()

    def hear(self, message):
        parsed = json.loads(message)
        if "sequence_num" in parsed:
            self.numbers.append(parsed["sequence_num"])
        # The client's own reader of messages must be able to read each.
        self.heard.put((parsed, WebsocketResponse(json.loads(message))))

    def next(self, channel, seconds=10):
        """The next message of this channel, as the client read it and as it came."""
        while True:
            parsed, read = self.heard.get(timeout=seconds)
            if parsed.get("channel") == channel:
                assert read.channel == channel
                return parsed, read

    def close(self):
        self.client.close()
        assert self.numbers == list(range(len(self.numbers))), "one counter, without a gap"


def test_all_market_channels(busy_coinbase):
    listener = Listener(WSClient, busy_coinbase)
    client = listener.client
    client.heartbeats()
    client.level2([BTC])
    client.market_trades([BTC])
    client.ticker([BTC])
    client.ticker_batch([BTC])
    client.candles([BTC])
    client.status([BTC])
    acks = [listener.next("subscriptions")[0] for _ in range(7)]
    assert set(acks[-1]["events"][0]["subscriptions"]) == {
        "heartbeats", "level2", "market_trades", "ticker", "ticker_batch", "candles", "status",
    }
    client.unsubscribe_all()
    # Heartbeats are of no product, so this client forgets to leave them; time passes.
    first, second = listener.next("heartbeats")[1], listener.next("heartbeats")[1]
    assert int(second.events[0].heartbeat_counter) == int(first.events[0].heartbeat_counter) + 1
    listener.close()


def test_each_market_channel_tells_its_own(busy_coinbase):
    listener = Listener(WSClient, busy_coinbase)
    client = listener.client
    client.level2([BTC])
    snapshot, read = listener.next("l2_data")
    assert snapshot["events"][0]["type"] == "snapshot"
    assert {update.side for update in read.events[0].updates} == {"bid", "offer"}
    update = listener.next("l2_data")[0]["events"][0]
    assert update["type"] == "update" and update["product_id"] == BTC
    client.market_trades([BTC])
    trades = listener.next("market_trades")[1].events[0].trades
    known = {trade.trade_id: trade for trade in sdk(busy_coinbase).get_market_trades(BTC, 1000).trades}
    for trade in trades:
        assert (trade.side, trade.price) == (known[trade.trade_id].side, known[trade.trade_id].price)
    client.ticker([BTC])
    ticker = listener.next("ticker")[1].events[0].tickers[0]
    assert float(ticker.best_bid) < float(ticker.best_ask)
    client.candles([BTC])
    candle = listener.next("candles")[1].events[0].candles[0]
    assert float(candle.low) <= float(candle.close) <= float(candle.high)
    assert int(candle.start) % 300 == 0
    client.status([BTC])
    status = listener.next("status")[1].events[0].products[0]
    assert (status.id, status.status, status.display_name) == (BTC, "online", "BTC/USD")
    listener.close()


def test_the_account_as_it_changes(coinbase):
    client, maker = sdk(coinbase), ccxt_maker(coinbase)
    quote(maker)
    listener = Listener(WSUserClient, coinbase)
    listener.client.heartbeats()
    listener.client.user([BTC])
    snapshot = listener.next("user")[0]["events"][0]
    assert (snapshot["type"], snapshot["orders"]) == ("snapshot", [])
    order_id = placed(client.limit_order_gtc_buy("d-1", BTC, "0.05", "60010"))
    told = [listener.next("user")[1].events[0].orders[0] for _ in range(2)]
    assert [(order.order_id, order.status) for order in told] == [(order_id, "OPEN"), (order_id, "FILLED")]
    found = client.get_order(order_id).order
    assert (told[1].cumulative_quantity, told[1].avg_price) == (found.filled_size, "60010")
    assert (told[1].total_fees, told[1].number_of_fills) == (found.total_fees, "1")
    assert told[0].post_only == "false" and told[0].creation_time == found.created_time
    resting = placed(client.limit_order_gtc_sell("d-2", BTC, "0.04", "60500"))
    assert listener.next("user")[1].events[0].orders[0].outstanding_hold_amount == "0.04"
    maker.create_order("BTC/USD", "limit", "buy", 0.01, 60_500)
    part = listener.next("user")[1].events[0].orders[0]
    assert (part.order_id, part.status, part.completion_percentage) == (resting, "OPEN", "25")
    assert (part.cumulative_quantity, part.leaves_quantity) == ("0.01", "0.03")
    client.cancel_orders([resting])
    gone = listener.next("user")[1].events[0].orders[0]
    assert (gone.status, gone.leaves_quantity, gone.cumulative_quantity) == ("CANCELLED", "0", "0.01")
    refused = client.limit_order_gtc_buy("d-3", BTC, "5", "59000")
    assert not refused.success
    listener.next("heartbeats")
    listener.client.user_unsubscribe([BTC])
    listener.close()


def test_open_orders_come_in_pages_of_fifty(coinbase):
    client = sdk(coinbase)
    for number in range(60):
        placed(client.limit_order_gtc_buy(f"e-{number}", BTC, "0.001", "50000"))
        time.sleep(0.035)  # thirty private requests a second are taken
    listener = Listener(WSUserClient, coinbase)
    listener.client.user([])
    pages = [listener.next("user")[0]["events"][0] for _ in range(2)]
    assert [(page["type"], len(page["orders"])) for page in pages] == [("snapshot", 50), ("patch", 10)]
    names = [order["client_order_id"] for page in pages for order in page["orders"]]
    assert names == [f"e-{number}" for number in range(60)]
    listener.close()


def test_who_says_nothing_is_sent_away(coinbase):
    listener = Listener(WSClient, coinbase)
    time.sleep(4)
    assert listener.client._is_websocket_open()
    time.sleep(2)
    assert not listener.client._is_websocket_open()
