//! A program of a real C library.

use super::*;

const COMMAND: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests/command.wasm"));

#[test]
fn a_c_program_sees_its_request_and_nothing_else() {
    let request = [b"[{\"memory\":1}".as_slice(), &[b' '; 5000]].concat();
    let run = run_file(COMMAND, state(&request));
    assert_eq!(run.code(), 0);
    let wanted = "program: plugin (1)\n\
        request: 5013 bytes, [{\"memory\":1\n\
        owner: akash1owner\n\
        home: none\n\
        time: 1000000000, uptime: 1000000000\n\
        rand: 0, noise: af cd 1d 7b 39 a8 20 e2\n\
        file: Capabilities insufficient\n\
        terminal: 0\n\
        price: 1671.000000\n";
    assert_eq!(run.stdout(), wanted);
    assert_eq!(run.output.stderr, b"a remark\n");
    assert!(!run.output.stderr_cut);
}

#[test]
fn a_c_program_answers_the_same_twice() {
    let first = run_file(COMMAND, state(b"{}"));
    let second = run_file(COMMAND, state(b"{}"));
    assert_eq!((&first.output, first.fuel), (&second.output, second.fuel));
    assert!(first.fuel > 0);
}

#[test]
fn the_exit_code_of_main_is_the_commands() {
    assert_eq!(run_file(COMMAND, state(b"")).code(), 7);
}
