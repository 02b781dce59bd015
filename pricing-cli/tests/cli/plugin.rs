//! The kit for plugin authors, where its output differs from run to run, or where a golden case cannot provide the
//! inputs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test case must say so at once")]

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use testkit::guest::{Guest, text_answer, text_data};

const ORDER: &str = "pricing-cli/templates/plugin/c/cases/web.yaml";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn plugin(name: &str) -> String {
    format!("pricing-cli/tests/plugins/{name}.wat")
}

/// Returns a command at the top of the workspace, in an empty environment. A plugin gets a deadline that no machine
/// misses, unless the arguments name one.
fn bidprice(args: &[&str]) -> Command {
    let mut command = crate::programs::bidprice();
    command.arg("plugin").args(args).current_dir(root());
    let calls = ["check", "run", "test", "bench"].iter().any(|command| args.first() == Some(command));
    if calls && !args.contains(&"--deadline") {
        command.args(["--deadline", "10min"]);
    }
    command
}

fn run(args: &[&str]) -> Output {
    bidprice(args).output().unwrap()
}

/// Returns a command's answer and its exit code.
fn json(args: &[&str]) -> (Value, Option<i32>) {
    let output = bidprice(args).args(["--output", "json"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    (answer, output.status.code())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Returns the core module of a component that bids 1.5.
fn guest() -> Vec<u8> {
    Guest { price: &text_answer(0, 3), fields: &text_data("1.5"), ..Guest::default() }.core_module()
}

#[test]
fn check_measures_what_production_would_load() {
    let (answer, exit) = json(&["check", &plugin("price")]);
    assert_eq!(exit, Some(0));
    assert_eq!((&answer["accepted"], &answer["kind"]), (&true.into(), &"command".into()));
    assert_eq!(answer["probe"]["answer"]["price"], "1.5");
    let limits = answer["limits"].as_array().unwrap();
    for key in ["file_bytes", "function_bytes", "compile_us", "call_fuel", "call_memory_bytes", "call_us"] {
        let fact = limits.iter().find(|fact| fact["limit"] == key).unwrap();
        assert!(!fact["has"].is_null() && !fact["may_have"].is_null(), "{fact}");
    }
}

#[test]
fn check_refuses_a_plugin_whose_probe_fails() {
    let (answer, exit) = json(&["check", &plugin("panic")]);
    assert_eq!(exit, Some(4));
    assert_eq!((&answer["accepted"], &answer["stage"]), (&false.into(), &"probe".into()));
    assert_eq!(answer["fault"]["code"], "trap");
    let limits = ["check", &plugin("price"), "--memory-limit", "32Ki"];
    let (answer, exit) = json(&limits);
    assert_eq!((exit, &answer["fault"]["code"]), (Some(4), &"memory-exceeded".into()));
}

#[test]
fn a_trap_shows_its_message_and_where_it_was() {
    let (answer, exit) = json(&["run", &plugin("panic"), ORDER, "--usd-per-akt", "0.5"]);
    assert_eq!(exit, Some(4));
    let call = &answer["calls"][0];
    assert_eq!(call["fault"]["message"], "the plugin crashed, saying: no rate for \u{fffd}[2Jxp");
    let backtrace: Vec<&str> = call["fault"]["backtrace"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    assert_eq!(backtrace[..2], ["rates::find", "\u{fffd}[31mprice"]);
    assert!(call["fuel"].as_u64().unwrap() > 0);
    let output = run(&["run", &plugin("panic"), ORDER]);
    assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("rates::find") && shown.contains("no rate for"), "{shown}");
}

#[test]
fn a_recording_is_priced_like_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("request.json");
    let order = "corpus/sdl/AUTOMATIC1111_deploy.yaml";
    let named = ["--inventory", "corpus/inventory/mixed.json", "--rates", "examples/rates.toml", "--commit", "cpu=2"];
    let plugin = plugin("price");
    let recorded =
        [
            &[
                "run",
                &plugin,
                order,
                "--record",
                text(&file),
                "--owner",
                "akash1tenantqqqqqqqqqqqqqqqqqqqqqqqqqq7wpl8u",
            ][..],
            &named,
        ]
        .concat();
    let (first, exit) = json(&recorded);
    assert_eq!(exit, Some(0));
    let (again, exit) = json(&["run", &plugin, "--replay", text(&file)]);
    assert_eq!(exit, Some(0));
    assert_eq!(first["calls"][0]["quote"], again["calls"][0]["quote"]);
    assert_eq!(first["calls"][0]["quote"]["targets"][0]["nodes"][0], "t4-1");
    // The rates of the environment are recorded, too.
    let mut command = bidprice(&["run", &plugin, ORDER, "--record", text(&file), "--output", "json"]);
    assert_eq!(command.env("PRICE_TARGET_CPU", "7").output().unwrap().status.code(), Some(0));
    assert!(fs::read_to_string(&file).unwrap().contains("PRICE_TARGET_CPU"));
    for (content, problem) in [("{", "line 1, column 1"), ("{\"schema\":2,\"request\":{}}", "missing field")] {
        fs::write(&file, content).unwrap();
        let output = run(&["run", &plugin, "--replay", text(&file)]);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("not a recording") && stderr.contains(problem), "{stderr}");
    }
}

#[test]
fn a_recording_replaces_none_of_its_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let (order, rates, inventory) = (place("web.yaml"), place("rates.toml"), place("inventory.json"));
    fs::copy(root().join(ORDER), &order).unwrap();
    fs::copy(root().join("examples/rates.toml"), &rates).unwrap();
    fs::copy(root().join("corpus/inventory/mixed.json"), &inventory).unwrap();
    fs::copy(root().join(plugin("price")), place("price.wat")).unwrap();
    let (price, link) = (place("price.wat"), place("link"));
    for input in [&order, &rates, &inventory, &price] {
        let before = fs::read(input).unwrap();
        std::os::unix::fs::symlink(input, &link).unwrap();
        for out in [input, &link] {
            let named = ["run", text(&price), text(&order), "--rates", text(&rates), "--inventory", text(&inventory)];
            let output = run(&[&named[..], &["--record", text(out)]].concat());
            assert_eq!(output.status.code(), Some(2), "{}", input.display());
            assert!(String::from_utf8(output.stderr).unwrap().contains("would replace the"));
        }
        let standard_input = bidprice(&["run", text(&price), "-", "--record", text(&order)])
            .stdin(fs::File::open(&order).unwrap())
            .output()
            .unwrap();
        assert_eq!(standard_input.status.code(), Some(2));
        assert_eq!(fs::read(input).unwrap(), before);
        fs::remove_file(&link).unwrap();
    }
    let pipe = place("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(run(&["run", text(&price), text(&order), "--record", text(&pipe)]).status.code(), Some(1));
    assert!(!fs::metadata(&pipe).unwrap().is_file());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "nothing else is left");
}

