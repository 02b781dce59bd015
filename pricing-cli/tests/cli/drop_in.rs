//! `bidprice-script` with a real service: it prints the service's price and refusals, and notices its death.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::programs::bidprice_script;
use crate::service::Program;

const REQUEST: &str = include_str!("../../../examples/request.json");

/// Runs `bidprice-script` with a fallback whose price differs from the service's.
fn ask(program: &Program, request: &str, fallback: &str) -> Output {
    let mut child = Command::new(bidprice_script())
        .env_clear()
        .env("BIDPRICE_SOCKET", program.socket())
        .env("BIDPRICE_FALLBACK", fallback)
        .env("BIDPRICE_DEADLINE", "60s")
        .env("BIDPRICE_USD_PER_AKT", "1")
        .env("AKASH_OWNER", "akash1owner")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drop_in_prints_the_services_price_and_prices_alone_only_once_it_is_dead() {
    let mut program = Program::new();
    program.put(
        "bidprice.toml",
        "[listen]\nsocket = \"bidprice.sock\"\n[rates.gpu]\nt4 = \"80\"\n\
         [feed]\nusd_per_akt = \"0.5\"\n[limits]\ndeadline = \"10m\"\n",
    );
    program.start().await;
    // 107.70 USD a month at 0.50 USD per AKT.
    assert_eq!(told(&ask(&program, REQUEST, "local")), (Some(0), "501.036266".to_owned(), String::new()));
    let unlisted = REQUEST.replace("\"t4\"", "\"h100\"");
    let (exit, stdout, stderr) = told(&ask(&program, &unlisted, "local"));
    assert_eq!((exit, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("unlisted-gpu: "), "{stderr}");
    program.kill();
    let (exit, stdout, stderr) = told(&ask(&program, REQUEST, "none"));
    assert_eq!((exit, stdout.as_str()), (Some(1), ""), "{stderr}");
    let (exit, stdout, stderr) = told(&ask(&program, REQUEST, "local"));
    assert!(exit == Some(0) && stdout != "501.036266", "{stdout}");
    assert!(stderr.contains("; pricing without it"), "{stderr}");
    program.start().await;
    assert_eq!(told(&ask(&program, REQUEST, "local")).1, "501.036266");
    program.stop().await;
}
