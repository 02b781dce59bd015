//! `bidprice doctor` where the inventory, the feed, the clock or the nodes of the chain are at fault.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use testkit::free_address::FreeAddress;

use super::{BASE, BLOCK, FIXED, INVENTORY, date, doctor, expect_problem, feed, hung, installed, server};
use crate::serve::stdout;

#[test]
fn an_inventory_that_cannot_be_used_is_told() {
    let (_listener, hung) = hung();
    let closed = FreeAddress::new();
    let operator = |address: &str| format!("[inventory]\noperator = \"{address}\"\nsilence = \"1s\"\n");
    for (inventory, content, words) in [
        (INVENTORY.to_owned(), None, &["`inventory.file`: ", "No such file", "until then there is no bid"][..]),
        (
            INVENTORY.to_owned(),
            Some("<html>"),
            &["`inventory.file`: ", "its last snapshot is not used", "write it again"],
        ),
        (INVENTORY.to_owned(), Some("{\"nodes\":[],\"storage\":[]}"), &["it has no usable node"]),
        (INVENTORY.replace("inventory.json", "."), None, &["not a plain file"]),
        (operator(&format!("http://{}", closed.get())), None, &["`inventory.operator`: ", "that the peer runs"]),
        (
            operator(&hung),
            None,
            &["`inventory.operator`: the operator http://127.0.0.1:", "until then there is no bid"],
        ),
    ] {
        let folder = installed(&[BASE, &inventory, FIXED].concat());
        let file = folder.path().join("inventory.json");
        match content {
            None => fs::remove_file(file).unwrap(),
            Some(content) => fs::write(file, content).unwrap(),
        }
        expect_problem(folder.path(), words);
    }
    let folder = installed(&[BASE, &INVENTORY.replace("10years", "1m"), FIXED].concat());
    let file = fs::File::options().append(true).open(folder.path().join("inventory.json")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    expect_problem(
        folder.path(),
        &["`inventory.file`: ", "is 1h", "`inventory.max_age` is 1m", "write it again, or raise"],
    );
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    expect_problem(folder.path(), &["in the future; set the clock"]);
}

#[test]
fn a_feed_without_a_value_is_told_unless_the_cache_has_one() {
    let html = server(String::new, "<html>");
    let (_listener, hung) = hung();
    for (source, words) in [
        (feed(&html), &["`feed`: no source has a usable answer; ", "until then orders in uakt get no bid"][..]),
        (feed(&hung).replace("5m", "1s"), &["`feed`: no source has a usable answer; "]),
    ] {
        let folder = installed(&[BASE, INVENTORY, &source].concat());
        expect_problem(folder.path(), words);
        fs::write(folder.path().join("feed.cache"), "0.4\n").unwrap();
        fs::set_permissions(folder.path().join("feed.cache"), fs::Permissions::from_mode(0o600)).unwrap();
        let output = doctor(folder.path());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(stdout(&output).contains("; the cache has 0.40 USD, "), "{output:?}");
        assert_eq!(fs::read_to_string(folder.path().join("feed.cache")).unwrap(), "0.4\n");
    }
    // A jump that nobody confirms is not plausible.
    let folder = installed(&[BASE, INVENTORY, &feed(&server(String::new, "{\"usd\":9}"))].concat());
    fs::write(folder.path().join("feed.cache"), "0.4\n").unwrap();
    fs::set_permissions(folder.path().join("feed.cache"), fs::Permissions::from_mode(0o600)).unwrap();
    let output = doctor(folder.path());
    assert!(
        stdout(&output).contains("warning  `feed`: 9 is more than 20 % away from the last value 0.4"),
        "{output:?}"
    );
    fs::set_permissions(folder.path().join("feed.cache"), fs::Permissions::from_mode(0o666)).unwrap();
    let output = doctor(folder.path());
    assert!(
        stdout(&output).contains("warning  `feed.cache`: feed.cache: others than its owner may write it"),
        "{output:?}"
    );
}

#[test]
fn a_clock_that_is_wrong_and_nodes_that_do_not_answer_are_told() {
    let past = || "date: Tue, 01 Dec 2020 12:00:00 GMT\r\n".to_owned();
    let folder = installed(&[BASE, INVENTORY, &feed(&server(past, "{\"usd\":0.5}"))].concat());
    expect_problem(folder.path(), &["127.0.0.1, by the answer's date: this system's clock is ", "set the clock"]);
    let closed = FreeAddress::new();
    let outcomes = |rest: &str| {
        format!("[outcomes]\nrest = [{rest}]\nprovider = \"akash1365yvmc4s7awdyj3n2sav7xfx76adc6dnmlx63\"\n")
    };
    let node = format!("\"http://{}\"", closed.get());
    let folder = installed(&[BASE, INVENTORY, FIXED, &outcomes(&node)].concat());
    expect_problem(folder.path(), &[&closed.get().to_string(), "no connection", "`outcomes.rest`"]);
    // One node is enough.
    let two = format!("{node}, \"{}\"", server(date, BLOCK));
    let output = doctor(installed(&[BASE, INVENTORY, FIXED, &outcomes(&two)].concat()).path());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("the others are asked"), "{output:?}");
}
