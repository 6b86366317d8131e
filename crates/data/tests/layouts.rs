//! Each layout that is known: what a file of it says, in our words, read as it is and after an import.

mod common;

use plimsoll_data as data;

use common::{Folder, btc, gz, import, read, zip};
use data::{Format, Kind, Options};

struct Case {
    layout: &'static str,
    kind: Kind,
    text: &'static str,
    rows: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        layout: "binance-klines",
        kind: Kind::Bars,
        text: "1577836800000,7195.24,7196.25,7178.20,7180.97,202.942868,1577836859999,1458244.8,2452,76.9,553069.5,0\n\
               1577836860000,7180.97,7186.40,7175.47,7178.45,128.242654,1577836919999,920702.7,1948,58.3,419226.4,0\n",
        // Bars are known at their end.
        rows: &[
            "1577836860000 7195.24 7196.25 7178.2 7180.97 202.942868",
            "1577836920000 7180.97 7186.4 7175.47 7178.45 128.242654",
        ],
    },
    Case {
        layout: "binance-klines",
        kind: Kind::Bars,
        text: "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n\
               1693526400000,3.214,3.214,3.206,3.206,42843.0,1693526459999,137538.1,452,20648.3,66294.3,0\n\
               1693526460000,3.207,3.213,3.206,3.213,37022.0,1693526519999,118812.2,364,22211.1,71271.2,0\n",
        rows: &[
            "1693526460000 3.214 3.214 3.206 3.206 42843",
            "1693526520000 3.207 3.213 3.206 3.213 37022",
        ],
    },
    Case {
        layout: "binance-trades",
        kind: Kind::Trades,
        // Spot: no header; microseconds since 2025.
        text: "5,122335.79000000,0.00084000,102.76,1759536000061015,False,True\n\
               6,122336.26000000,0.00005000,6.11,1759536000062000,True,True\n",
        rows: &[
            "1759536000061 5 buy 0.00084 at 122335.79",
            "1759536000062 6 sell 0.00005 at 122336.26",
        ],
    },
    Case {
        layout: "binance-trades",
        kind: Kind::Trades,
        text: "id,price,qty,quote_qty,time,is_buyer_maker\n\
               7,1.5,2,3.0,1693526400000,true\n",
        rows: &["1693526400000 7 sell 2 at 1.5"],
    },
    Case {
        layout: "binance-agg-trades",
        kind: Kind::Trades,
        text: "184359103,122335.79000000,0.00084000,243254795,243254804,1759536000061015,False,True\n\
               184359104,122336.26000000,0.00005000,243254805,243254805,1759536000061015,True,True\n",
        rows: &[
            "1759536000061 184359103 buy 0.00084 at 122335.79",
            "1759536000061 184359104 sell 0.00005 at 122336.26",
        ],
    },
    Case {
        layout: "binance-agg-trades",
        kind: Kind::Trades,
        text: "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n\
               9,0.5,10,1,2,1693526400000,false\n",
        rows: &["1693526400000 9 buy 10 at 0.5"],
    },
    Case {
        layout: "binance-book-ticker",
        kind: Kind::Quotes,
        text: "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n\
               1,100.1,2,100.2,3,1693526400000,1693526400005\n",
        rows: &["1693526400000 100.1 x 2, 100.2 x 3"],
    },
    Case {
        layout: "binance-book-depth",
        kind: Kind::Book,
        // Within 1 % stand 10 for 990, so 99 each; within 2 % 30 for 2930, so 20 more at 97.
        text: "timestamp,percentage,depth,notional\n\
               2025-10-10 00:00:07,-2,30,2930\n2025-10-10 00:00:07,-1,10,990\n\
               2025-10-10 00:00:07,1,10,1010\n2025-10-10 00:00:07,2,10,1010\n",
        rows: &[
            "1760054407000 clear bid 99 x 10",
            "1760054407000 bid 97 x 20",
            "1760054407000 ask 101 x 10 last",
        ],
    },
    Case {
        layout: "tardis-trades",
        kind: Kind::Trades,
        text: "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
               bitmex,BTCUSDT,1583020803145000,1583020803307160,ccc3c1fa-212c,sell,8531.5,2152\n\
               bitmex,BTCUSDT,1583020803276000,1583020803336743,17,buy,8531.5,1\n",
        rows: &[
            "1583020803145 @1583020803307 0 sell 2152 at 8531.5",
            "1583020803276 @1583020803336 17 buy 1 at 8531.5",
        ],
    },
    Case {
        layout: "tardis-quotes",
        kind: Kind::Quotes,
        text: "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n\
               huobi,BTCUSDT,1588291201099000,1588291201234268,5494,8629.3,8629.2,806\n\
               huobi,BTCUSDT,1588291201133000,1588291201454126,,,8629.2,806\n",
        rows: &[
            "1588291201099 @1588291201234 8629.2 x 806, 8629.3 x 5494",
            "1588291201133 @1588291201454 8629.2 x 806, 0 x 0",
        ],
    },
    Case {
        layout: "tardis-incremental-book-l2",
        kind: Kind::Book,
        // A snapshot of two messages is one; a change; two changes in one message; a snapshot again.
        text: "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n\
               deribit,BTCUSDT,1585699200245000,1585699200355684,true,ask,6421.5,18640\n\
               deribit,BTCUSDT,1585699200246000,1585699200355684,true,bid,6420,100\n\
               deribit,BTCUSDT,1585699200250000,1585699200360000,false,ask,6421.5,0\n\
               deribit,BTCUSDT,1585699200251000,1585699200361000,false,ask,6422,5\n\
               deribit,BTCUSDT,1585699200251000,1585699200361000,false,bid,6420.5,7\n\
               deribit,BTCUSDT,1585699200260000,1585699200370000,true,bid,6419,1\n",
        rows: &[
            "1585699200245 @1585699200355 clear ask 6421.5 x 18640 last",
            "1585699200246 @1585699200355 bid 6420 x 100 last",
            "1585699200250 @1585699200360 ask 6421.5 x 0 last",
            "1585699200251 @1585699200361 ask 6422 x 5",
            "1585699200251 @1585699200361 bid 6420.5 x 7 last",
            "1585699200260 @1585699200370 clear bid 6419 x 1 last",
        ],
    },
    Case {
        layout: "tardis-book-snapshot-5",
        kind: Kind::Book,
        text: "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,asks[1].amount,bids[1].price,bids[1].amount\n\
               binance,BTCUSDT,1598918403696000,1598918403810979,101.5,1,101,2,102,3,,\n\
               binance,BTCUSDT,1598918403697000,1598918403811979,101.5,1,101,2,102,3,100,4\n",
        rows: &[
            "1598918403696 @1598918403810 clear bid 101 x 2",
            "1598918403696 @1598918403810 ask 101.5 x 1",
            "1598918403696 @1598918403810 ask 102 x 3 last",
            "1598918403697 @1598918403811 clear bid 101 x 2",
            "1598918403697 @1598918403811 bid 100 x 4",
            "1598918403697 @1598918403811 ask 101.5 x 1",
            "1598918403697 @1598918403811 ask 102 x 3 last",
        ],
    },
    Case {
        layout: "kraken-trades",
        kind: Kind::Trades,
        text: "1672531436,90.540000,1.10448420\n1672531436.25,90.450000,1.00000000\n",
        rows: &["1672531436000 0 ? 1.1044842 at 90.54", "1672531436250 0 ? 1 at 90.45"],
    },
    Case {
        layout: "bitfinex-candles",
        kind: Kind::Bars,
        // Close comes before high and low.
        text: "1546300800000,3832.6,3833.1,3834.7,3832.5,5.8\n1546300860000,3833.8,3831.5,3834.1,3830.8,3.0\n",
        rows: &[
            "1546300860000 3832.6 3834.7 3832.5 3833.1 5.8",
            "1546300920000 3833.8 3834.1 3830.8 3831.5 3",
        ],
    },
    Case {
        layout: "csv",
        kind: Kind::Bars,
        text: "1546300800,10,12,9,11,5\n1546300860,11,13,10,12,6\n",
        rows: &["1546300860000 10 12 9 11 5", "1546300920000 11 13 10 12 6"],
    },
    Case {
        layout: "csv",
        kind: Kind::Bars,
        text: "Date;Open;High;Low;Close;Volume\n\"2024-01-01\";1;2;1;2;10\n\"2024-01-02\";2;3;2;3;0\n",
        rows: &["1704153600000 1 2 1 2 10", "1704240000000 2 3 2 3 0"],
    },
    Case {
        layout: "csv",
        kind: Kind::Trades,
        text: "# made by a recorder\n\ntime,price,size,side\n2024-01-01T00:00:00.5Z,1e-8,1e12,Buy\r\n2024-01-01 00:00:01+00:00,0.00000002,3,\r\n",
        rows: &[
            "1704067200500 0 buy 1000000000000 at 0.00000001",
            "1704067201000 0 ? 3 at 0.00000002",
        ],
    },
    Case {
        layout: "csv",
        kind: Kind::Book,
        // A flattened stream: the number of the update tells events of one time apart.
        text: "TimestampOfReceive,EventTime,Symbol,FirstUpdateId,FinalUpdateId,IsAsk,Price,Quantity\n\
               1741046400062,1741046400060,BTCUSDT,1,2,0,0.5,8.5\n\
               1741046400062,1741046400060,BTCUSDT,1,2,1,0.6,7.5\n\
               1741046400062,1741046400060,BTCUSDT,3,4,1,0.6,0\n",
        rows: &[
            "1741046400060 @1741046400062 bid 0.5 x 8.5",
            "1741046400060 @1741046400062 ask 0.6 x 7.5 last",
            "1741046400060 @1741046400062 ask 0.6 x 0 last",
        ],
    },
    Case {
        layout: "csv",
        kind: Kind::Book,
        text: "time,side,price,qty\n1741046400060,bid,1,2\n1741046400061,ask,2,3\n",
        rows: &["1741046400060 bid 1 x 2 last", "1741046400061 ask 2 x 3 last"],
    },
];

