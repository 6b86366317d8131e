//! Plays `scenarios/*.txt`: stories that a trader can read and correct.
//!
//! One line, one sentence; `#` starts a comment. Everything is BTC-USDT, tick 0.1, lot 0.01.
//!
//! ```text
//! fees     maker 0.001 taker 0.002                      none unless told; also: in quote
//! account  c1 1000 USDT, 2 BTC
//! venue    ask 101.0 x 1                                a recorded level; x 0 removes it
//! venue    book bids 99 x 1, 98 x 2 asks 101 x 1        the whole recorded book
//! venue    trade buy 101.0 x 1                          a recorded print and its taker's side
//! venue    mode halted                                  live, cancel-only, halted
//!  0 ms    c1 buy 2 @ 101.0 ioc as mine                 gtc unless told; also fok, until MS, post-only, stp MODE
//!  0 ms    c1 sell 2 market                             also: buy 100 usdt market
//!  0 ms    c1 sell 2 stop 98 @ 97                       also take-profit; without @ it becomes a market order
//!  5 ms    venue passes                                 nothing but the time
//!  5 ms    c1 cancel mine                               also: cancel all
//! expect   fill mine 1 @ 101.0 taker                    what happened, all of it, in order:
//! expect   expired mine filled 1                        fill, canceled, expired, triggered, prevented, refused
//! expect   balance c1 899 USDT locked 0                 or what is true now:
//! expect   book ask 101.0 x 0                           balance, book, tape (the last print)
//! ```
//!
//! An order without a name has its account's; the second one `c1-2`, and so on.

#![expect(clippy::unwrap_used, reason = "a story that cannot be read fails its test")]

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use model::market::{Level, LevelUpdate};
use model::venue::{
    AccountEvent, AccountRequest, Execution, FeeRates, MarketRequest, OrderKey, PublicMarket,
    Response, TradesFrom, VenueEvent,
};
use model::{
    AccountId, Amount, Asset, ClientOrderId, Decimal, Instrument, Liquidity, NewOrder, OrderKind,
    OrderQty, SelfTradePrevention, Side, TimeInForce, Timestamp, TradingMode,
};
use plimsoll_sim_venue::{Background, FeesIn, SimConfig, SimVenue};

struct Story {
    instrument: Instrument,
    fees: FeeRates,
    fees_in: FeesIn,
    venue: Option<SimVenue>,
    now: Timestamp,
    orders: BTreeMap<AccountId, usize>,
    /// What happened and was not expected yet.
    happened: VecDeque<String>,
}