#[test]
fn a_profile_shows_the_fault_that_ended_it() {
    let arguments = ["run", &plugin("panic"), ORDER, "--profile=50ms"];
    let (answer, exit) = json(&arguments);
    let profile = &answer["calls"][0]["profile"];
    assert_eq!((exit, &profile["calls"], &profile["fault"]["code"]), (Some(4), &1.into(), &"trap".into()));
    let shown = String::from_utf8(run(&arguments).stdout).unwrap();
    assert!(shown.contains("The last of these calls failed: "), "{shown}");
}

#[test]
fn a_profile_names_the_busy_function() {
    let mut seconds = 1;
    // As long as this machine needs to take enough samples.
    let profile = loop {
        let profile = format!("--profile={seconds}s");
        let (answer, exit) = json(&["run", &plugin("busy"), ORDER, "--usd-per-akt", "0.5", &profile]);
        assert_eq!(exit, Some(0));
        let profile = answer["calls"][0]["profile"].clone();
        if profile["samples"].as_u64().unwrap() > 10 {
            break profile;
        }
        seconds *= 4;
    };
    assert!(profile["calls"].as_u64().unwrap() > 0);
    assert_eq!(profile["functions"][0]["name"], "count");
}

#[test]
fn a_bench_answers_what_the_contract_says() {
    let (answer, exit) = json(&["bench", &plugin("price"), "--order", ORDER, "--calls", "20", "--usd-per-akt", "1"]);
    assert_eq!(exit, Some(0));
    let keys: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys[..7], ["schema", "calls", "p50_us", "p99_us", "p999_us", "fuel", "native_p50_us"]);
    assert_eq!(answer["calls"], 20);
    for key in ["p50_us", "p99_us", "p999_us", "native_p50_us"] {
        assert!(answer[key].as_str().unwrap().parse::<f64>().unwrap() > 0.0, "{key}");
    }
    let shown = String::from_utf8(run(&["bench", &plugin("price"), "--order", ORDER, "--calls", "2"]).stdout).unwrap();
    assert!(shown.contains("p99.9") && shown.contains("built-in"), "{shown}");
}

