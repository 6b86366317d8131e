//! What processes share through a file, and what damage, locks and restarts do to it.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use ::budget::{LimiterName, Rule, Shape};

use ::budget::binance;

use super::*;

const ADDRESS: &str = "https://api.example.org";
const WEIGHT: LimiterName = LimiterName { counts: Counted::Weight, window_ms: 60_000 };

fn of(address: &str) -> Of<'_> {
    Of {
        venue: VenueKind::of(&venues::binance::VENUE),
        address,
        account: "key",
        shares: Shares::default(),
    }
}

fn open(directory: &tempfile::TempDir) -> HostBudget {
    HostBudget::open(directory.path(), &of(ADDRESS), None).unwrap()
}

fn weight(budget: &HostBudget, amount: u32) -> Charge {
    binance::charge(amount, false, budget.keys())
}

fn file(directory: &tempfile::TempDir, suffix: &str) -> PathBuf {
    let files = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let found = files.filter(|path| path.to_str().unwrap().ends_with(suffix));
    found.collect::<Vec<_>>().pop().unwrap_or_default()
}

/// What the file says is used.
fn used(directory: &tempfile::TempDir) -> i64 {
    let bytes = fs::read(file(directory, ".budget")).unwrap();
    let budget: Budget = serde_json::from_slice(frame::unframe(&bytes).unwrap()).unwrap();
    budget.used(WEIGHT, &Keys::default())
}

/// Two gateways and a watchdog, each with the file open by itself, ask as fast as they can from
/// threads of their own: together they get what one would.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn processes_share_one_budget() {
    let directory = tempfile::tempdir().unwrap();
    let drain = |budget: HostBudget| async move {
        let (mut granted, mut refusals) = (0, 0);
        while refusals < 20 {
            match budget.ask(Priority::Order, &weight(&budget, 10)).await {
                Answer::Granted(_) => granted += 10,
                Answer::Wait { cause: Cause::Limit(WEIGHT), .. } => refusals += 1,
                // Another one has the file.
                Answer::Wait { .. } => {}
            }
        }
        granted
    };
    wait_for_a_minute_with_room().await;
    let budgets = [open(&directory), open(&directory), open(&directory)];
    let tasks = budgets.map(|budget| tokio::spawn(drain(budget)));
    let mut total = 0;
    for task in tasks {
        total += task.await.unwrap();
    }
    // A quarter of 80 % of 6000, because the venue has not told yet.
    assert_eq!(total, 1_200);
    assert_eq!(used(&directory), 1_200);
}

/// So that no minute ends in the middle of a test.
async fn wait_for_a_minute_with_room() {
    let left = 60_000 - clock::now().millis().rem_euclid(60_000);
    if left < 5_000 {
        tokio::time::sleep(Duration::from_millis(left.unsigned_abs() + 300)).await;
    }
}

#[tokio::test]
async fn what_one_learns_all_know() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(&directory), open(&directory));
    one.learn(&[Limit { counts: Counted::Weight, window_ms: 60_000, limit: 1_200 }]).await;
    let answer = other.ask(Priority::Kill, &weight(&other, 1_201)).await;
    let too_large = Answer::Wait { wait: Duration::MAX, cause: Cause::Limit(WEIGHT) };
    assert_eq!(answer, too_large);
    drop((one, other));
    let next = open(&directory);
    let rules: Vec<Rule> = next.state().budget.rules().copied().collect();
    assert!(
        rules.iter().any(|rule| rule.shape == Shape::Aligned { window_ms: 60_000, limit: 1_200 })
    );
}

#[tokio::test]
async fn a_stop_outlives_restarts_and_even_the_shared_file() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(&directory), open(&directory));
    let (sender, mut notices) = mpsc::channel(8);
    let three_minutes = Duration::from_secs(180);
    drop(one);
    let told = HostBudget::open(directory.path(), &of(ADDRESS), Some(sender)).unwrap();
    told.stop(None, three_minutes, "status 418".to_owned()).await;
    assert!(matches!(
        notices.recv().await,
        Some(Input::Feed(model::FeedNotice::RateLimited { .. }))
    ));
    let held = |answer: Answer| match answer {
        Answer::Wait { wait, cause: Cause::Stop(None) } => {
            assert!(wait > Duration::from_secs(170) && wait <= three_minutes, "{wait:?}");
        }
        other => panic!("{other:?}"),
    };
    held(other.ask(Priority::Kill, &weight(&other, 1)).await);
    drop((told, other));
    held(open(&directory).ask(Priority::Kill, &weight(&open(&directory), 1)).await);
    fs::remove_file(file(&directory, ".budget")).unwrap();
    let next = open(&directory);
    held(next.ask(Priority::Kill, &weight(&next, 1)).await);
    // A second stop, of orders, does not end the first.
    next.stop(Some(Counted::Order), Duration::from_secs(1), "-1015".to_owned()).await;
    fs::remove_file(file(&directory, ".budget")).unwrap();
    held(next.ask(Priority::Kill, &weight(&next, 1)).await);
}

