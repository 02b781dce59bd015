//! Pointers, lengths and floods of a guest that means harm.

use super::*;

const FAULT: u32 = 21;
const PAGE: i64 = 65_536;

#[test]
fn pointers_outside_of_the_memory_are_faults() {
    // The list at 0 has one good buffer, at 100.
    let good = [100, 4];
    for (function, arguments) in [
        ("fd_read", vec![0, PAGE - 7, 1, 200]),
        ("fd_read", vec![0, -1, 1, 200]),
        ("fd_read", vec![0, -8, 1, 200]),
        ("fd_read", vec![0, PAGE, 1, 200]),
        ("fd_read", vec![0, 0, 0x2000_0000, 200]),
        ("fd_read", vec![0, 0, -1, 200]),
        ("fd_read", vec![0, 8, -1, 200]),
        ("fd_read", vec![0, PAGE + 1, 0, 200]),
        ("fd_read", vec![0, 0, 1, PAGE - 3]),
        ("fd_read", vec![0, 0, 1, -1]),
        ("fd_write", vec![1, PAGE - 7, 1, 200]),
        ("fd_write", vec![1, 0, -1, 200]),
        ("fd_write", vec![1, 0, 1, -4]),
        ("fd_write", vec![2, 0, 1, PAGE]),
        ("fd_fdstat_get", vec![0, PAGE - 23]),
        ("fd_filestat_get", vec![0, -1]),
        ("args_get", vec![PAGE - 3, 0]),
        ("args_get", vec![0, PAGE - 6]),
        ("args_sizes_get", vec![PAGE, 0]),
        ("args_sizes_get", vec![0, -1]),
        ("environ_get", vec![-1, 0]),
        ("environ_get", vec![0, -1]),
        ("environ_sizes_get", vec![-4, 0]),
        ("clock_time_get", vec![0, 0, PAGE - 7]),
        ("clock_res_get", vec![0, -1]),
        ("random_get", vec![1, PAGE]),
        ("random_get", vec![0, -1]),
        ("random_get", vec![-1, -1]),
        ("random_get", vec![PAGE + 1, 0]),
        ("poll_oneoff", vec![0, 1000, -1, 200]),
        ("poll_oneoff", vec![0, 1000, 0x0555_5556, 200]),
        ("poll_oneoff", vec![PAGE - 47, 1000, 1, 200]),
        ("poll_oneoff", vec![0, PAGE - 31, 1, 200]),
        ("poll_oneoff", vec![0, 1000, 1, PAGE - 3]),
    ] {
        assert_eq!(errno(&good, function, &arguments), FAULT, "{function} {arguments:?}");
    }
}

#[test]
fn buffers_outside_of_the_memory_are_faults() {
    for buffer in
        [[65_535, 2], [65_536, 1], [65_537, 0], [0, u32::MAX], [u32::MAX, u32::MAX], [u32::MAX, 0], [1, 65_536]]
    {
        let list = [[100, 4], buffer].concat();
        assert_eq!(errno(&list, "fd_read", &[0, 0, 2, 200]), FAULT, "{buffer:?}");
        assert_eq!(errno(&list, "fd_write", &[1, 0, 2, 200]), FAULT, "{buffer:?}");
        assert_eq!(errno(&list, "fd_write", &[2, 0, 2, 200]), FAULT, "{buffer:?}");
    }
}

#[test]
fn the_edge_of_the_memory_is_part_of_it() {
    for (list, function, arguments) in [
        (vec![65_535, 1], "fd_read", vec![0, 0, 1, 200]),
        (vec![65_536, 0], "fd_read", vec![0, 0, 1, PAGE - 4]),
        (vec![], "fd_read", vec![0, PAGE, 0, 200]),
        (vec![0, 65_536], "fd_read", vec![0, 0, 1, 200]),
        (vec![], "random_get", vec![0, PAGE]),
        (vec![], "random_get", vec![PAGE, 0]),
        (vec![], "clock_time_get", vec![0, 0, PAGE - 8]),
        (vec![], "args_get", vec![PAGE - 4, 0]),
        (vec![], "args_get", vec![0, PAGE - 7]),
        (vec![], "fd_fdstat_get", vec![0, PAGE - 24]),
        (vec![], "poll_oneoff", vec![PAGE - 48, PAGE - 32, 1, PAGE - 4]),
        // The maximum number of subscriptions, each answered into the place of the next.
        (vec![], "poll_oneoff", vec![0, 16, 1024, 0]),
    ] {
        assert_eq!(errno(&list, function, &arguments), 0, "{function} {arguments:?}");
    }
}