#[test]
fn a_bench_of_what_is_no_bid_says_so() {
    // The order is in uakt, and there is no feed. The plugin changes the built-in quote.
    let changed = ["bench", "examples-plugins/built/owner-specials.wasm", "--order", ORDER, "--calls", "2"];
    let (answer, exit) = json(&changed);
    assert_eq!((exit, &answer["reason"]["code"]), (Some(4), &"rate-unavailable".into()));
    assert!(answer["fuel"].as_u64().unwrap() > 0);
    let output = run(&changed);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("warning: ") && stderr.contains("rate-unavailable: "), "{stderr}");
    // The plugin's own decline is an answer like any other.
    let denied = ["--owner", "akash1spammerqqqqqqqqqqqqqqqqqqqqqqqqqqauy75"];
    let (answer, exit) = json(&[&changed[..], &denied].concat());
    assert_eq!((exit, &answer["reason"]["code"]), (Some(0), &"plugin-declined".into()));
}

#[test]
fn cases_are_blessed_held_and_found_wanting() {
    let folder = tempfile::tempdir().unwrap();
    let cases = text(folder.path());
    let price = plugin("price");
    fs::copy(root().join(ORDER), folder.path().join("web.yaml")).unwrap();
    fs::write(folder.path().join("web.toml"), "order = 'web.yaml'\nusd_per_akt = 1\n").unwrap();
    // A rate card beside the cases is not a case.
    fs::write(folder.path().join("rates.toml"), "[rates]\ncpu = \"1\"\n").unwrap();
    let outcome = |answer: &Value| answer["cases"][0]["outcome"].as_str().unwrap().to_owned();
    let (answer, exit) = json(&["test", &price, cases]);
    assert_eq!((outcome(&answer).as_str(), exit), ("failed", Some(1)));
    assert!(answer["cases"][0]["message"].as_str().unwrap().contains("--bless"), "{answer}");
    let (answer, exit) = json(&["test", &price, cases, "--bless"]);
    assert_eq!((outcome(&answer).as_str(), exit), ("blessed", Some(0)));
    let (answer, exit) = json(&["test", &price, cases]);
    assert_eq!((outcome(&answer).as_str(), exit), ("ok", Some(0)));
    let expected = folder.path().join("web.expected.json");
    let golden = fs::read_to_string(&expected).unwrap();
    fs::write(&expected, golden.replace("\"1.5\"", "\"1.6\"")).unwrap();
    let (answer, exit) = json(&["test", &price, cases]);
    assert_eq!((outcome(&answer).as_str(), exit), ("failed", Some(1)));
    assert_eq!(answer["cases"][0]["differences"][0]["at"], "[0].price.amount");
    assert_eq!(answer["error"]["code"], "cases-failed");
    // A call that ran out of time is not a decision that can be recorded.
    let late = ["test", &plugin("flood"), cases, "--bless", "--deadline", "1ms", "--fuel", "1000000000000"];
    let (answer, _) = json(&late);
    assert_eq!(outcome(&answer), "failed");
    assert!(answer["cases"][0]["message"].as_str().unwrap().contains("deadline"), "{answer}");
}

#[test]
fn a_pipe_among_cases_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (answer, exit) = json(&["test", &plugin("price"), text(folder.path())]);
    assert_eq!(exit, Some(1));
    assert!(answer["cases"][0]["message"].as_str().unwrap().contains("not a plain file"), "{answer}");
    for command in ["check", "inspect"] {
        assert_eq!(run(&[command, text(&pipe)]).status.code(), Some(1), "{command}");
    }
}

