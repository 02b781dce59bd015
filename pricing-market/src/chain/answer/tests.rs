use super::*;

const BID: &str = r#"{"bid":{"bid_id":{"owner":"akash1o","dseq":"17","gseq":1,"oseq":1,"provider":"akash1p"},
"state":"open","price":{"denom":"uakt","amount":"1"},"created_at":"18"}}"#;

fn error(text: &str) -> InputError {
    read(text).unwrap_err()
}

#[test]
fn a_text_holds_any_number_of_answers() {
    let page = format!("{{\"bids\":[{BID}],\"pagination\":{{\"next_key\":\"AQ==\",\"total\":\"0\"}}}}");
    let block = r#"{"block_id":{},"block":{"header":{"height":"20","time":"2026-09-01T00:00:00.5Z"}}}"#;
    let lengths = |text: &str| read(text).unwrap().iter().map(|answer| answer.counts().total()).collect::<Vec<_>>();
    assert_eq!(lengths(&page), [1]);
    assert_eq!(lengths(&format!("\u{feff}{page}\n{page} {block}\n")), [1, 1, 0]);
    assert_eq!(lengths(&format!("[{page},{page}]")), [1, 1]);
    assert_eq!(read(&page).unwrap()[0].next_key(), Some("AQ=="));
    assert_eq!(read(block).unwrap()[0].block(), Some((20, 1_788_220_800_500)));
}

#[test]
fn an_answer_may_lack_whole_lists() {
    for empty in [
        r#"{"bids":[],"pagination":{"next_key":null,"total":"0"}}"#,
        r#"{"pagination":{"next_key":"","total":"0"}}"#,
        r#"{"leases":null,"orders":[]}"#,
    ] {
        let answers = read(empty).unwrap();
        assert!(answers[0].counts().total() == 0 && answers[0].next_key().is_none(), "{empty}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    assert_eq!(error("").message(), "it is empty");
    assert!(error("{}").to_string().contains("it has no `bids`"));
    let said = error(r#"{"code":5,"message":"key not \u001b[2J found","details":[]}"#).to_string();
    assert_eq!(said, "the node answered with an error: key not \u{fffd}[2J found");
    assert!(error("<html>").to_string().starts_with("line 1, column 1"));
}

#[test]
fn a_malformed_record_is_refused_with_its_place() {
    for (wrong, right, path, line) in [
        ("\"owner\":\"\"", "\"owner\":\"akash1o\"", "bids[1].bid.bid_id.owner", 2),
        ("\"dseq\":\"x\"", "\"dseq\":\"17\"", "bids[1].bid.bid_id.dseq", 2),
        ("\"gseq\":-1", "\"gseq\":1", "bids[1].bid.bid_id.gseq", 2),
        ("\"provider\":\"a b\"", "\"provider\":\"akash1p\"", "bids[1].bid.bid_id.provider", 2),
        ("\"state\":\"won\"", "\"state\":\"open\"", "bids[1].bid.state", 3),
        ("\"amount\":\"-1\"", "\"amount\":\"1\"", "bids[1].bid.price.amount", 3),
        ("\"denom\":\"\"", "\"denom\":\"uakt\"", "bids[1].bid.price.denom", 3),
        ("\"price\":null", "\"price\":{\"denom\":\"uakt\",\"amount\":\"1\"}", "bids[1].bid", 3),
        ("\"created_at\":\"\"", "\"created_at\":\"18\"", "bids[1].bid.created_at", 3),
    ] {
        let second = BID.replace(right, wrong);
        assert_ne!(second, BID, "{right}");
        let error = error(&format!("{{\"bids\":[{},\n{second}]}}", BID.replace('\n', "")));
        assert_eq!((error.path(), error.line()), (Some(path), Some(line)), "{wrong}: {error}");
    }
}

#[test]
fn a_price_is_a_coin_or_a_list_of_one() {
    let with = |price: &str| {
        let bid = BID.replace("\"price\":{\"denom\":\"uakt\",\"amount\":\"1\"}", price);
        let text = format!("{{\"bids\":[{bid}]}}");
        let answers = read(&text).map_err(|error| error.to_string())?;
        let price = &answers[0].0.bids.as_ref().unwrap()[0].bid.price;
        Ok::<_, String>(format!("{} {}", price.amount.0, price.denom))
    };
    let coin = "{\"denom\":\"uact\",\"amount\":\"1.50\"}";
    assert_eq!(with(&format!("\"price\":{coin},\"prices\":null")).unwrap(), "1.5 uact");
    assert_eq!(with(&format!("\"prices\":[{coin}]")).unwrap(), "1.5 uact");
    assert!(with(&format!("\"prices\":[{coin},{coin}]")).unwrap_err().contains("expected one price"));
    assert!(with("\"prices\":[]").unwrap_err().contains("missing field `price`"));
}

#[test]
fn a_cut_answer_is_recognised() {
    let page = format!("{{\"bids\":[{BID}]}}");
    assert!((1..page.len()).all(|length| is_cut(&page[..length])));
    assert!(!is_cut(&page) && !is_cut("<html>") && !is_cut("{\"bids\":7}"));
}
