//! Sequences of calls that are made of a fuzzer's bytes, and what holds after each of them. The fuzz target `abi` takes
//! this file as it is.
//!
//! A sequence only does what a caller in C could do without undefined behaviour: what it passes can be read and written, or
//! is null, or has a length that no object has. Handles, buffers to be freed and the order of calls are whatever the bytes
//! say.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::ptr;
use std::thread;

use pricing_ffi::Code;
use pricing_ffi::abi::{
    Buffer, bidprice_close, bidprice_free, bidprice_last_error, bidprice_open_file, bidprice_open_text, bidprice_quote,
    bidprice_status,
};
use pricing_proto::bidprice::v1::{
    Decision, Order, Quote, QuoteRequest, QuoteResponse, ReleaseResponse, ReloadResponse, ScreenRequest,
    ScreenResponse, StatusResponse, order,
};
use prost::Message;
use tempfile::TempDir;

use crate::opened::{self, Answer, Opened, ask, empty, taken};

/// The configuration of the engines. Files are read again only when a call says so, so that an answer depends on the calls
/// alone.
const CONFIG: &str = r#"
[inventory]
file = "inventory.json"
max_age = "1000days"
[feed]
usd_per_akt = "0.5"
[rates]
file = "rates.toml"
[limits]
deadline = "2s"
request_bytes = 100000
drain = "2s"
[reload]
watch = "0s"
[tracing]
level = "off"
"#;

/// Opening an engine and reloading wait for files to settle, a third of a second each. Sequences that begin with this byte
/// may do so that often, others never: a fuzzer has to be quick.
const PATIENT: u8 = 255;
const WAITS: u32 = 2;

/// The engine that all sequences share, since opening one takes long. None of them closes it or changes its files.
pub(crate) struct Shared {
    engine: Opened,
    folder: TempDir,
}

impl Shared {
    /// Opens the engine. The files are within a folder.
    pub(crate) fn open(within: &Path) -> Self {
        let folder = TempDir::new_in(within).unwrap();
        write_files(folder.path());
        Self { engine: Opened::text(CONFIG, folder.path()), folder }
    }

    /// Makes the calls that the bytes say. Returns the number of bids.
    pub(crate) fn run(&self, bytes: &[u8]) -> usize {
        let mut sequence =
            Sequence { shared: self, bytes, own: BTreeSet::new(), last: 0, folder: None, waits: 0, bids: Cell::new(0) };
        if sequence.number() == PATIENT {
            sequence.waits = WAITS;
        }
        while let Some(call) = sequence.byte() {
            sequence.call(call);
        }
        sequence.own.iter().for_each(|handle| assert_eq!(bidprice_close(*handle), Code::Ok));
        sequence.bids.get()
    }
}

fn write_files(folder: &Path) {
    let inventory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/inventory/status.json");
    fs::copy(inventory, folder.join("inventory.json")).unwrap();
    fs::write(folder.join("rates.toml"), opened::RATES).unwrap();
}

struct Sequence<'a> {
    shared: &'a Shared,
    /// What is left of them.
    bytes: &'a [u8],
    /// Engines that the sequence has opened and not closed.
    own: BTreeSet<u64>,
    /// The one that was opened last, open or not.
    last: u64,
    /// The files of these, once there is one.
    folder: Option<TempDir>,
    /// How often it may still wait.
    waits: u32,
    bids: Cell<usize>,
}