#[test]
fn every_scenario_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 8, "scenarios are missing");
    let mut problems = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if let Err(problem) = Story::new().play(&fs::read_to_string(&file).unwrap()) {
            problems.push(format!("{name}:{problem}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn a_wrong_expectation_fails() {
    let start = "account c1 1000 USDT\nvenue ask 101 x 1\n0 ms c1 buy 2 @ 101 ioc\n";
    let right = "expect fill c1 1 @ 101 taker\nexpect expired c1 filled 1\n";
    assert_eq!(Story::new().play(&format!("{start}{right}")), Ok(()));
    for wrong in [
        "expect fill c1 2 @ 101 taker\n",
        "expect expired c1 filled 1\n",
        "expect fill c1 1 @ 101 taker\n",
        "",
        "expect fill c1 1 @ 101 taker\nexpect expired c1 filled 1\nexpect book ask 101 x 1\n",
        "expect fill c1 1 @ 101 taker\nexpect expired c1 filled 1\nexpect refused would-take\n",
    ] {
        assert!(Story::new().play(&format!("{start}{wrong}")).is_err(), "{wrong:?}");
    }
}

impl Story {
    fn new() -> Story {
        let asset = |name| Asset::new(name).unwrap();
        let (tick, lot) = ("0.1".parse().unwrap(), "0.01".parse().unwrap());
        Story {
            instrument: Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap(),
            fees: FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO },
            fees_in: FeesIn::Received,
            venue: None,
            now: Timestamp::EPOCH,
            orders: BTreeMap::new(),
            happened: VecDeque::new(),
        }
    }

    fn play(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            self.line(&words).map_err(|problem| format!("{}: {problem}", number + 1))?;
        }
        self.nothing_left().map_err(|problem| format!("end: {problem}"))
    }

    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [] => Ok(()),
            ["expect", what @ ..] => self.expect(what),
            _ => {
                self.nothing_left()?;
                self.act(words)
            }
        }
    }

    fn nothing_left(&self) -> Result<(), String> {
        match self.happened.front() {
            Some(next) => Err(format!("happened and was not expected: {next}")),
            None => Ok(()),
        }
    }

    fn act(&mut self, words: &[&str]) -> Result<(), String> {
        let mut events = Vec::new();
        match words {
            ["fees", "maker", maker, "taker", taker] => {
                self.fees =
                    FeeRates { maker: maker.parse().unwrap(), taker: taker.parse().unwrap() };
            }
            ["fees", "in", "quote"] => self.fees_in = FeesIn::Quote,
            [at, "ms", "venue", "passes"] => {
                self.now = Timestamp::from_millis(at.parse().unwrap()).unwrap();
                let now = self.now;
                self.venue().pass_time(now, &mut events);
            }
            ["account", name, funds @ ..] => {
                let funds = funds.join(" ");
                let funds = funds.split(", ").map(|part| part.split_once(' ').unwrap());
                let funds = funds.map(|(sum, asset)| (Asset::new(asset).unwrap(), amount(sum)));
                let account = AccountId::new(name).unwrap();
                self.venue().add_account(account, &funds.collect());
            }
            ["venue", "mode", mode] => {
                let mode = match *mode {
                    "live" => TradingMode::Live,
                    "cancel-only" => TradingMode::CancelOnly,
                    "halted" => TradingMode::Halted,
                    other => return Err(format!("no mode {other}")),
                };
                let id = self.instrument.id;
                self.venue().set_mode(id, mode);
            }
            ["venue", what @ ..] => {
                let event = self.background(what)?;
                let (now, id) = (self.now, self.instrument.id);
                self.venue().background(now, id, &event, &mut events);
            }
            [at, "ms", account, what @ ..] => {
                self.now = Timestamp::from_millis(at.parse().unwrap()).unwrap();
                let account = AccountId::new(account).unwrap();
                let request = self.request(account, what)?;
                let now = self.now;
                if let Err(refusal) = self.venue().execute(now, account, &request, &mut events) {
                    self.happened.push_back(format!("refused {}", kebab(&refusal)));
                }
            }
            _ => return Err(format!("cannot read {words:?}")),
        }
        let told: Vec<String> = events.iter().filter_map(tell).collect();
        self.happened.extend(told);
        Ok(())
    }

    fn venue(&mut self) -> &mut SimVenue {
        let (instrument, fees, fees_in) = (&self.instrument, self.fees, self.fees_in);
        self.venue.get_or_insert_with(|| {
            SimVenue::new(SimConfig { instruments: vec![instrument.clone()], fees, fees_in })
        })
    }

    fn level(&self, price: &str, qty: &str) -> Level {
        let grid = self.instrument.grid();
        Level {
            price: grid.grid_price(price.parse().unwrap()).unwrap(),
            qty: grid.grid_qty(qty.parse().unwrap()).unwrap(),
        }
    }

    fn background(&self, words: &[&str]) -> Result<Background, String> {
        Ok(match words {
            ["book", rest @ ..] => {
                let text = rest.join(" ");
                let (bids, asks) = text.split_once("asks").ok_or("a book has asks")?;
                let bids = bids.strip_prefix("bids").ok_or("a book has bids")?;
                let side = |text: &str| {
                    let levels = text.split(',').filter_map(|level| level.split_once(" x "));
                    levels.map(|(price, qty)| self.level(price.trim(), qty.trim())).collect()
                };
                Background::Snapshot { bids: side(bids), asks: side(asks) }
            }
            ["trade", taker, price, "x", qty] => {
                let Level { price, qty } = self.level(price, qty);
                Background::Trade { price, qty, taker_side: side(taker)? }
            }
            [of, price, "x", qty] => {
                let Level { price, qty } = self.level(price, qty);
                Background::Level(LevelUpdate { side: book_side(of)?, price, qty })
            }
            _ => return Err(format!("the venue cannot {words:?}")),
        })
    }

    fn request(&mut self, account: AccountId, words: &[&str]) -> Result<AccountRequest, String> {
        let instrument = self.instrument.id;
        match words {
            ["cancel", "all"] => Ok(AccountRequest::CancelAll(instrument)),
            ["cancel", name] => {
                let order = OrderKey::Client(ClientOrderId::new(name).unwrap());
                Ok(AccountRequest::Cancel { instrument, order, cancel_id: None, only: None })
            }
            [taker, qty, rest @ ..] => {
                let count = self.orders.entry(account).or_default();
                *count += 1;
                let name =
                    if *count == 1 { account.to_string() } else { format!("{account}-{count}") };
                let mut order = NewOrder {
                    client_order_id: ClientOrderId::new(&name).unwrap(),
                    instrument,
                    side: side(taker)?,
                    kind: OrderKind::Market,
                    qty: match rest.first() {
                        Some(&"usdt") => OrderQty::Quote(qty.parse().unwrap()),
                        _ => OrderQty::Base(qty.parse().unwrap()),
                    },
                    time_in_force: TimeInForce::Gtc,
                    post_only: false,
                    reduce_only: false,
                    self_trade_prevention: None,
                };
                details(&mut order, rest)?;
                Ok(AccountRequest::Place(order))
            }
            _ => Err(format!("{account} cannot {words:?}")),
        }
    }

    fn expect(&mut self, words: &[&str]) -> Result<(), String> {
        let expected = words.iter().map(|word| plain(word)).collect::<Vec<_>>().join(" ");
        let truth = match words {
            ["balance", account, _, asset, "locked", _] => {
                let (id, coin) = (AccountId::new(account).unwrap(), Asset::new(asset).unwrap());
                let balance = self.venue().oracle().balances[&id][&coin];
                format!("balance {account} {} {asset} locked {}", balance.free, balance.locked)
            }
            ["book", of, price, "x", _] => {
                let (now, wanted) = (self.now, self.level(price, "0").price);
                let ask = MarketRequest::Book { instrument: self.instrument.id, depth: 1_000 };
                let Ok(Response::Book(book)) = self.venue().read(now, &ask) else {
                    return Err("no book".into());
                };
                let levels = if *of == "bid" { book.bids } else { book.asks };
                let level = levels.iter().find(|level| level.price == wanted);
                let qty = level.map_or(Decimal::ZERO, |level| Decimal::new(level.qty.0, 2));
                format!("book {of} {} x {qty}", plain(price))
            }
            ["tape", ..] => {
                let (now, from) = (self.now, TradesFrom::Newest);
                let ask = MarketRequest::Trades { instrument: self.instrument.id, from, limit: 1 };
                let Ok(Response::Trades(trades)) = self.venue().read(now, &ask) else {
                    return Err("no tape".into());
                };
                let trade = trades.first().ok_or("nothing was printed")?;
                let (price, qty) = (Decimal::new(trade.price.0, 1), Decimal::new(trade.qty.0, 2));
                format!("tape {} {price} x {qty}", kebab(&trade.taker_side))
            }
            _ => self.happened.pop_front().unwrap_or_else(|| "nothing".into()),
        };
        if truth == expected { Ok(()) } else { Err(format!("expected {expected}, was {truth}")) }
    }
}