#[tokio::test]
async fn stops_that_cannot_be_read_may_have_been_a_ban() {
    let directory = tempfile::tempdir().unwrap();
    let budget = open(&directory);
    budget.stop(None, Duration::from_millis(1), "429".to_owned()).await;
    drop(budget);
    fs::write(file(&directory, ".stops"), "[]").unwrap();
    let next = open(&directory);
    match next.ask(Priority::Kill, &weight(&next, 1)).await {
        Answer::Wait { wait, .. } => assert!(wait > Duration::from_secs(110), "{wait:?}"),
        granted => panic!("{granted:?}"),
    }
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_only_the_reserve_is_left() {
    let directory = tempfile::tempdir().unwrap();
    for damage in [0_usize, 20, 200] {
        drop(open(&directory));
        let path = file(&directory, ".budget");
        let mut bytes = fs::read(&path).unwrap();
        let after: Vec<u8> = match damage {
            0 => Vec::new(),
            at => {
                bytes[at] ^= 1;
                bytes
            }
        };
        fs::write(&path, &after).unwrap();
        wait_for_a_minute_with_room().await;
        let budget = open(&directory);
        let answer = budget.ask(Priority::Order, &weight(&budget, 2)).await;
        assert!(matches!(answer, Answer::Wait { cause: Cause::Limit(WEIGHT), .. }), "{answer:?}");
        let answer = budget.ask(Priority::Kill, &weight(&budget, 1_000)).await;
        assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
        let number = [0, 20, 200].iter().position(|d| *d == damage).unwrap() + 1;
        let aside = file(&directory, &format!(".damaged-{number}"));
        assert_eq!(fs::read(aside).unwrap(), after);
    }
}

#[tokio::test]
async fn who_holds_the_file_holds_up_no_cancel() {
    let directory = tempfile::tempdir().unwrap();
    let budget = open(&directory);
    let stuck = File::open(file(&directory, ".budget")).unwrap();
    stuck.lock().unwrap();
    wait_for_a_minute_with_room().await;
    let start = Instant::now();
    let answer = budget.ask(Priority::Kill, &weight(&budget, 7)).await;
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    let answer = budget.ask(Priority::Order, &weight(&budget, 7)).await;
    assert!(matches!(answer, Answer::Wait { .. }), "{answer:?}");
    assert_eq!(used(&directory), 0);
    stuck.unlock().unwrap();
    let answer = budget.ask(Priority::Order, &weight(&budget, 5)).await;
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    assert_eq!(used(&directory), 12, "what went without the file is in it now");
}

#[tokio::test]
async fn a_request_that_would_come_too_late_does_not_wait() {
    let directory = tempfile::tempdir().unwrap();
    let budget = open(&directory);
    budget.stop(None, Duration::from_secs(60), "429".to_owned()).await;
    let start = Instant::now();
    let charge = weight(&budget, 1);
    let late = budget.wait(Priority::Order, &charge, Duration::from_secs(2)).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(late.to_string().contains("stopped by the venue would hold it for"), "{late}");
    let other = tempfile::tempdir().unwrap();
    let budget = open(&other);
    budget.stop(None, Duration::from_millis(300), "429".to_owned()).await;
    budget.wait(Priority::Order, &charge, Duration::from_secs(2)).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(290));
}

/// An agent that rests thirty orders at once, its first ones: all of them go out, each within its time.
#[tokio::test]
async fn a_burst_of_first_orders_goes_out_as_the_venue_answers() {
    let directory = tempfile::tempdir().unwrap();
    let budget = open(&directory);
    let counted = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let order = |_| {
        let (budget, counted) = (budget.clone(), Arc::clone(&counted));
        tokio::spawn(async move {
            let charge = binance::charge(1, true, budget.keys());
            let grant = budget.wait(Priority::Order, &charge, Duration::from_secs(2)).await?;
            let used = 1 + counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(30)).await;
            let told = |window_ms| Usage { counts: Counted::Order, window_ms, used };
            budget.settle(&grant, &[], &[told(10_000), told(86_400_000)]).await;
            Ok::<(), TooLong>(())
        })
    };
    let orders: Vec<_> = (0..30).map(order).collect();
    for order in orders {
        order.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_file_that_was_removed_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let (one, other) = (open(&directory), open(&directory));
    fs::remove_file(file(&directory, ".budget")).unwrap();
    wait_for_a_minute_with_room().await;
    for budget in [&one, &other] {
        let answer = budget.ask(Priority::Kill, &weight(budget, 3)).await;
        assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    }
    assert_eq!(used(&directory), 6);
    // What stands behind the text is the rest of a longer one.
    let path = file(&directory, ".budget");
    let mut longer = OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut longer, b"...").unwrap();
    let answer = one.ask(Priority::Kill, &weight(&one, 4)).await;
    assert!(matches!(answer, Answer::Granted(_)), "{answer:?}");
    assert_eq!(used(&directory), 10);
}

#[test]
fn addresses_have_files_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    for address in ["https://a.b", "https://A.b/", "http://a.b", "https://a_b", "https://a/b"] {
        HostBudget::open(directory.path(), &of(address), None).unwrap();
    }
    let files = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files, 4, "the first two are one");
}
