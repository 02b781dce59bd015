//! What each function answers.

use super::*;

#[test]
fn all_functions_are_there_with_their_types() {
    let mut linker: Linker<Host> = Linker::new(shared_engine());
    add_to_linker(&mut linker).unwrap();
    let mut store = Store::new(shared_engine(), Host { wasi: WasiState::default(), late: false });
    let mut defined: Vec<_> = linker.iter(&mut store).map(|(module, name, _)| (module, name.to_owned())).collect();
    defined.sort();
    assert_eq!(defined, WASI_FUNCTIONS.iter().map(|function| (MODULE, function.name.to_owned())).collect::<Vec<_>>());
    // Linking compares the types.
    assert_eq!(run_body("", state(b"")).code(), 0);
}

#[test]
fn exit_codes_reach_the_host() {
    for code in [0, 1, 255, 256, u32::MAX] {
        let run = run_body(&format!("(call $proc_exit (i32.const {code})) unreachable"), state(b""));
        assert_eq!(run.end.as_ref().unwrap_err().downcast_ref(), Some(&Exit(code)));
        assert_eq!(run.code(), code);
    }
    assert_eq!(errno(&[], "proc_raise", &[6]), 52);
    assert_eq!(errno(&[], "sched_yield", &[]), 0);
}

fn named(prefix: &str) -> impl Iterator<Item = &'static WasiFunction> {
    WASI_FUNCTIONS.iter().filter(move |function| function.name.starts_with(prefix))
}

#[test]
fn there_are_no_files_and_sockets() {
    for WasiFunction { name, params, .. } in named("path_") {
        for (descriptor, wanted) in [(0, 76), (2, 76), (3, 8), (-1, 8)] {
            let mut arguments = vec![0; params.len()];
            arguments[if *name == "path_symlink" { 2 } else { 0 }] = descriptor;
            assert_eq!(errno(&[], name, &arguments), wanted, "{name} {descriptor}");
        }
    }
    for WasiFunction { name, params, .. } in named("sock_") {
        for (descriptor, wanted) in [(1, 57), (3, 8)] {
            let mut arguments = vec![0; params.len()];
            arguments[0] = descriptor;
            assert_eq!(errno(&[], name, &arguments), wanted, "{name} {descriptor}");
        }
    }
    for descriptor in 0..5 {
        assert_eq!(errno(&[], "fd_prestat_get", &[descriptor, 0]), 8);
        assert_eq!(errno(&[], "fd_prestat_dir_name", &[descriptor, 0, 10]), 8);
    }
}

#[test]
fn descriptors_answer_as_pipes_do() {
    for WasiFunction { name, params, .. } in named("fd_") {
        let on_stream = match *name {
            "fd_read" | "fd_prestat_get" | "fd_prestat_dir_name" => 8,
            "fd_advise" | "fd_allocate" | "fd_pread" | "fd_pwrite" | "fd_seek" | "fd_tell" => 70,
            "fd_fdstat_set_rights" | "fd_filestat_set_times" | "fd_renumber" => 58,
            "fd_filestat_set_size" => 28,
            "fd_readdir" => 54,
            _ => 0,
        };
        for (descriptor, wanted) in [(1, on_stream), (3, 8), (-1, 8)] {
            let mut arguments = vec![0; params.len()];
            arguments[0] = descriptor;
            assert_eq!(errno(&[], name, &arguments), wanted, "{name} {descriptor}");
        }
    }
}

#[test]
fn a_closed_stream_is_gone_and_what_it_wrote_is_kept() {
    let body = "(i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 2))
        (i32.store (i32.const 100) (i32.const 0x6968))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (drop (call $fd_close (i32.const 1)))
        (call $proc_exit (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))";
    let run = run_body(body, state(b""));
    assert_eq!((run.code(), run.stdout()), (8, "hi"));
}

/// A body that writes the first bytes of the memory to stdout.
fn print(length: u32) -> String {
    format!(
        "(i32.store (i32.const 60000) (i32.const 0)) (i32.store (i32.const 60004) (i32.const {length}))
        (drop (call $fd_write (i32.const 1) (i32.const 60000) (i32.const 1) (i32.const 60008)))"
    )
}