/// All that follows the quantity of an order.
fn details(order: &mut NewOrder, mut words: &[&str]) -> Result<(), String> {
    let price = |text: &str| text.parse().map_err(|_| format!("{text} is no price"));
    loop {
        words = match words {
            [] => return Ok(()),
            ["market" | "usdt" | "gtc", rest @ ..] => rest,
            ["stop", trigger, "@", limit, rest @ ..] => {
                order.kind =
                    OrderKind::StopLimit { trigger: price(trigger)?, price: price(limit)? };
                rest
            }
            ["take-profit", trigger, "@", limit, rest @ ..] => {
                order.kind =
                    OrderKind::TakeProfitLimit { trigger: price(trigger)?, price: price(limit)? };
                rest
            }
            ["stop", trigger, rest @ ..] => {
                order.kind = OrderKind::StopLoss { trigger: price(trigger)? };
                rest
            }
            ["take-profit", trigger, rest @ ..] => {
                order.kind = OrderKind::TakeProfit { trigger: price(trigger)? };
                rest
            }
            ["@", limit, rest @ ..] => {
                order.kind = OrderKind::Limit { price: price(limit)? };
                rest
            }
            ["ioc", rest @ ..] => {
                order.time_in_force = TimeInForce::Ioc;
                rest
            }
            ["fok", rest @ ..] => {
                order.time_in_force = TimeInForce::Fok;
                rest
            }
            ["until", at, rest @ ..] => {
                let end = at.parse().ok().and_then(Timestamp::from_millis);
                order.time_in_force = TimeInForce::Gtd(end.ok_or(format!("{at} is no time"))?);
                rest
            }
            ["post-only", rest @ ..] => {
                order.post_only = true;
                rest
            }
            ["stp", mode, rest @ ..] => {
                order.self_trade_prevention = Some(match *mode {
                    "none" => SelfTradePrevention::None,
                    "expire-maker" => SelfTradePrevention::ExpireMaker,
                    "expire-taker" => SelfTradePrevention::ExpireTaker,
                    "expire-both" => SelfTradePrevention::ExpireBoth,
                    "decrement" => SelfTradePrevention::Decrement,
                    other => return Err(format!("no prevention {other}")),
                });
                rest
            }
            ["as", name, rest @ ..] => {
                order.client_order_id = ClientOrderId::new(name).unwrap();
                rest
            }
            _ => return Err(format!("cannot read {words:?}")),
        };
    }
}

