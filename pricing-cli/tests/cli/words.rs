//! An inventory in words, wherever the command line takes one, and what else a value may be.

use crate::scripts::Folder;

const ORDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../corpus/sdl/AI-Image-App_deploy.yaml");
const WORDS: &str = "2 nodes x 8 t4/16Gi/pcie";

#[test]
fn every_command_that_takes_an_inventory_takes_words() {
    let folder = Folder::new();
    folder.put("rates.toml", "[rates.gpu]\nt4 = 80\n");
    let commands: [&[&str]; 5] = [
        &["quote", ORDER, "--rates", "rates.toml", "--inventory", WORDS],
        &["reserve", ORDER, "--inventory", WORDS],
        &["rates", "check", "--rates", "rates.toml", "--inventory", WORDS],
        &["inventory", "check", WORDS],
        &["diff", "rates.toml", "rates.toml", "--orders", ORDER, "--inventory", WORDS],
    ];
    for command in commands {
        let ran = folder.run(command);
        assert_eq!((ran.exit, ran.stderr.as_str()), (Some(0), ""), "{command:?}: {}", ran.stdout);
    }
    let reserved = folder.run(&["reserve", ORDER, "--inventory", WORDS, "--output", "json"]);
    assert_eq!(reserved.json()["reservations"][0]["allocated"][0]["nodes"][0], "node1");
}

#[test]
fn a_file_is_read_before_words() {
    let folder = Folder::new();
    folder.put(WORDS.split('/').next().unwrap(), "{}");
    let name = WORDS.split('/').next().unwrap();
    let ran = folder.run(&["inventory", "check", name]);
    assert_eq!(ran.exit, Some(1), "{}", ran.stdout);
}

#[test]
fn what_is_neither_is_told_both_ways() {
    let folder = Folder::new();
    for (value, problem) in [
        ("absent.json", "expected a number of nodes"),
        ("2 nodes x 8", "expected a number of cards"),
        ("2 nodes x 8 nvida/h100", "did you mean `nvidia`?"),
    ] {
        let ran = folder.run(&["reserve", ORDER, "--inventory", value, "--output", "json"]);
        assert_eq!(ran.exit, Some(1));
        let error = ran.json()["error"].clone();
        assert_eq!(error["code"], "unreadable-input");
        let message = error["message"].as_str().unwrap();
        for part in ["there is no such file, and it is not an inventory in words", problem, "name a file, or `-`"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
