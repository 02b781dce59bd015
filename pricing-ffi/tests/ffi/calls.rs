//! One order gets the same bytes from the library and from the service.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pricing_client::Client;
use pricing_ffi::Code;
use pricing_host::compile::Compiler;
use pricing_proto::akash::market::v1::OrderId;
use pricing_proto::bidprice::v1::{
    Decision, Order, QuoteRequest, QuoteResponse, ReleaseRequest, ReleaseResponse, ReloadRequest, ReloadResponse,
    ScreenRequest, order,
};
use prost::Message;
use testkit::guest::{Guest, text_answer, text_data};
use tokio_util::sync::CancellationToken;

use crate::opened::{CONFIG, HANG, Opened, RATES, folder};

/// The corpus's orders as text: SDLs and group specs.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/sdl");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let is_order = |name: &str| name.ends_with(".yaml") || name.ends_with(".groups.json");
    files.retain(|file| file.file_name().is_some_and(|name| is_order(&name.to_string_lossy())));
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn text(text: &str) -> Option<Order> {
    Some(Order { form: Some(order::Form::Text(text.to_owned())) })
}

fn screen(order: &str) -> ScreenRequest {
    ScreenRequest { order: text(order), owner: String::new() }
}

fn request(order: &str) -> QuoteRequest {
    QuoteRequest { order: text(order), alternatives: true, ..QuoteRequest::default() }
}

#[test]
fn the_corpus_gets_the_bytes_of_the_service() {
    let folder = folder();
    let config = format!("{CONFIG}[listen]\nsocket = \"bidprice.sock\"\n");
    let path = folder.path().join("bidprice.toml");
    fs::write(&path, &config).unwrap();
    let opened = Opened::text(&config, folder.path());
    let runtime = pricing_service::runtime().unwrap();
    let stop = CancellationToken::new();
    let (orders, mut bids) = (corpus(), 0);
    let service = {
        let _within = runtime.enter();
        pricing_service::Service::start(&path, Compiler::InProcess).unwrap()
    };
    let served = runtime.spawn(pricing_service::serve(service, stop.clone()));
    let told = runtime.block_on(async {
        let client = Client::unix(folder.path().join("bidprice.sock")).with_deadline(HANG);
        let is_fresh = async || client.status().await.is_ok_and(|status| status.inventory.unwrap().state == "fresh");
        while !is_fresh().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut told = Vec::new();
        for order in &orders {
            told.push((client.quote(request(order)).await, client.screen(screen(order)).await));
        }
        told
    });
    for (order, (quoted, screened)) in orders.iter().zip(told) {
        match (quoted, screened) {
            (Ok(quoted), Ok(screened)) => {
                assert_eq!(opened.quote(&request(order).encode_to_vec(), 0), Ok(quoted.encode_to_vec()), "{order}");
                assert_eq!(opened.screen(&screen(order).encode_to_vec()), Ok(screened.encode_to_vec()), "{order}");
                bids += quoted.quotes.iter().filter(|quote| quote.decision() == Decision::Bid).count();
            }
            (quoted, _) => {
                let error = quoted.unwrap_err();
                let (code, message) = opened.quote(&request(order).encode_to_vec(), 0).unwrap_err();
                assert!(code == Code::BadMessage && error.to_string().contains(&message), "{error}\n{message}");
            }
        }
    }
    stop.cancel();
    runtime.block_on(served).unwrap().unwrap();
    assert!(orders.len() > 100 && bids > 20, "{} orders, {bids} bids", orders.len());
}

#[test]
fn capacity_is_held_for_an_order_until_it_is_released() {
    let folder = folder();
    let config = CONFIG.replace("max_age = \"1h\"", "max_age = \"1h\"\nhold = \"1h\"");
    let opened = Opened::text(&config, folder.path());
    let order = corpus().into_iter().find(|order| {
        let answer = opened.quote(&request(order).encode_to_vec(), 0).unwrap_or_default();
        QuoteResponse::decode(&*answer).unwrap().quotes.iter().any(|quote| quote.decision() == Decision::Bid)
    });
    let id = OrderId { owner: "akash1tenant".to_owned(), dseq: 7, gseq: 1, oseq: 1 };
    let asked = QuoteRequest { order_id: Some(id.clone()), ..request(&order.unwrap()) };
    opened.quote(&asked.encode_to_vec(), 0).unwrap();
    assert_eq!(opened.status().inventory.unwrap().held, 1);
    let release = ReleaseRequest { order_id: Some(id) }.encode_to_vec();
    let released = || ReleaseResponse::decode(&*opened.release(&release).unwrap()).unwrap().released;
    assert_eq!([released(), released()], [true, false]);
    assert_eq!(opened.release(&[]), Err((Code::BadMessage, "the request has no `order_id`".to_owned())));
    assert!(opened.metrics().contains("bidprice_"), "{}", opened.metrics());
}

#[test]
fn a_reload_takes_new_rates_and_refuses_what_somebody_has_to_accept() {
    let folder = folder();
    // No watch, so that only the calls reload.
    let opened = Opened::text(&format!("{CONFIG}[reload]\nwatch = \"0s\"\n"), folder.path());
    let before = opened.status().rates.unwrap().digest;
    let card = folder.path().join("rates.toml");
    fs::write(&card, RATES.replace("1900", "1901")).unwrap();
    let reload = |accept: &str| opened.reload(&ReloadRequest { accept: accept.to_owned() }.encode_to_vec());
    let after = ReloadResponse::decode(&*reload("").unwrap()).unwrap().rates_digest;
    assert_ne!(after, before);
    fs::write(&card, RATES.replace("1900", "19")).unwrap();
    let (code, message) = reload("").unwrap_err();
    assert!(code == Code::Refused && message.contains("accept"), "{message}");
    assert_eq!(opened.status().rates.unwrap().digest, after);
    let digest = opened.status().reload.unwrap().pending.unwrap().digest;
    assert_ne!(ReloadResponse::decode(&*reload(&digest).unwrap()).unwrap().rates_digest, after);
    assert_eq!(reload("sha256:12").unwrap_err().0, Code::BadMessage);
}

/// A plugin that needs far more than a millisecond for its price.
fn slow() -> Vec<u8> {
    let fields = format!("(global $count (mut i32) (i32.const 0)) {}", text_data("1.5"));
    let price = format!(
        "(loop $again (global.set $count (i32.add (global.get $count) (i32.const 1)))
         (br_if $again (i32.lt_u (global.get $count) (i32.const 250000000)))) {}",
        text_answer(0, 3)
    );
    Guest { fields: &fields, price: &price, ..Guest::default() }.component()
}

#[test]
fn a_deadline_is_answered_while_the_plugin_still_works() {
    let folder = folder();
    fs::write(folder.path().join("plugin.wasm"), slow()).unwrap();
    let config = format!("{CONFIG}[plugin]\nfile = \"plugin.wasm\"\nfuel = 1000000000000\ndeadline = \"10m\"\n");
    let opened = Opened::text(&config, folder.path());
    let order = corpus().into_iter().next_back().unwrap();
    assert_eq!(opened.quote(&request(&order).encode_to_vec(), 1).unwrap_err().0, Code::Deadline);
}