#[test]
fn a_core_module_is_packed_and_then_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (core, packed) = (folder.path().join("core.wasm"), folder.path().join("plugin.wasm"));
    fs::write(&core, guest()).unwrap();
    let (answer, exit) = json(&["check", text(&core)]);
    assert_eq!((exit, &answer["stage"]), (Some(4), &"inspect".into()));
    assert!(answer["fault"]["message"].as_str().unwrap().contains("bidprice plugin pack"), "{answer}");
    let (answer, exit) = json(&["pack", text(&core), "-o", text(&packed)]);
    assert_eq!(exit, Some(0));
    assert_eq!(answer["component"]["bytes"], fs::metadata(&packed).unwrap().len());
    let (answer, exit) = json(&["run", text(&packed), ORDER, "--usd-per-akt", "0.5"]);
    assert_eq!((exit, &answer["calls"][0]["quote"]["price"]["amount"]), (Some(0), &"1.5".into()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    // The input is never replaced, under whatever name.
    let link = folder.path().join("link.wasm");
    std::os::unix::fs::symlink(&core, &link).unwrap();
    assert_eq!(run(&["pack", text(&core), "-o", text(&link)]).status.code(), Some(2));
    assert_eq!(fs::read(&core).unwrap(), guest());
    assert_eq!(run(&["pack", text(&core), "-o", text(folder.path())]).status.code(), Some(1));
}

#[test]
fn damaged_modules_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let (core, out) = (folder.path().join("core.wasm"), folder.path().join("out.wasm"));
    let module = guest();
    for length in (0..module.len()).step_by(97) {
        fs::write(&core, &module[..length]).unwrap();
        let output = run(&["pack", text(&core), "-o", text(&out)]);
        assert_eq!(output.status.code(), Some(1), "{length}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!out.exists());
    }
}

#[test]
fn a_project_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    for language in ["rust", "c", "js", "python"] {
        let project = folder.path().join(language);
        let (answer, exit) = json(&["new", "night-rates", "--lang", language, "--dir", text(&project)]);
        assert_eq!(exit, Some(0));
        for file in answer["project"]["files"].as_array().unwrap() {
            let content = fs::read_to_string(project.join(file.as_str().unwrap())).unwrap();
            assert!(!content.contains("{{name}}"), "{file}");
        }
        assert!(fs::read_to_string(project.join("README.md")).unwrap().contains("night-rates"));
        let again = run(&["new", "night-rates", "--lang", language, "--dir", text(&project)]);
        assert_eq!(again.status.code(), Some(1));
    }
}

/// Runs the C project's plugin, built for this machine. Returns its exit code (`None` for a trap), stdout and stderr.
fn script(program: &Path, request: &str) -> (Option<i32>, String, String) {
    let streams = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = streams.unwrap();
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_project_in_c_prices_nothing_that_it_did_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (project, program) = (folder.path().join("project"), folder.path().join("plugin"));
    assert!(run(&["new", "x", "--lang", "c", "--dir", text(&project)]).status.success());
    let compiled =
        Command::new("cc").arg("-o").arg(&program).args(["plugin.c", "json.c"]).current_dir(&project).status();
    assert!(compiled.unwrap().success());
    let unit = |fields: &str| format!("{{\"resources\":[{{{fields}}}],\"price\":{{\"denom\":\"uakt\"}}}}");
    let price = |request: &str| script(&program, request);
    // The minimum of 5 USD is 23.3 uakt a block. 62.5 threads cost 100 USD, which is 465.2 uakt.
    let priced = [(1000, 1_073_741_824_u64, 1, "24"), (62_500, 0, 1, "466"), (62_501, 1, 1, "466"), (1, 0, 0, "24")];
    for (cpu, memory, count, amount) in priced {
        let request = unit(&format!("\"cpu\":{cpu},\"memory\":{memory},\"count\":{count}"));
        assert_eq!(price(&request), (Some(0), format!("{amount}\n"), String::new()));
    }
    // 429.909 threads cost exactly 3200 uakt a block. With one more byte of memory, the price is rounded up.
    for (memory, amount) in [(0, "3200"), (1, "3201")] {
        let request = unit(&format!("\"cpu\":429909,\"memory\":{memory},\"count\":1"));
        assert_eq!(price(&request), (Some(0), format!("{amount}\n"), String::new()));
    }
    let missing = [unit("\"memory\":1,\"count\":1"), unit("\"cpu\":1,\"count\":1"), unit("\"cpu\":1,\"memory\":1")];
    let others = ["{}", "[]", "{\"resources\":[]}", "{\"resources\":null}", "[{}]", ""].map(str::to_owned);
    for request in missing.into_iter().chain(others) {
        let (exit, stdout, stderr) = price(&request);
        assert_eq!((exit, stdout.as_str()), (None, ""), "{request}");
        assert!(stderr.starts_with("the request cannot be read: "), "{request}: {stderr}");
    }
    let most = "{\"cpu\":1000000,\"memory\":4398046511104,\"gpu\":{\"units\":100},\"count\":100}";
    let (exit, stdout, stderr) = price(&format!("[{most}]"));
    assert_eq!((exit, stdout.as_str(), stderr.as_str()), (Some(1), "", "asks for more than there is\n"));
}

