use std::fs;

use super::plan::range;
use super::*;
use crate::files::Files;
use crate::scenario;
use crate::sweep::Sweep;

const SCENARIO: &str = "[orders]\nsdl_dir = 'sdls'\n[inventory]\ndescribe = '1 nodes'\n[[strategy]]\nname = 'a'\n\
                        [sweep]\nseeds = 5\n[sweep.axes]\n'strategy.a.rates' = ['one.toml', 'two.toml']\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sdls")).unwrap();
    for name in ["one.toml", "two.toml", "sdls/b.yaml", "sdls/a.yml", "sdls/README.md"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    folder
}

fn read(text: &str) -> (toml::Table, Sweep) {
    let table = scenario::parse(text).unwrap();
    let sweep = Sweep::of(&table).unwrap();
    (table, sweep)
}

#[test]
fn shards_have_every_run_once_and_differ_by_one_at_most() {
    for (runs, shards) in [(0, 1), (1, 1), (10, 3), (7, 8), (1000, 7), (usize::MAX, 3)] {
        let mut next = 0;
        for shard in 0..shards {
            let range = range(runs, shard, shards);
            assert_eq!(range.start, next);
            assert!(range.len() == runs / shards || range.len() == runs / shards + 1);
            next = range.end;
        }
        assert_eq!(next, runs);
    }
}

#[test]
fn the_files_of_all_cells_are_inputs_and_those_of_a_folder_that_may_be_orders() {
    let folder = folder();
    let (_, sweep) = read(SCENARIO);
    let files = Files::in_folder(folder.path());
    let found = inputs(&sweep, &files).unwrap();
    let names: Vec<&str> = found.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["one.toml", "sdls", "two.toml"]);
    let within: Vec<&str> = found[1].files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(within, ["a.yml", "b.yaml"]);
    fs::remove_file(folder.path().join("two.toml")).unwrap();
    assert!(inputs(&sweep, &files).unwrap_err().to_string().starts_with("`two.toml`: "));
}

#[test]
fn an_identity_changes_with_all_that_it_stands_for() {
    let folder = folder();
    let files = Files::in_folder(folder.path());
    let of = |text: &str| {
        let (table, sweep) = read(text);
        Identity::of(&table, &sweep, &files).unwrap()
    };
    let one = of(SCENARIO);
    assert_eq!(one.digest(), of(&SCENARIO.replace("'1 nodes'", "\"1 nodes\"")).digest());
    let other = of(&SCENARIO.replace("1 nodes", "2 nodes"));
    assert_ne!(one.digest(), other.digest());
    let differences = one.differences(&other);
    assert_eq!(differences, ["`inventory.describe` is `\"2 nodes\"` there and `\"1 nodes\"` here"]);
    fs::write(folder.path().join("sdls/b.yaml"), "changed").unwrap();
    assert_eq!(of(SCENARIO).differences(&one), ["`sdls` has changed since"]);
    let newer = Identity { version: "9.9.9".to_owned(), ..one.clone() };
    assert!(one.digest() != newer.digest() && one.differences(&newer)[0].contains("version 9.9.9"));
}

#[test]
fn a_plan_can_be_read_elsewhere_and_never_leads_out_of_its_folder() {
    let folder = folder();
    let (table, sweep) = read(SCENARIO);
    let at = folder.path().join("plan");
    let plan = Plan::write(&at, "name", &table, &sweep, &Files::in_folder(folder.path()), 4).unwrap();
    let moved = folder.path().join("moved");
    fs::rename(&at, &moved).unwrap();
    fs::remove_dir_all(folder.path().join("sdls")).unwrap();
    let loaded = Plan::read(&moved).unwrap();
    assert_eq!((&loaded.plan, loaded.sweep.len()), (&plan, 10));
    assert_eq!(loaded.files.text_in("sdls", "a.yml").unwrap(), "sdls/a.yml");
    let text = fs::read_to_string(moved.join(PLAN)).unwrap();
    for (from, to) in [("inputs/000-one.toml", "../one.toml"), ("inputs/scenario.toml", "/etc/passwd")] {
        fs::write(moved.join(PLAN), text.replace(from, to)).unwrap();
        assert!(Plan::read(&moved).unwrap_err().to_string().contains("outside of its folder"), "{to}");
    }
    fs::write(moved.join(PLAN), text.replace("\"runs\": 10", "\"runs\": 11")).unwrap();
    assert!(Plan::read(&moved).unwrap_err().to_string().contains("does not agree"));
    fs::write(moved.join(PLAN), text.replace(VERSION, "9.9.9")).unwrap();
    assert!(Plan::read(&moved).unwrap_err().to_string().contains("planned by version 9.9.9"));
}
