//! Reading the request and writing the price.

use super::*;

/// Reads pieces of this size until the end and writes them.
fn echo(piece: u32) -> String {
    format!(
        "(loop
            (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const {piece}))
            (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))
            (i32.store (i32.const 4) (i32.load (i32.const 8)))
            (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)) (then unreachable))
            (if (i32.ne (i32.load (i32.const 8)) (i32.load (i32.const 12))) (then unreachable))
            (br_if 0 (i32.load (i32.const 8))))"
    )
}

#[test]
fn what_is_read_in_pieces_is_the_whole() {
    let request: Vec<u8> = (0..10_000).map(|place: u32| u8::try_from(place % 251).unwrap()).collect();
    for piece in [1, 7, 4096, 60_000] {
        let run = run_body(&echo(piece), state(&request));
        assert_eq!(run.code(), 0);
        assert_eq!(run.output.stdout, request);
    }
    assert_eq!(run_body(&echo(10), state(b"")).output.stdout, b"");
}

/// Runs one function on stdin or stdout with these buffers at 0, then writes the first bytes of the memory.
fn with_buffers(function: &str, descriptor: u32, list: &[u32], print: u32, stdin: &[u8]) -> Run {
    let fields = format!(
        "(data (i32.const 0) \"{}\") (data (i32.const 60000) \"{}\")
        (func (export \"_start\") (local $errno i32)
            (local.set $errno
                (call ${function} (i32.const {descriptor}) (i32.const 0) (i32.const {}) (i32.const 50000)))
            (drop (call $fd_write (i32.const 1) (i32.const 60000) (i32.const 2) (i32.const 50004)))
            (call $proc_exit (local.get $errno)))",
        bytes(list),
        bytes(&[0, print, 50_000, 4]),
        list.len() / 2,
    );
    run_file(&module(&fields), state(stdin))
}

#[test]
fn buffers_are_filled_in_turn() {
    let run = with_buffers("fd_read", 0, &[100, 3, 200, 0, 65_536, 0, 103, 5, 120, 9], 130, b"0123456789");
    assert_eq!(run.code(), 0);
    let (memory, done) = run.output.stdout.split_at(130);
    assert_eq!(memory[100..], *b"01234567\0\0\0\0\0\0\0\0\0\0\0\x0089\0\0\0\0\0\0\0\0");
    assert_eq!(done, 10_u32.to_le_bytes());
}

#[test]
fn a_list_in_its_own_buffer_changes_nothing() {
    // The first buffer is the list itself: what is read there turns the second entry into nonsense.
    let run = with_buffers("fd_read", 0, &[0, 16, 100, 4], 104, &[0xff; 18]);
    assert_eq!(run.code(), 0);
    let (memory, done) = run.output.stdout.split_at(104);
    assert_eq!(memory[..16], [0xff; 16]);
    assert_eq!(memory[100..], [0xff, 0xff, 0, 0]);
    assert_eq!(done, 18_u32.to_le_bytes());
    // The same for writing: nothing is written into the list, so it is written as it is.
    let run = with_buffers("fd_write", 1, &[0, 16, 0, 16], 0, b"");
    assert_eq!(run.output.stdout.len(), 36);
    assert_eq!(run.output.stdout[..16], run.output.stdout[16..32]);
}

#[test]
fn stdout_ends_the_call_when_it_is_full() {
    let limit = u32::try_from(CallLimits::default().output_bytes).unwrap();
    // Exactly full is fine; a byte more is not, in one write or in another.
    let half = limit / 2;
    let full = with_buffers("fd_write", 1, &[0, half, 0, half], 0, b"");
    assert!(full.end.as_ref().is_err_and(|error| error.is::<OutputExceeded>()), "4 bytes too many");
    assert_eq!(full.output.stdout.len(), usize::try_from(limit).unwrap());
    let more = with_buffers("fd_write", 1, &[0, half, 0, half + 1], 0, b"");
    assert!(more.end.as_ref().is_err_and(|error| error.is::<OutputExceeded>()));
    assert_eq!(more.output.stdout, b"");
}

#[test]
fn a_huge_write_is_refused_before_it_is_copied() {
    // 1024 times the whole memory is 64 MiB.
    let list: Vec<u32> = std::iter::repeat_n([0, 65_536], 1024).flatten().collect();
    let run = with_buffers("fd_write", 1, &list, 0, b"");
    assert!(run.end.as_ref().is_err_and(|error| error.is::<OutputExceeded>()));
    assert_eq!((run.output.stdout.capacity(), run.fuel < 10_000), (0, true), "{}", run.fuel);
    assert_eq!(with_buffers("fd_write", 1, &[list, vec![0, 0]].concat(), 0, b"").code(), 28);
}

#[test]
fn stderr_keeps_what_fits_and_says_that_there_was_more() {
    let limit = CallLimits::default().log_bytes;
    let list: Vec<u32> = std::iter::repeat_n([0, 65_536], 1000).flatten().collect();
    let run = with_buffers("fd_write", 2, &list, 0, b"");
    assert_eq!(run.code(), 0);
    assert_eq!((run.output.stderr.len(), run.output.stderr_cut), (limit, true));
    // The program believes that all of it was written.
    assert_eq!(run.output.stdout, 65_536_000_u32.to_le_bytes());
    let fits = with_buffers("fd_write", 2, &[0, u32::try_from(limit).unwrap()], 0, b"");
    assert_eq!((fits.output.stderr.len(), fits.output.stderr_cut), (limit, false));
}

#[test]
fn streams_have_a_direction() {
    for (function, descriptor) in [("fd_read", 1), ("fd_read", 2), ("fd_write", 0), ("fd_write", 3)] {
        assert_eq!(with_buffers(function, descriptor, &[100, 4], 0, b"abcd").code(), 8);
    }
}