#[test]
fn nonsense_is_invalid() {
    assert_eq!(errno(&[], "poll_oneoff", &[0, 1000, 0, 200]), 28);
    assert_eq!(errno(&[0, 0, 3], "poll_oneoff", &[0, 1000, 1, 200]), 28);
    assert_eq!(errno(&[], "fd_read", &[0, 0, 1025, 200]), 28);
    assert_eq!(errno(&[], "fd_read", &[0, 0, 1024, 200]), 0);
}

#[test]
fn a_program_without_memory_is_told_so() {
    let text = format!(
        "(module (import \"{MODULE}\" \"random_get\" (func $get (param i32 i32) (result i32)))
        (import \"{MODULE}\" \"proc_exit\" (func $exit (param i32)))
        (func (export \"_start\") (call $exit (call $get (i32.const 0) (i32.const 1)))))"
    );
    assert_eq!(run_file(&wat::parse_str(text).unwrap(), state(b"")).code(), FAULT);
}

#[test]
fn a_memory_that_grew_is_seen() {
    let body = "(if (call $random_get (i32.const 0) (i32.const 16)) (then unreachable))
        (drop (memory.grow (i32.const 1)))
        (call $proc_exit (call $random_get (i32.const 131068) (i32.const 4)))";
    assert_eq!(run_body(body, state(b"")).code(), 0);
}

#[test]
fn floods_of_every_function_end_by_fuel() {
    for function in returning() {
        let run = run_body(&format!("(loop {} (br 0))", call_with_zeros(function)), state(b"request"));
        assert_eq!(run.trap(), Some(Trap::OutOfFuel), "{}: {:?}", function.name, run.end);
        assert_eq!(run.fuel, CallLimits::default().fuel, "{}", function.name);
    }
}

#[test]
fn large_moves_cost_what_they_move() {
    let fuel = |length: u32| {
        run_body(&format!("(drop (call $random_get (i32.const 0) (i32.const {length})))"), state(b"")).fuel
    };
    let fixed = fuel(0);
    assert!(fixed >= 100);
    for (length, wanted) in [(1, 1), (2, 1), (8, 4), (9, 5), (65_536, 32_768)] {
        assert_eq!(fuel(length), fixed + wanted);
    }
    // Bytes that are not moved cost nothing.
    assert_eq!(fuel(65_537), fixed);
}

#[test]
fn fuel_that_ran_out_within_a_function_is_all_gone() {
    let body = "(loop (drop (call $random_get (i32.const 0) (i32.const 65536))) (br 0))";
    let run = run_body(body, state(b""));
    assert_eq!((run.trap(), run.fuel), (Some(Trap::OutOfFuel), CallLimits::default().fuel));
}

#[test]
fn a_function_that_is_called_too_late_ends_the_call() {
    for function in returning() {
        let file = module(&format!("(func (export \"_start\") {})", call_with_zeros(function)));
        let run = run_on(Host { wasi: state(b""), late: true }, &file);
        assert_eq!(run.trap(), Some(Trap::Interrupt), "{}", function.name);
    }
}

#[test]
fn a_start_function_is_served_too() {
    let text = format!(
        "(module (import \"{MODULE}\" \"proc_exit\" (func $exit (param i32)))
        (func $start (call $exit (i32.const 9))) (start $start) (func (export \"_start\")))"
    );
    assert_eq!(run_file(&wat::parse_str(text).unwrap(), state(b"")).code(), 9);
}

#[test]
fn the_default_state_has_nothing_to_read_and_no_room() {
    let write = "(i32.store (i32.const 4) (i32.const 1))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))";
    let run = run_body(write, WasiState::default());
    assert!(run.end.as_ref().is_err_and(|error| error.is::<OutputExceeded>()));
    assert_eq!(run.output, Output::default());
}
