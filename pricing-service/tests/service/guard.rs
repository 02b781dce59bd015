//! A rate card that could cost money by mistake is not used until an operator accepts it. A partly written card is
//! never read.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken test must say so at once")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use pricing_proto::bidprice::v1::{PendingReload, QuoteRequest, ReloadRequest, StatusResponse};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::common::{Running, outcome, request};
use crate::reload::reqwest_page;
use testkit::free_address::FreeAddress;

const CONFIG: &str = "[rates]\nfile = \"rates.toml\"\n[reload]\nwatch = \"100ms\"\n";
const UNWATCHED: &str = "[rates]\nfile = \"rates.toml\"\n[bid_log]\nfolder = \"log\"\n[reload]\nwatch = \"0s\"\n";

/// Returns a card with a price for one T4, and an owner who gets no bids.
fn card(t4: &str) -> String {
    format!(
        "[rates]\ncpu = \"0\"\nmemory = \"0\"\nendpoint = \"0\"\n[rates.storage]\nephemeral = \"0\"\n[rates.gpu]\n\
         t4 = \"{t4}\"\n[policy]\nminimum_usd_per_month = \"1\"\n[policy.owners]\ndeny = [\"akash18adqqqqqqqqqqqqqqqqqqqqqqqqqqqqq45t8l9\"]\n"
    )
}

/// An order for a T4 in uact. At 429.909 USD a month it costs 1000 uact a block.
const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":1,"attributes":{"vendor":{"nvidia":{"model":"t4"}}}},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

async fn started(config: &str) -> Running {
    Running::start_beside(config, |folder| fs::write(folder.join("rates.toml"), card("429.909")).unwrap()).await
}

/// Returns the outcome for an owner.
async fn told(client: &mut PricingClient<Channel>, owner: &str) -> String {
    let asked = QuoteRequest { owner: owner.to_owned(), ..request(ORDER) };
    let quotes = client.quote(asked).await.unwrap().into_inner().quotes;
    outcome(quotes.first().unwrap())
}

