//! Exploration as callers see it.

use std::collections::BTreeSet;

use crate::common::{ORDER, Running, request};
use pricing_proto::akash::market::v1::OrderId;
use pricing_proto::bidprice::v1::{Quote, QuoteRequest};

const CONFIG: &str = "[feed]\nusd_per_akt = \"0.5\"\n[rates]\ncpu = \"1.60\"\n[explore]\nspread = \"4%\"\nseed = 3\n";

async fn quote(running: &Running, dseq: Option<u64>) -> Quote {
    let order_id = dseq.map(|dseq| OrderId { owner: "akash1tenant".to_owned(), dseq, gseq: 1, oseq: 1 });
    let asked = QuoteRequest { order_id, ..request(ORDER) };
    let answer = running.client().await.quote(asked).await;
    answer.map(tonic::Response::into_inner).map(|answer| answer.quotes).unwrap_or_default().pop().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_says_how_it_was_explored() {
    let running = Running::start(CONFIG).await;
    let base = quote(&running, None).await;
    assert!(base.price.is_some() && base.explored.is_none());
    let mut factors = BTreeSet::new();
    for dseq in 1..=60 {
        let found = quote(&running, Some(dseq)).await;
        let explored = found.explored.clone().unwrap_or_default();
        assert_eq!(
            (&explored.base_price, &Some(explored.base_usd_per_month.clone())),
            (&base.price, &base.usd_per_month)
        );
        assert_eq!((explored.propensity.as_str(), explored.factors.len()), ("0.2", 5));
        let lines = found.lines.iter().filter(|line| line.item == "explore").count();
        assert_eq!(lines, usize::from(explored.factor != "1"));
        assert_eq!(found, quote(&running, Some(dseq)).await, "asking again brings no other price");
        factors.insert(explored.factor);
    }
    assert_eq!(factors, ["0.96", "0.98", "1", "1.02", "1.04"].map(str::to_owned).into());
}
