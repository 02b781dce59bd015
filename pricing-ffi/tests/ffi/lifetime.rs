//! Many threads, many engines, and the end while calls are running.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pricing_ffi::Code;
use pricing_ffi::abi::bidprice_close;
use pricing_proto::bidprice::v1::{Order, QuoteRequest, order};
use prost::Message;

use crate::opened::{CONFIG, HANG, Opened, RATES, folder, open_text};

fn request() -> Vec<u8> {
    let text = r#"{"resources":[{"memory":1073741824,"cpu":2000,"gpu":{"units":0},"storage":[{"class":"ephemeral","size":1073741824}],"count":1,"endpoint_quantity":1,"ip_lease_quantity":0}],"price":{"denom":"uact","amount":"1000000.000000000000000000"},"price_precision":6}"#;
    let order = Order { form: Some(order::Form::Text(text.to_owned())) };
    QuoteRequest { order: Some(order), ..QuoteRequest::default() }.encode_to_vec()
}

#[test]
fn threads_ask_while_files_change_and_the_engine_is_closed_under_them() {
    let folder = folder();
    let opened = Opened::text(CONFIG, folder.path());
    let (request, is_closed) = (request(), AtomicBool::new(false));
    thread::scope(|scope| {
        let ask = || {
            for asked in 0_u32.. {
                match opened.quote(&request, 0) {
                    Ok(answer) => assert!(!answer.is_empty()),
                    Err((code, message)) => {
                        assert!(code == Code::Closed && is_closed.load(Ordering::SeqCst), "{code:?} {message}");
                        return asked;
                    }
                }
            }
            0
        };
        let askers: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        for round in 0..5 {
            fs::write(folder.path().join("rates.toml"), RATES.replace("1900", &format!("190{round}"))).unwrap();
            opened.reload(&[]).unwrap();
        }
        is_closed.store(true, Ordering::SeqCst);
        assert_eq!(bidprice_close(opened.0), Code::Ok);
        let asked: u32 = askers.into_iter().map(|asker| asker.join().unwrap()).sum();
        assert!(asked > 0);
    });
}

/// The number of threads and open files of this process.
fn resources() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// How much memory a hundred engines may seem to leave, for the allocator's sake. An open one has about 300 KB, so a
/// hundred that stayed would be twice as much.
const SLACK: u64 = 16 << 20;

#[test]
#[ignore = "counts what the whole process has, so it runs alone: cargo xtask soak"]
fn a_hundred_engines_leave_neither_threads_nor_files_nor_memory() {
    let folder = folder();
    let config = format!("{CONFIG}[bid_log]\nfolder = \"log\"\n[reload]\nstate = \"state.json\"\n");
    let open_and_close = || assert_eq!(bidprice_close(open_text(&config, folder.path()).unwrap()), Code::Ok);
    // What the first ones leave is there once: the allocator has a heap for each thread.
    (0..10).for_each(|_| open_and_close());
    let (before, resident_before) = (resources(), resident());
    (0..100).for_each(|_| open_and_close());
    // Threads are told to end, and end a little later.
    let start = Instant::now();
    while resources().0 > before.0 || resources().1 > before.1 {
        assert!(start.elapsed() < HANG, "{:?} instead of {before:?}", resources());
        thread::sleep(Duration::from_millis(10));
    }
    let after = resident();
    assert!(after < resident_before + SLACK, "{after} bytes, and {resident_before} before");
}
