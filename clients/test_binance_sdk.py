"""The official SDK, whose models are strict: an answer of another shape is logged as a warning,
and here such a warning fails the test."""

import asyncio
import logging
import time

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError, UnauthorizedError
from binance_sdk_spot.spot import Spot

from conftest import KEY, SECRET
from helpers import ccxt_maker, quote

BTC = "BTCUSDT"


@pytest.fixture(autouse=True)
def no_fallback(caplog):
    caplog.set_level(logging.WARNING)
    yield
    shapes = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert not [text for text in shapes if "valid" in text.lower() or "pars" in text.lower()], shapes


def spot(venue, key=KEY, secret=SECRET):
    return Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=key, api_secret=secret, base_path=venue.http, timeout=5000
        ),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=key, api_secret=secret, stream_url=venue.ws + "/ws-api/v3"
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=venue.ws),
    )


def test_every_public_answer_has_the_documented_shape(busy_venue):
    rest = spot(busy_venue).rest_api
    while not rest.get_trades(symbol=BTC).data():
        time.sleep(0.1)
    rest.ping()
    assert rest.time().data().server_time > 1_600_000_000_000
    info = rest.exchange_info().data()
    assert info.symbols[0].symbol == BTC
    assert rest.depth(symbol=BTC, limit=5).data().last_update_id > 0
    for call in (rest.get_trades, rest.agg_trades, rest.avg_price, rest.ticker24hr,
                 rest.ticker_price, rest.ticker_book_ticker, rest.ticker, rest.ticker_trading_day):
        assert call(symbol=BTC).data() is not None
    assert rest.klines(symbol=BTC, interval="1m").data()


def test_trading_over_rest(venue):
    quote(ccxt_maker(venue))
    rest = spot(venue).rest_api
    order = rest.new_order(
        symbol=BTC, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.1, price=59000
    ).data()
    assert order.status == "NEW"
    assert rest.get_order(symbol=BTC, order_id=order.order_id).data().price == "59000.00000000"
    assert len(rest.get_open_orders(symbol=BTC).data()) == 1
    rest.delete_order(symbol=BTC, order_id=order.order_id)
    filled = rest.new_order(symbol=BTC, side="BUY", type="MARKET", quantity=0.05).data()
    assert (filled.status, filled.fills[0].price) == ("FILLED", "60010.00000000")
    assert rest.my_trades(symbol=BTC).data()[0].order_id == filled.order_id
    assert len(rest.all_orders(symbol=BTC).data()) == 2
    account = rest.get_account(omit_zero_balances=True).data()
    assert {b.asset for b in account.balances} == {"BTC", "USDT"}
    rest.account_commission(symbol=BTC)
    rest.rate_limit_order()
    rest.order_test(symbol=BTC, side="BUY", type="MARKET", quantity=0.01)
    replaced = rest.new_order(
        symbol=BTC, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.1, price=59000
    ).data()
    answer = rest.order_cancel_replace(
        symbol=BTC, side="BUY", type="LIMIT", cancel_replace_mode="STOP_ON_FAILURE",
        time_in_force="GTC", quantity=0.1, price=58000, cancel_order_id=replaced.order_id,
    ).data()
    assert answer.new_order_result == "SUCCESS"
    rest.delete_open_orders(symbol=BTC)


def test_errors_have_types(venue):
    rest = spot(venue).rest_api
    with pytest.raises(BadRequestError, match="insufficient balance"):
        rest.new_order(
            symbol=BTC, side="BUY", type="LIMIT", time_in_force="GTC", quantity=9, price=59000
        )
    with pytest.raises(UnauthorizedError):
        spot(venue, key="stranger").rest_api.get_account()


def test_the_websocket_api_and_the_account_stream(venue):
    quote(ccxt_maker(venue))

    async def scenario():
        client = spot(venue)
        connection = await client.websocket_api.create_connection()
        try:
            assert (await connection.time()).data().result.server_time
            await connection.exchange_info(symbol=BTC)
            await connection.depth(symbol=BTC)
            events = []
            stream = await connection.user_data_stream_subscribe_signature()
            stream.stream.on("message", lambda event: events.append(event))
            placed = await connection.order_place(
                symbol=BTC, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.1, price=59000
            )
            order = placed.data().result
            found = await connection.order_status(symbol=BTC, order_id=order.order_id)
            assert found.data().result.status == "NEW"
            await connection.open_orders_status(symbol=BTC)
            await connection.order_cancel(symbol=BTC, order_id=order.order_id)
            await connection.account_status()
            await connection.my_trades(symbol=BTC)
            await connection.all_orders(symbol=BTC)
            for _ in range(50):
                if len(events) >= 4:
                    break
                await asyncio.sleep(0.1)
            assert len(events) >= 4, events
        finally:
            await connection.close_connection(close_session=True)

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_market_streams(busy_venue):
    async def scenario():
        connection = await spot(busy_venue).websocket_streams.create_connection()
        heard = {}
        try:
            streams = {
                "trade": await connection.trade(symbol=BTC.lower()),
                "depth": await connection.diff_book_depth(symbol=BTC.lower(), update_speed="100ms"),
                "best": await connection.book_ticker(symbol=BTC.lower()),
                "ticker": await connection.ticker(symbol=BTC.lower()),
            }
            for name, stream in streams.items():
                stream.on("message", lambda data, name=name: heard.setdefault(name, data))
            for _ in range(100):
                if len(heard) == len(streams):
                    break
                await asyncio.sleep(0.1)
            assert set(heard) == set(streams)
        finally:
            await connection.close_connection(close_session=True)

    asyncio.run(asyncio.wait_for(scenario(), 60))