/// Checks that the card of the start still prices.
async fn prices_as_before(running: &Running) {
    let mut client = running.client().await;
    assert_eq!(told(&mut client, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "1000 uact");
    assert_eq!(told(&mut client, "akash18adqqqqqqqqqqqqqqqqqqqqqqqqqqqqq45t8l9").await, "owner-denied");
}

async fn reload(running: &Running, accept: &str) -> Result<(), Status> {
    running.client().await.reload(ReloadRequest { accept: accept.to_owned() }).await.map(|_| ())
}

fn pending(status: &StatusResponse) -> Option<&PendingReload> {
    status.reload.as_ref().and_then(|reload| reload.pending.as_ref())
}

fn problem(status: &StatusResponse) -> &str {
    status.reload.as_ref().and_then(|reload| reload.problem.as_deref()).unwrap_or_default()
}

/// Returns the concerns about the pending configuration, with their keys.
fn concerns(pending: &PendingReload) -> Vec<String> {
    let concerns =
        pending.changes.iter().filter_map(|change| Some(format!("{} {}", change.concern.as_ref()?, change.key)));
    concerns.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_no_card_is_not_taken_by_the_watch() {
    let running = started(CONFIG).await;
    let path = running.folder().join("rates.toml");
    let put_nothing = |content: &'static [u8]| move |path: &Path| fs::write(path, content).unwrap();
    type Spoil = Box<dyn Fn(&Path)>;
    let spoilt: [(Spoil, &str); 9] = [
        (Box::new(put_nothing(b"")), "the rate card is empty"),
        (Box::new(put_nothing(b" \n# a comment\n")), "the rate card is empty"),
        (Box::new(put_nothing(b"[policy]\nminimum_usd_per_month = 1\n")), "the rate card has no `[rates]`"),
        (Box::new(put_nothing(b"[rates]\n[rates.gpu]\n")), "no rate in its `[rates]`"),
        (Box::new(put_nothing(b"[rates]\ncpu = \"0")), "line 2"),
        (Box::new(put_nothing(b"[rates]\ncpu = 1 # \xff\n")), "it is not UTF-8 text"),
        (Box::new(|path| fs::remove_file(path).unwrap()), "No such file"),
        (Box::new(|path| fs::create_dir(path).unwrap()), "it is a folder, not a plain file"),
        (
            Box::new(|path| {
                fs::remove_dir(path).unwrap();
                symlink("/nowhere", path).unwrap();
            }),
            "No such file",
        ),
    ];
    for (spoil, why) in spoilt {
        spoil(&path);
        running.until(|status| problem(status).contains(why)).await;
        prices_as_before(&running).await;
    }
    running.put("rates.toml", card("429.909"));
    running.until(|status| problem(status).is_empty()).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_card_waits_and_says_why_everywhere_until_it_is_accepted() {
    let (metrics, tcp) = (FreeAddress::new(), FreeAddress::new());
    let address = metrics.get();
    let listen = format!("[listen]\nsocket = \"bidprice.sock\"\nmetrics = \"{address}\"\ntcp = \"{}\"\n", tcp.get());
    let running = started(&format!("{listen}{CONFIG}")).await;
    let whole = card("429.909");
    let (cut, _) = whole.split_once("[policy]").unwrap();
    fs::write(running.folder().join("rates.toml"), cut).unwrap();
    let status = running.until(|status| pending(status).is_some_and(|pending| pending.state == "refused")).await;
    prices_as_before(&running).await;
    let waits = pending(&status).unwrap();
    let expected = ["cut rates.file", "minimum policy.minimum_usd_per_month", "owners policy.owners.deny"];
    assert_eq!(concerns(waits), expected, "{waits:?}");
    let socket = running.socket();
    assert_eq!(waits.command, format!("bidprice reload --socket {} --accept {}", socket.display(), waits.digest));
    assert!(
        problem(&status).contains(&waits.command) && problem(&status).contains("`policy.owners.deny`"),
        "{status:?}"
    );
    let page = reqwest_page(address).await;
    for line in [
        "bidprice_reload_pending{state=\"refused\"} 1",
        "bidprice_reload_pending_changes{concern=\"owners\"} 1",
        "bidprice_reload_pending_changes{concern=\"lowered\"} 0",
    ] {
        assert!(page.contains(line), "{line}\n{page}");
    }
    // A request for a reload gets the same message. Another digest accepts nothing.
    let refused = reload(&running, "").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::FailedPrecondition, problem(&running.status().await)));
    let in_use = running.status().await.rates.unwrap().digest;
    let stale = reload(&running, &in_use).await.unwrap_err();
    assert!(stale.message().starts_with(&format!("nothing was taken: {in_use} is not in the files")), "{stale}");
    for malformed in ["sha256:", &waits.digest[..20], &waits.digest[7..], &waits.digest.to_uppercase(), "yes"] {
        assert_eq!(reload(&running, malformed).await.unwrap_err().code(), Code::InvalidArgument, "{malformed}");
    }
    assert!(pending(&running.status().await).is_some());
    prices_as_before(&running).await;
    reload(&running, &waits.digest).await.unwrap();
    let status = running.status().await;
    assert_eq!((pending(&status), problem(&status)), (None, ""));
    assert_eq!(status.rates.unwrap().digest, waits.digest);
    assert_eq!(told(&mut running.client().await, "akash18adqqqqqqqqqqqqqqqqqqqqqqqqqqqqq45t8l9").await, "1000 uact");
    assert!(reqwest_page(address).await.contains("bidprice_reload_pending{state=\"refused\"} 0"));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_over_tcp_without_a_certificate_accepts_nothing() {
    let free = FreeAddress::new();
    let address = free.get();
    let running = started(&format!("[listen]\nsocket = \"bidprice.sock\"\ntcp = \"{address}\"\n{UNWATCHED}")).await;
    running.put("rates.toml", card("1"));
    reload(&running, "").await.unwrap_err();
    let digest = pending(&running.status().await).unwrap().digest.clone();
    let channel = Endpoint::try_from(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut remote = PricingClient::new(channel);
    let denied = remote.reload(ReloadRequest { accept: digest.clone() }).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied, "{denied}");
    prices_as_before(&running).await;
    // It may request a reload, which accepts nothing.
    assert_eq!(remote.reload(ReloadRequest::default()).await.unwrap_err().code(), Code::FailedPrecondition);
    reload(&running, &digest).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_was_accepted_is_not_the_one_that_came_after_it() {
    let running = started(UNWATCHED).await;
    running.put("rates.toml", card("100"));
    reload(&running, "").await.unwrap_err();
    let accepted = pending(&running.status().await).unwrap().digest.clone();
    running.put("rates.toml", card("1"));
    let stale = reload(&running, &accepted).await.unwrap_err();
    let other = pending(&running.status().await).unwrap().digest.clone();
    assert!(stale.message().contains(&accepted) && stale.message().contains(&other), "{stale}");
    prices_as_before(&running).await;
    // A card that needs no acceptance does not replace it either.
    running.put("rates.toml", card("429.91"));
    let stale = reload(&running, &accepted).await.unwrap_err();
    assert!(stale.message().contains("need not be accepted"), "{stale}");
    prices_as_before(&running).await;
    reload(&running, "").await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rises_and_small_steps_down_are_taken_each_from_the_one_before() {
    let running = started(UNWATCHED).await;
    for t4 in ["4299.09", "2149.545", "1074.7725", "600"] {
        running.put("rates.toml", card(t4));
        reload(&running, "").await.unwrap();
    }
    running.put("rates.toml", card("299.99"));
    let refused = reload(&running, "").await.unwrap_err();
    assert!(refused.message().contains("`rates.gpu.t4`: 600 -> 299.99 (50.01 % lower)"), "{refused}");
    running.configure(&UNWATCHED.replace("[reload]", "[reload]\nmax_change = \"0\""));
    reload(&running, "").await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_gone_has_to_be_accepted_although_the_card_is_the_same() {
    let plugin = "[plugin]\nfile = \"pricer.wat\"\ndeadline = \"10s\"\n";
    let running = Running::start_beside(&format!("{UNWATCHED}{plugin}"), |folder| {
        // The plugin bids less than a dollar.
        fs::write(folder.join("rates.toml"), card("429.909").replace("month = \"1\"", "month = \"0.5\"")).unwrap();
        let text = concat!(env!("CARGO_MANIFEST_DIR"), "/../pricing-cli/tests/plugins/price.wat");
        fs::copy(text, folder.join("pricer.wat")).unwrap();
    })
    .await;
    assert_eq!(told(&mut running.client().await, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "1.5 uact");
    running.configure(UNWATCHED);
    let refused = reload(&running, "").await.unwrap_err();
    assert!(refused.message().contains("`plugin`: it prices -> none; the rate card prices"), "{refused}");
    // The digest of the rates has not changed, and does not cover the plugin.
    let in_use = running.status().await.rates.unwrap().digest;
    reload(&running, &in_use).await.unwrap_err();
    assert_eq!(told(&mut running.client().await, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "1.5 uact");
    let digest = pending(&running.status().await).unwrap().digest.clone();
    reload(&running, &digest).await.unwrap();
    assert_eq!(told(&mut running.client().await, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "1000 uact");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_compares_with_the_card_that_was_accepted_last() {
    let running = started(UNWATCHED).await;
    running.put("rates.toml", card("859.818"));
    reload(&running, "").await.unwrap();
    let folder = running.stop_in_place().await;
    let at = |name: &str| folder.path().join(name);
    // Less than half of the accepted card, and of the first card.
    fs::write(at("rates.toml"), card("200")).unwrap();
    let running = Running::start_in(folder).await.unwrap();
    let mut client = running.client().await;
    assert_eq!(told(&mut client, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "2000 uact");
    let status = running.status().await;
    assert_eq!(concerns(pending(&status).unwrap()), ["lowered rates.gpu.t4"]);
    assert_eq!(status.reload.as_ref().unwrap().refused, 1);
    // A reload names the pending configuration, too.
    reload(&running, "").await.unwrap_err();
    assert_eq!(told(&mut client, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "2000 uact");
    // After the card was put back, nothing is pending.
    running.put("rates.toml", card("859.818"));
    reload(&running, "").await.unwrap();
    assert_eq!(pending(&running.status().await), None);
    // An accepted card is the baseline of the next start.
    running.put("rates.toml", card("200"));
    reload(&running, "").await.unwrap_err();
    let digest = pending(&running.status().await).unwrap().digest.clone();
    reload(&running, &digest).await.unwrap();
    let running = Running::start_in(running.stop_in_place().await).await.unwrap();
    assert_eq!(pending(&running.status().await), None);
    assert_eq!(running.status().await.rates.unwrap().digest, digest);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watch_takes_a_card_that_is_put_back_after_a_start_that_refused_one() {
    let config = format!("{CONFIG}state = \"accepted\"\n");
    let folder = started(&config).await.stop_in_place().await;
    fs::write(folder.path().join("rates.toml"), card("1")).unwrap();
    let running = Running::start_in(folder).await.unwrap();
    prices_as_before(&running).await;
    running.put("rates.toml", card("429.909"));
    running.until(|status| pending(status).is_none() && problem(status).is_empty()).await;
    prices_as_before(&running).await;
    running.put("rates.toml", card("500"));
    running.until(|status| status.reload.as_ref().unwrap().taken > 1).await;
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_cannot_compare_fails_and_says_what_to_do() {
    let folder = started(UNWATCHED).await.stop_in_place().await;
    let at = |name: &str| folder.path().join(name);
    let (good, state) = (fs::read(at("bidprice.toml")).unwrap(), fs::read(at("log/reload.state")).unwrap());
    let plugin = ["[inventory]\nfile = \"absent.json\"\n".as_bytes(), good.as_slice()].concat();
    // With an inventory, and then without one.
    fs::write(at("bidprice.toml"), plugin).unwrap();
    let folder = Running::start_in(folder).await.unwrap().stop_in_place().await;
    let at = |name: &str| folder.path().join(name);
    let with_inventory = fs::read(at("log/reload.state")).unwrap();
    fs::write(at("bidprice.toml"), &good).unwrap();
    let mut folder = folder;
    for (content, card_text, why) in [
        (with_inventory.as_slice(), card("429.909"), "`inventory`: it is asked -> none; capacity is not asked"),
        (&state[..state.len() / 2], card("429.909"), "is damaged"),
        (b"", card("429.909"), "is damaged"),
        (&state, String::new(), "the rate card is empty"),
        (&state, "[policy]\n".to_owned(), "the rate card has no `[rates]`"),
    ] {
        fs::write(folder.path().join("log/reload.state"), content).unwrap();
        fs::write(folder.path().join("rates.toml"), card_text).unwrap();
        let (kept, error) = Running::start_in(folder).await.err().unwrap();
        assert!(error.to_string().contains(why), "{why}: {error}");
        folder = kept;
    }
    // Without the file, the start accepts the current configuration and records it.
    fs::remove_file(folder.path().join("log/reload.state")).unwrap();
    fs::write(folder.path().join("rates.toml"), card("1")).unwrap();
    let running = Running::start_in(folder).await.unwrap();
    assert_eq!(pending(&running.status().await), None);
    assert!(running.folder().join("log/reload.state").exists());
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_services_do_not_share_what_was_accepted_and_a_disk_that_takes_nothing_costs_no_bid() {
    let shared = tempfile::tempdir().unwrap();
    let inner = shared.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let config = format!("{CONFIG}state = \"{}\"\n", inner.join("accepted").display());
    let running = started(&config).await;
    let other = tempfile::tempdir().unwrap();
    fs::copy(running.folder().join("bidprice.toml"), other.path().join("bidprice.toml")).unwrap();
    fs::copy(running.folder().join("rates.toml"), other.path().join("rates.toml")).unwrap();
    let (_, error) = Running::start_in(other).await.err().unwrap();
    assert!(error.to_string().contains("give each its own `reload.state`"), "{error}");
    // A failure to write is reported, and the write is retried.
    fs::rename(&inner, shared.path().join("away")).unwrap();
    running.put("rates.toml", card("500"));
    let state_problem = |status: &StatusResponse| status.reload.as_ref().unwrap().state_problem.clone();
    let status = running.until(|status| state_problem(status).is_some()).await;
    assert_eq!(status.reload.unwrap().problem, None);
    assert_ne!(told(&mut running.client().await, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "1000 uact");
    fs::rename(shared.path().join("away"), &inner).unwrap();
    running.until(|status| state_problem(status).is_none()).await;
    assert!(fs::read_to_string(inner.join("accepted")).unwrap().contains("500"));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_akt_that_is_worth_more_is_no_way_around() {
    let akt = |usd: &str| format!("{UNWATCHED}[feed]\nusd_per_akt = \"{usd}\"\n");
    let running = started(&akt("0.5")).await;
    running.configure(&akt("5"));
    let refused = reload(&running, "").await.unwrap_err();
    assert!(
        refused.message().contains("`chain.denoms.uakt`: 0.5 USD, exponent 6 -> 5 USD, exponent 6 (90 % lower)"),
        "{refused}"
    );
    // A restart fails, too. It has no earlier card to continue with.
    let (folder, error) = Running::start_in(running.stop_in_place().await).await.err().unwrap();
    assert!(error.to_string().contains("`chain.denoms.uakt`"), "{error}");
    drop(folder);
}

/// Rewrites a file in place, a few bytes at a time, sometimes whole and sometimes truncated.
struct Storm {
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
    writing: std::thread::JoinHandle<()>,
}

impl Storm {
    fn begin(path: &Path, cards: Vec<String>) -> Self {
        let (stop, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (path, stopped, written) = (path.to_owned(), Arc::clone(&stop), Arc::clone(&writes));
        let writing = std::thread::spawn(move || {
            let mut number = 0_usize;
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let card = &cards[number % cards.len()];
                // The lengths cover every byte of the card in the end.
                let length = if number.is_multiple_of(3) { card.len() } else { number * 37 % card.len() };
                let mut file = fs::File::create(&path).unwrap();
                for part in card.as_bytes()[..length].chunks(16) {
                    file.write_all(part).unwrap();
                }
                written.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { stop, writes, writing }
    }

    fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.writing.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_storm_of_rewrites_every_order_is_answered_by_a_whole_card() {
    let running = started(CONFIG).await;
    let path = running.folder().join("rates.toml");
    // The whole cards of the storm are valid. One that stays for long enough is used, and rightly.
    let storm = Storm::begin(&path, vec![card("429.909"), card("859.818")]);
    running.until(|status| pending(status).is_some_and(|pending| pending.state == "settling")).await;
    let mut client = running.client().await;
    let mut number = 0;
    while number < 300 || storm.writes() < 300 {
        number += 1;
        let good = told(&mut client, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await;
        assert!(["1000 uact", "2000 uact"].contains(&good.as_str()), "{number}: {good}");
        assert_eq!(told(&mut client, "akash18adqqqqqqqqqqqqqqqqqqqqqqqqqqqqq45t8l9").await, "owner-denied", "{number}");
    }
    // A reload meanwhile gets a whole card, or the reason why not.
    if let Err(refused) = reload(&running, "").await {
        assert_eq!(refused.code(), Code::FailedPrecondition);
    }
    storm.end();
    assert!(
        ["1000 uact", "2000 uact"]
            .contains(&told(&mut client, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await.as_str())
    );
    // A card that is written in place after the storm is used.
    fs::write(&path, card("1719.636")).unwrap();
    running.until(|status| status.rates.as_ref().unwrap().digest == digest_of(&card("1719.636"))).await;
    assert_eq!(told(&mut client, "akash1g00dqqqqqqqqqqqqqqqqqqqqqqqqqqqq7s95ep").await, "4000 uact");
    running.until(|status| pending(status).is_none() && problem(status).is_empty()).await;
    running.stop().await.unwrap();
}

fn digest_of(text: &str) -> String {
    pricing_engine::digest::Digest::of(text).to_string()
}