#[test]
fn a_log_of_a_million_lines_is_cut() {
    let (answer, exit) = json(&["run", &plugin("flood"), ORDER]);
    assert_eq!(exit, Some(4));
    let call = &answer["calls"][0];
    assert!(call["log"].as_array().unwrap().len() <= 256 && call["log_dropped"].as_u64().unwrap() > 0);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    for command in [&["inspect", &plugin("price")][..], &["run", &plugin("price"), ORDER, "--usd-per-akt", "1"]] {
        let mut child = bidprice(command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn several_at_once_share_a_cache() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("plugins");
    let price = plugin("price");
    let args = ["run", &price, ORDER, "--usd-per-akt", "1", "--plugin-cache", text(&folder), "--output", "json"];
    let streams = || bidprice(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children = [streams(), streams(), streams(), streams()];
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (answer, _) = json(&args[..7]);
    assert_eq!(answer["from_cache"], true);
}

#[test]
fn hostile_modules_are_packed_in_a_child_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (module, out) = (folder.path().join("module.wasm"), folder.path().join("out.wasm"));
    let core = guest();
    let section = |name: &str, content: &[u8]| {
        let mut section = vec![u8::try_from(name.len()).unwrap()];
        section.extend(name.as_bytes());
        section.extend(content);
        let mut whole = vec![0];
        let mut left = section.len();
        while left > 0x7f {
            whole.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
            left >>= 7;
        }
        whole.push(u8::try_from(left).unwrap());
        whole.extend(section);
        whole
    };
    let with = |sections: &[Vec<u8>]| [&core[..], &sections.concat()].concat();
    for (name, file) in [
        ("garbage for a world", with(&[section("component-type:x", &[0xff; 1_000])])),
        ("no world", with(&[section("component-type:x", b"")])),
        ("cut off", core[..core.len() / 2].to_vec()),
        ("many worlds", with(&vec![section("component-type:y", b"\0asm"); 50_000])),
        ("a long one", with(&[section("component-type:z", &vec![0; 1 << 20])])),
    ] {
        fs::write(&module, file).unwrap();
        let output = run(&["pack", text(&module), "-o", text(&out)]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {stderr}");
        assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{name}: {stderr}");
        assert!(!out.exists(), "{name}");
    }
    fs::write(&module, &core).unwrap();
    assert_eq!(run(&["pack", text(&module), "-o", text(&out)]).status.code(), Some(0));
    assert_eq!(json(&["check", text(&out)]).1, Some(0));
}

#[test]
fn a_folder_of_cases_is_bounded_and_its_pipes_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    fs::create_dir(&cases).unwrap();
    let pipe = |name: &str| assert!(Command::new("mkfifo").arg(cases.join(name)).status().unwrap().success());
    // A case that is a pipe, one whose order is a pipe, and one that names a device.
    pipe("pipe.toml");
    pipe("order.yaml");
    pipe("late.expected.json");
    fs::write(cases.join("named.toml"), "order = \"order.yaml\"").unwrap();
    fs::write(cases.join("device.toml"), "order = \"/dev/zero\"").unwrap();
    fs::write(cases.join("rates.toml"), "order = \"web.yaml\"\nrates = \"/dev/stdin\"").unwrap();
    fs::copy(root().join(ORDER), cases.join("web.yaml")).unwrap();
    fs::write(cases.join("late.toml"), "order = \"web.yaml\"").unwrap();
    let (answer, exit) = json(&["test", &plugin("price"), text(&cases)]);
    assert_eq!((exit, &answer["failed"]), (Some(1), &5.into()), "{answer}");
    for case in answer["cases"].as_array().unwrap() {
        assert!(case["message"].as_str().unwrap().contains("not a plain file"), "{case}");
    }
    for number in 0..10_001 {
        fs::write(cases.join(format!("{number}.toml")), "").unwrap();
    }
    let output = run(&["test", &plugin("price"), text(&cases)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("more than 10000 cases"));
}

#[test]
fn a_bomb_is_refused_by_every_command_that_loads_it() {
    let folder = tempfile::tempdir().unwrap();
    let (bomb, cases) = (folder.path().join("bomb.wat"), folder.path().join("cases"));
    let results = "i32 ".repeat(1_000);
    let function =
        format!("(func (block (result {results}) unreachable (br_table {})) unreachable)", "0 ".repeat(20_000));
    let module = format!("(module {function} (memory (export \"memory\") 1) (func (export \"_start\")))");
    fs::write(&bomb, module).unwrap();
    fs::create_dir(&cases).unwrap();
    fs::write(cases.join("a.toml"), "order = \"a.yaml\"").unwrap();
    for args in [
        &["check", text(&bomb)][..],
        &["inspect", text(&bomb)],
        &["run", text(&bomb), ORDER],
        &["bench", text(&bomb), "--order", ORDER],
        &["test", text(&bomb), text(&cases)],
    ] {
        let (answer, exit) = json(args);
        assert_eq!((exit, &answer["fault"]["code"]), (Some(4), &"load-rejected".into()), "{args:?}");
        let message = answer["fault"]["message"].as_str().unwrap();
        assert!(message.contains("1000 parameters or results"), "{message}");
    }
}
