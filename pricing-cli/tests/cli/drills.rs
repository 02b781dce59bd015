//! The service is killed under load and started again.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use crate::programs::HANG;
use crate::service::{Program, connect, request};
use pricing_proto::bidprice::v1::StatusRequest;
use pricing_proto::bidprice::v1::pricing_client::PricingClient;
use serde_json::Value;
use tokio::sync::mpsc;
use tonic::transport::Channel;

const CONFIG: &str = "[listen]\nsocket = \"bidprice.sock\"\n[rates]\nfile = \"rates.toml\"\n\
                      [bid_log]\nfolder = \"log\"\nfile_bytes = 100000\nfiles = 1000\n[limits]\ndeadline = \"10m\"\n";
/// The orders that are answered before the service is killed.
const ORDERS: usize = 100;
const ORDER: &str = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;

/// Returns the names of the orders in the log.
fn logged(program: &Program) -> BTreeSet<(String, u64)> {
    let files = std::fs::read_dir(program.folder().join("log")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    let text: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    // The last line of a file may be incomplete.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let name = |line: Value| {
        let order = line.get("order_id")?;
        Some((order.get("owner")?.as_str()?.to_owned(), order.get("dseq")?.as_u64()?))
    };
    lines.filter_map(name).collect()
}

fn replay(program: &Program) -> String {
    let run = crate::programs::bidprice().arg("replay").arg(program.folder().join("log")).output().unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{told}");
    told
}

/// Returns how many answers were sent before their line was written, or `None` if the service is gone.
async fn late(client: &mut PricingClient<Channel>) -> Option<u64> {
    Some(client.status(StatusRequest {}).await.ok()?.into_inner().bid_log?.late)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_it_has_logged_every_answer_and_starts_again_at_once() {
    let mut program = Program::new();
    program.put("rates.toml", "[rates.gpu]\n\"t4\" = \"80\"\n");
    program.put("bidprice.toml", CONFIG);
    let mut answered = BTreeSet::new();
    for round in 0..3_u64 {
        program.start().await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for caller in 0..4_u64 {
            let (sender, socket) = (sender.clone(), program.socket());
            tokio::spawn(async move {
                let mut client = connect(&socket).await;
                let Some(mut late_before) = late(&mut client).await else { return };
                for number in 0.. {
                    let dseq = round * 1_000_000 + number;
                    let Ok(response) = client.quote(request(ORDER, Some((caller, dseq)))).await else { return };
                    let quotes = response.into_inner().quotes;
                    assert!(quotes.iter().all(|quote| quote.price.is_some()), "{quotes:?}");
                    let Some(late) = late(&mut client).await else { return };
                    // If the disk is too slow, the answer is sent before its line is written, and is counted. Such an
                    // answer promises nothing.
                    if late == late_before && sender.send((format!("akash1{caller}"), dseq)).is_err() {
                        return;
                    }
                    late_before = late;
                }
            });
        }
        drop(sender);
        for _ in 0..ORDERS {
            let order = tokio::time::timeout(HANG, receiver.recv()).await.unwrap();
            answered.insert(order.expect("the service answers"));
        }
        program.kill();
        while let Some(order) = receiver.recv().await {
            answered.insert(order);
        }
        let logged = logged(&program);
        let lost: Vec<_> = answered.difference(&logged).collect();
        assert!(lost.is_empty(), "{} of {} answers are not in the log: {lost:?}", lost.len(), answered.len());
    }
    program.start().await;
    program.stop().await;
    replay(&program);
}