/// A private event as a story tells it; what is accepted goes without saying.
fn tell(event: &VenueEvent) -> Option<String> {
    let VenueEvent::Account { event: AccountEvent::Order { order, execution, .. }, .. } = event
    else {
        return None;
    };
    let name = order.client_order_id;
    Some(match execution {
        Execution::New => return None,
        Execution::Trade(fill) => {
            let liquidity = match fill.liquidity {
                Liquidity::Maker => "maker",
                Liquidity::Taker => "taker",
            };
            format!("fill {name} {} @ {} {liquidity}", fill.qty, fill.price)
        }
        Execution::Canceled(_) => format!("canceled {name} filled {}", order.filled),
        Execution::Expired => format!("expired {name} filled {}", order.filled),
        Execution::Triggered => format!("triggered {name}"),
        Execution::Rejected(refusal) => format!("rejected {name} {}", kebab(refusal)),
        Execution::Prevented => format!("prevented {name} leaves {}", order.leaves()),
        Execution::Standing => format!("stands {name} filled {}", order.filled),
    })
}

/// `WouldTake` as `would-take`, `Filter { filter: Lot }` as `filter-lot`.
fn kebab(word: &impl std::fmt::Debug) -> String {
    let text = format!("{word:?}").replace("Filter { filter: ", "Filter").replace(" }", "");
    let mut kebab = String::new();
    for (at, letter) in text.chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}

/// Numbers without needless zeros, so that 101.0 is 101.
fn plain(word: &str) -> String {
    word.parse::<Decimal>().map_or_else(|_| word.to_string(), |number| number.to_string())
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn side(word: &str) -> Result<Side, String> {
    match word {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        other => Err(format!("{other} is no side")),
    }
}

fn book_side(word: &str) -> Result<Side, String> {
    match word {
        "bid" => Ok(Side::Buy),
        "ask" => Ok(Side::Sell),
        other => Err(format!("{other} is no side of a book")),
    }
}