#[test]
fn each_says_in_our_words_what_it_holds() {
    let folder = Folder::new();
    for (number, case) in CASES.iter().enumerate() {
        let path = folder.write(&format!("{number}.csv"), case.text);
        let source = data::open(&path, &btc()).unwrap();
        let found = (source.meta().layout, source.meta().kind);
        assert_eq!(found, (case.layout, case.kind), "{}", case.text);
        assert_eq!(read(&path, &btc()).unwrap(), case.rows, "{}", case.text);
    }
}

#[test]
fn each_is_the_same_packed_and_imported() {
    let folder = Folder::new();
    for (number, case) in CASES.iter().enumerate() {
        let packed = folder.write(&format!("{number}.bin"), gz(case.text));
        assert_eq!(read(&packed, &btc()).unwrap(), case.rows, "{}", case.text);
        let zipped = zip(&[("one.csv", case.text), ("__MACOSX/one.csv", "x")]);
        let zipped = folder.write(&format!("{number}.zip"), zipped);
        assert_eq!(read(&zipped, &btc()).unwrap(), case.rows, "{}", case.text);

        let out = folder.path(&format!("{number}.parquet"));
        let imported = import(vec![zipped], out.clone(), btc()).unwrap();
        assert_eq!(read(&out, &Options::default()).unwrap(), case.rows, "{}", case.text);
        assert_eq!(imported.checks.rows, case.rows.len() as u64);
        let info = data::inspect(&out, &Options::default(), &mut |_, _, _| {}).unwrap();
        assert_eq!(info.checks, imported.checks, "{}", case.text);
        assert_eq!(info.meta.instrument, btc().instrument);
        assert_eq!(info.meta.rows, Some(case.rows.len() as u64));
    }
}