#[test]
fn arguments_and_environment_are_what_the_host_gives() {
    let body = |what: &str| {
        format!(
            "(drop (call ${what}_sizes_get (i32.const 0) (i32.const 4)))
            (drop (call ${what}_get (i32.const 8) (i32.const 16))) {}",
            print(64)
        )
    };
    let run = run_body(&body("args"), state(b""));
    let (numbers, text) = run.output.stdout.split_at(12);
    assert_eq!(numbers, [1, 0, 0, 0, 7, 0, 0, 0, 16, 0, 0, 0]);
    assert!(text.starts_with(b"\0\0\0\0plugin\0\0"));

    let run = run_body(&body("environ"), state(b""));
    let (numbers, text) = run.output.stdout.split_at(16);
    assert_eq!(numbers, [2, 0, 0, 0, 41, 0, 0, 0, 16, 0, 0, 0, 40, 0, 0, 0]);
    assert!(text.starts_with(b"AKASH_OWNER=akash1owner\0AKASH_DENOM=uact\0\0"));

    // A NUL would let a value end where a program does not expect it.
    let odd = with_environment(b"", &[("A", "b\0C=d"), ("E", "")]);
    let run = run_body(&body("environ"), odd);
    assert!(run.output.stdout[16..].starts_with(b"A=b\0E=\0\0"));
    assert_eq!(
        run_body("(call $proc_exit (call $environ_get (i32.const -1) (i32.const -1)))", WasiState::default()).code(),
        21
    );
}

#[test]
fn clocks_stand_still() {
    for clock in 0..4 {
        let body = format!(
            "(drop (call $clock_time_get (i32.const {clock}) (i64.const 1) (i32.const 0)))
            (drop (call $clock_res_get (i32.const {clock}) (i32.const 8))) {}",
            print(16)
        );
        let run = run_body(&body, state(b""));
        assert_eq!(run.output.stdout, [clocks::NOW.to_le_bytes(), clocks::RESOLUTION.to_le_bytes()].concat());
    }
    assert_eq!(errno(&[], "clock_time_get", &[4, 0, 0]), 28);
    assert_eq!(errno(&[], "clock_res_get", &[-1, 0]), 28);
}

#[test]
fn random_numbers_are_the_same_in_each_call() {
    let body = format!("(drop (call $random_get (i32.const 0) (i32.const 1000))) {}", print(1000));
    let pieces = format!(
        "(loop (drop (call $random_get (local.get $i) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000)))) {}",
        print(1000)
    );
    let whole = run_body(&body, state(b"")).output.stdout;
    assert_eq!(whole.len(), 1000);
    assert_eq!(whole, run_body(&body, state(b"other")).output.stdout);
    assert_eq!(whole, run_body(&pieces, state(b"")).output.stdout);
    assert!(whole.chunks(8).collect::<std::collections::BTreeSet<_>>().len() == 125);
}

/// A subscription's words: user data 7, a kind, a clock or descriptor, and a time.
fn subscription(kind: u32, what: u32, time: u64) -> Vec<u32> {
    let [low, high] = [time % (1 << 32), time >> 32].map(|half| u32::try_from(half).unwrap());
    vec![7, 0, kind, 0, what, 0, low, high, 0, 0, 0, 0]
}

#[test]
fn waiting_is_over_at_once() {
    const YEAR: u64 = 365 * 24 * 3600 * 1_000_000_000;
    let wait = |subscriptions: &[Vec<u32>]| {
        let count = subscriptions.len();
        let fields = format!(
            "(data (i32.const 1000) \"{}\")
            (func (export \"_start\")
                (if (call $poll_oneoff (i32.const 1000) (i32.const 4) (i32.const {count}) (i32.const 0))
                    (then unreachable)) {})",
            bytes(&subscriptions.concat()),
            print(4 + u32::try_from(count).unwrap() * 32)
        );
        run_file(&module(&fields), state(b"the request")).output.stdout
    };
    let events = wait(&[
        subscription(0, 1, YEAR),
        subscription(0, 9, YEAR),
        subscription(1, 0, 0),
        subscription(2, 1, 0),
        subscription(1, 3, 0),
    ]);
    let words: Vec<u32> = events.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    // The error number and the kind share a word.
    let event = |errno: u32, kind: u32, bytes: u32| vec![7, 0, errno | kind << 16, 0, bytes, 0, 0, 0];
    let wanted =
        [vec![5], event(0, 0, 0), event(28, 0, 0), event(0, 1, 11), event(0, 2, 65536), event(8, 1, 0)].concat();
    assert_eq!(words, wanted);
}