impl Sequence<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn number(&mut self) -> u8 {
        self.byte().unwrap_or_default()
    }

    /// Bytes in an allocation of exactly their length, so that a sanitiser notices when the library reads beyond.
    fn chunk(&mut self) -> Box<[u8]> {
        let length = usize::from(u16::from_le_bytes([self.number(), self.number()]));
        let (chunk, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        chunk.into()
    }

    /// The shared engine, the last own one, or any number.
    fn handle(&mut self) -> u64 {
        match self.number() {
            0..128 => self.shared.engine.0,
            128..224 => self.last,
            224..240 => 0,
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.number())),
        }
    }

    fn is_open(&self, handle: u64) -> bool {
        handle == self.shared.engine.0 || self.own.contains(&handle)
    }

    fn call(&mut self, call: u8) {
        match call % 13 {
            0 => self.quote(),
            1 => self.quote_text(),
            2 => {
                let (handle, request) = (self.handle(), self.chunk());
                self.check::<ScreenResponse>(handle, opened::screen(handle, &request));
            }
            3 => {
                let (handle, request) = (self.handle(), self.chunk());
                self.check::<ReleaseResponse>(handle, opened::release(handle, &request));
            }
            4 => self.reload(),
            5 => {
                let handle = self.handle();
                self.check::<StatusResponse>(handle, opened::status(handle));
            }
            6 => {
                let handle = self.handle();
                match self.answered(handle, opened::metrics(handle)) {
                    Some(text) => assert!(String::from_utf8(text).unwrap().contains("bidprice_"), "no metrics"),
                    None => assert!(!self.is_open(handle), "there are no metrics"),
                }
            }
            7 => self.open_text(),
            8 => self.open_file(),
            9 => self.close(),
            10 => self.misuse(),
            11 => self.write(),
            _ => self.close_while_it_prices(),
        }
    }

    fn quote(&mut self) {
        let (handle, timeout, request) = (self.handle(), self.number(), self.chunk());
        self.quoted(handle, timeout, &request);
    }

    /// Quotes a text, so that the bytes need not be a message.
    fn quote_text(&mut self) {
        let (handle, flags, text) = (self.handle(), self.number(), self.chunk());
        let form = order::Form::Text(String::from_utf8_lossy(&text).into_owned());
        let request = QuoteRequest {
            order: Some(Order { form: Some(form) }),
            already_reserved: flags & 1 != 0,
            alternatives: flags & 2 != 0,
            ..QuoteRequest::default()
        };
        self.quoted(handle, 0, &request.encode_to_vec());
    }

    fn quoted(&self, handle: u64, timeout: u8, request: &[u8]) {
        let Some(response) = self.check::<QuoteResponse>(handle, opened::quote(handle, request, timeout.into())) else {
            return;
        };
        response.quotes.iter().for_each(check_quote);
        // What is bid on passes the screening. Without these fields, both calls are about the same order and owner.
        let asked = QuoteRequest::decode(request).unwrap();
        let is_bid = |quote: &Quote| quote.decision() == Decision::Bid;
        self.bids.update(|bids| bids + response.quotes.iter().filter(|quote| is_bid(quote)).count());
        if asked.order_id.is_none() && asked.targets.is_empty() {
            let request = ScreenRequest { order: asked.order, owner: asked.owner }.encode_to_vec();
            if let Some(screened) = self.check::<ScreenResponse>(handle, opened::screen(handle, &request)) {
                assert_eq!(screened.screened.len(), response.quotes.len());
                let mut pairs = screened.screened.iter().zip(&response.quotes);
                assert!(pairs.all(|(screened, quote)| screened.passed || !is_bid(quote)), "{screened:?} {response:?}");
            }
        }
    }

    fn reload(&mut self) {
        let (handle, request) = (self.handle(), self.chunk());
        if !self.is_open(handle) || self.waits > 0 {
            self.waits = self.waits.saturating_sub(1);
            self.check::<ReloadResponse>(handle, opened::reload(handle, &request));
        }
    }

    /// Opens an engine with the configuration, whose capacity is held, or with the one that the bytes are.
    fn open_text(&mut self) {
        let (is_own, text) = (self.number() % 2 == 1, self.chunk());
        let good = CONFIG.replace("max_age", "hold = \"1h\"\nmax_age");
        let text: &[u8] = if is_own { good.as_bytes() } else { &text };
        // It must not name what is outside of the folder: files, or machines.
        if text.iter().any(|byte| matches!(byte, b'/' | b'\\')) || self.waits == 0 {
            return;
        }
        let folder = self.own_folder().to_str().unwrap().to_owned();
        let (mut handle, mut error) = (u64::MAX, empty());
        // SAFETY: the pointers are those of slices and variables.
        let code = unsafe {
            let folder = (folder.as_ptr().cast(), folder.len());
            bidprice_open_text(text.as_ptr(), text.len(), folder.0, folder.1, &raw mut handle, &raw mut error)
        };
        self.opened(taken(code, error), handle);
    }

    /// Opens what is never there: no file has such a name.
    fn open_file(&mut self) {
        let path = [&b"absent/"[..], &self.chunk()].concat();
        let (mut handle, mut error) = (u64::MAX, empty());
        // SAFETY: the pointers are those of a slice and variables.
        let code = unsafe { bidprice_open_file(path.as_ptr().cast(), path.len(), &raw mut handle, &raw mut error) };
        assert_eq!(code, Code::BadArgument);
        self.opened(taken(code, error), handle);
    }

    fn opened(&mut self, answer: Answer, handle: u64) {
        match answer {
            Ok(nothing) => {
                assert!(nothing.is_empty() && handle > self.last && handle > self.shared.engine.0, "{handle}");
                self.waits = self.waits.saturating_sub(1);
                self.own.insert(handle);
                self.last = handle;
            }
            Err((code, message)) => {
                assert!(code == Code::BadArgument && handle == 0 && !message.is_empty(), "{code:?} {handle} {message}");
            }
        }
    }

    fn own_folder(&mut self) -> &Path {
        let within = self.shared.folder.path();
        let make = || {
            let folder = TempDir::new_in(within).unwrap();
            write_files(folder.path());
            folder
        };
        self.folder.get_or_insert_with(make).path()
    }

    fn close(&mut self) {
        let handle = self.handle();
        if handle != self.shared.engine.0 {
            let expected = if self.own.remove(&handle) { Code::Ok } else { Code::Closed };
            assert_eq!(bidprice_close(handle), expected);
        }
    }

    /// Closes an own engine while another thread asks it.
    fn close_while_it_prices(&mut self) {
        let (text, handle) = (self.chunk(), self.last);
        if self.own.remove(&handle) {
            let form = order::Form::Text(String::from_utf8_lossy(&text).into_owned());
            let order = Some(Order { form: Some(form) });
            let request = QuoteRequest { order, ..QuoteRequest::default() }.encode_to_vec();
            thread::scope(|scope| {
                let asker = scope.spawn(|| opened::quote(handle, &request, 0));
                assert_eq!(bidprice_close(handle), Code::Ok);
                match asker.join().unwrap() {
                    Ok(answer) => QuoteResponse::decode(&*answer).unwrap().quotes.iter().for_each(check_quote),
                    Err((code, message)) => {
                        let may_be = [Code::Closed, Code::BadMessage, Code::Deadline];
                        assert!(may_be.contains(&code) && !message.is_empty(), "{code:?} {message}");
                    }
                }
            });
        }
    }

    /// Null pointers, lengths that no object has, and buffers that are not the library's.
    fn misuse(&mut self) {
        let (kind, chunk, handle) = (self.number(), self.chunk(), self.shared.engine.0);
        let refused = |data: *const u8, length: usize| {
            // SAFETY: it is refused before anything is read.
            let answer = ask(|answer| unsafe { bidprice_quote(handle, data, length, 0, answer) });
            assert_eq!(answer.unwrap_err().0, Code::BadArgument);
        };
        match kind % 6 {
            0 => refused(ptr::null(), chunk.len() + 1),
            1 => refused(chunk.as_ptr(), usize::MAX - chunk.len()),
            2 => {
                // SAFETY: nothing is written to a null pointer.
                let code = unsafe { bidprice_quote(handle, chunk.as_ptr(), chunk.len(), 0, ptr::null_mut()) };
                assert_eq!(code, Code::BadArgument);
            }
            3 => {
                let mut buffer = Buffer { data: chunk.as_ptr(), length: chunk.len() };
                // SAFETY: the pointer is that of a variable. What it points to is not the library's, and is not freed.
                assert_eq!(unsafe { bidprice_free(&raw mut buffer) }, Code::BadArgument);
            }
            4 => {
                let mut answer = empty();
                // SAFETY: the pointers are those of variables.
                unsafe {
                    assert_eq!(bidprice_status(handle, &raw mut answer), Code::Ok);
                    let mut copies = [0, 1].map(|offset| Buffer { data: answer.data.wrapping_add(offset), ..answer });
                    assert_eq!(bidprice_free(&raw mut copies[1]), Code::BadArgument);
                    assert_eq!(bidprice_free(&raw mut answer), Code::Ok);
                    assert_eq!(bidprice_free(&raw mut copies[0]), Code::BadArgument);
                }
            }
            _ => {
                // SAFETY: nothing is read, and nothing written to null pointers.
                let codes = unsafe {
                    [
                        bidprice_open_text(ptr::null(), chunk.len(), ptr::null(), 0, ptr::null_mut(), ptr::null_mut()),
                        bidprice_open_file(chunk.as_ptr().cast(), chunk.len(), ptr::null_mut(), ptr::null_mut()),
                        bidprice_last_error(handle, ptr::null_mut()),
                    ]
                };
                assert_eq!(codes, [Code::BadArgument; 3]);
            }
        }
    }

    /// Replaces a file of the own engines.
    fn write(&mut self) {
        let name = if self.number() % 2 == 1 { "rates.toml" } else { "inventory.json" };
        let content = self.chunk();
        fs::write(self.own_folder().join(name), content).unwrap();
    }

    /// Checks an answer, and returns it. None if there is an error.
    fn check<A: Message + Default>(&self, handle: u64, answer: Answer) -> Option<A> {
        self.answered(handle, answer).map(|answer| A::decode(&*answer).unwrap())
    }

    fn answered(&self, handle: u64, answer: Answer) -> Option<Vec<u8>> {
        let is_open = self.is_open(handle);
        match answer {
            Ok(bytes) => {
                assert!(is_open, "{handle} is not open, and answers");
                Some(bytes)
            }
            Err((code, message)) => {
                // Closed engines share theirs with all other calls of the process.
                if is_open {
                    assert_eq!(opened::last_error(handle), Ok(message.clone().into_bytes()));
                }
                assert_eq!(code == Code::Closed, !is_open, "{message}");
                let may_be = [Code::BadMessage, Code::Deadline, Code::Refused, Code::Closed];
                assert!(may_be.contains(&code) && !message.is_empty(), "{code:?} {message}");
                None
            }
        }
    }
}

/// A bid has a price and no reason, everything else a reason and no price.
fn check_quote(quote: &Quote) {
    let is_above_zero = |amount: &str| !amount.starts_with('-') && amount.bytes().any(|b| matches!(b, b'1'..=b'9'));
    let price = quote.price.as_ref();
    if quote.decision() == Decision::Bid {
        let is_price = price.is_some_and(|price| is_above_zero(&price.amount) && !price.denom.is_empty());
        assert!(is_price && quote.reason.is_none(), "{quote:?}");
    } else {
        assert_ne!(quote.decision(), Decision::Unspecified, "{quote:?}");
        assert!(price.is_none() && quote.reason.as_ref().is_some_and(|reason| !reason.code.is_empty()), "{quote:?}");
    }
}