/// What is recognised is what is read when the layout is named, with a header and without.
#[test]
fn a_name_for_the_layout_reads_the_same() {
    let folder = Folder::new();
    for (number, case) in CASES.iter().enumerate().filter(|(_, case)| case.layout != "csv") {
        let path = folder.write(&format!("{number}.csv"), case.text);
        let options = Options { format: Format::of(case.layout).unwrap(), ..btc() };
        assert_eq!(read(&path, &options).unwrap(), case.rows, "{}", case.text);
    }
    for named in data::NAMED {
        assert!(
            CASES.iter().any(|case| {
                case.layout == named.name || named.name == "tardis-book-snapshot-25"
            }),
            "{} is not tried",
            named.name
        );
    }
}

#[test]
fn columns_can_be_named_by_hand() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "x,5,1.5,1704067200\ny,6,1.25,1704067201\n");
    let columns = ["", "qty", "price", "time"].map(str::to_owned).to_vec();
    let options = Options { columns: Some(columns), ..btc() };
    let rows = ["1704067200000 0 ? 5 at 1.5", "1704067201000 0 ? 6 at 1.25"];
    assert_eq!(read(&path, &options).unwrap(), rows);
    // They go before a header.
    let path = folder.write("b.csv", "n,a,b,c\nx,5,1.5,1704067200\ny,6,1.25,1704067201\n");
    assert_eq!(read(&path, &options).unwrap(), rows);
}

#[test]
fn one_of_several_symbols_can_be_taken() {
    let folder = Folder::new();
    let text = "time,symbol,price,qty\n1704067200,BTCUSDT,2,1\n1704067201,ETHUSDT,1,1\n";
    let path = folder.write("a.csv", text);
    let options = Options { symbol: Some("ETHUSDT".to_owned()), ..Options::default() };
    assert_eq!(read(&path, &options).unwrap(), ["1704067201000 0 ? 1 at 1"]);
    let out = folder.path("a.parquet");
    let options = Options { instrument: Some("ETH-USDT".parse().unwrap()), ..options };
    let imported = import(vec![path], out, options).unwrap();
    assert_eq!((imported.remarks.other_symbols, imported.remarks.bad), (1, 0));
}
