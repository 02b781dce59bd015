use super::*;

const AT: &str = "2026-10-01T00:00:10Z";

/// A log with a bid of the drop-in for a tenant, at that moment.
fn with_a_decision() -> LoggedOutcomes {
    let mut recorded = LoggedOutcomes::open(Path::new("nowhere"));
    recorded.bids.push_back(LoggedBid::sample(7, "akash1t", "10", AT));
    recorded
}

/// A history with our bids of that tenant at that price, by height.
fn survey(bids: &[u64]) -> Survey {
    let mut survey = Survey::default();
    for height in bids {
        let bid = format!(
            r#"{{"provider":"akash1own","price":"10","denom":"uact","usd_per_month":null,"won":false,"at":"{AT}","height":{height},"state":"open"}}"#
        );
        let order = format!(
            r#"{{"order_id":"akash1t/{height}/1/1","at":"{AT}","height":{height},"order":null,"max_price":null,"state":"open","bids":[{bid}],"winner":null,"lease":null}}"#
        );
        let order: pricing_market::history::HistoryOrder = serde_json::from_str(&order).unwrap();
        let outcome = Outcome::of(&order, "akash1own").unwrap();
        survey.add(order, &outcome, true);
    }
    survey
}

/// The decisions that lines of a pull name, which are then written.
fn written(recorded: &mut LoggedOutcomes, bids: &[u64], height: Option<u64>) -> Vec<Option<u64>> {
    let news = recorded.news(&survey(bids), height, u64::MAX);
    news.lines
        .into_iter()
        .map(|(order, noted)| {
            recorded.written(order, noted);
            noted.decision
        })
        .collect()
}

#[test]
fn a_bid_is_joined_by_its_price_once_no_other_bid_can_come() {
    let mut recorded = with_a_decision();
    assert_eq!(written(&mut recorded, &[100], None), [None]);
    assert_eq!(written(&mut recorded, &[100], Some(165)), []);
    assert_eq!(written(&mut recorded, &[100], Some(166)), [Some(7)]);
    assert_eq!(written(&mut recorded, &[100], Some(200)), []);
    // A second bid that is pulled later makes the decision ambiguous.
    let mut recorded = with_a_decision();
    assert_eq!(written(&mut recorded, &[100], Some(101)), [None]);
    assert_eq!(written(&mut recorded, &[100, 102], Some(300)), [None]);
    assert!(recorded.written.values().all(|noted| noted.decision.is_none()));
}

#[test]
fn a_decision_that_is_read_later_is_found() {
    let mut recorded = LoggedOutcomes::open(Path::new("nowhere"));
    assert_eq!(written(&mut recorded, &[100], Some(300)), [None]);
    recorded.bids.push_back(LoggedBid::sample(7, "akash1t", "10", AT));
    assert_eq!(written(&mut recorded, &[100], Some(400)), [Some(7)]);
}

#[test]
fn a_log_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorded = LoggedOutcomes::open(folder.path());
    assert!(recorded.read_on().is_ok(), "a log without a file is empty");
    // A folder stands for a file that the disk does not give.
    std::fs::create_dir(folder.path().join("bids-20261001T000000Z-00000001.jsonl")).unwrap();
    let error = recorded.read_on().unwrap_err().to_string();
    assert!(error.contains("bids-20261001T000000Z"), "{error}");
}

#[test]
fn a_line_is_noted_after_it_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorded = LoggedOutcomes::open(folder.path());
    recorded
        .written("akash1t/1/1/1".to_owned(), WrittenOutcome { digest: Digest::of(b"1"), decision: None, gone: false });
    let file = folder.path().join(FILE);
    assert!(recorded.save(|_, _| Err(io::Error::other("the disk fails"))).is_err());
    assert!(!file.exists());
    let mut synced = false;
    recorded
        .save(|_, _| {
            // Not before it is synced.
            synced = !file.exists();
            Ok(())
        })
        .unwrap();
    assert!(synced && file.exists());
}
