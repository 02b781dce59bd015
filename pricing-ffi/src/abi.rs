//! The calls of `bidprice.h`.
//!
//! Everything that is unsafe is here: reading what C points to, and writing where it says. Each call checks what it can
//! check, and catches panics.

#![allow(unsafe_code, reason = "C passes pointers")]

use std::ffi::{OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use pricing_engine::config::ConfigSource;
use pricing_panics::catch;

use crate::buffers;
use crate::code::{Code, Failure};
use crate::handles;
use crate::library::Library;
use crate::process;

/// Bytes that the library hands out: an answer, or the text of an error. They are the caller's until `bidprice_free`.
#[repr(C)]
#[derive(Debug)]
pub struct Buffer {
    /// The bytes. Null if there are none.
    pub data: *const u8,
    /// The number of bytes.
    pub length: usize,
}

/// What a call has: the bytes of its answer, or why there are none.
type Answer = Result<Vec<u8>, Failure>;

/// Reads bytes of the caller.
///
/// # Safety
/// If `data` is not null, `length` bytes can be read there.
unsafe fn bytes<'a>(what: &str, data: *const u8, length: usize) -> Result<&'a [u8], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::argument(format!("{what} is null, and its length is {length}")));
    }
    if isize::try_from(length).is_err() || data.addr().checked_add(length).is_none() {
        return Err(Failure::argument(format!("{what} cannot have a length of {length}")));
    }
    // SAFETY: it is not null, the length is one that an object can have, and the caller promises the rest. Bytes need no
    // alignment.
    Ok(unsafe { slice::from_raw_parts(data, length) })
}

/// Reads a path of the caller.
///
/// # Safety
/// As [`bytes`].
unsafe fn path(what: &str, data: *const c_char, length: usize) -> Result<PathBuf, Failure> {
    // SAFETY: the caller promises it.
    let bytes = unsafe { bytes(what, data.cast(), length) }?;
    if bytes.contains(&0) {
        return Err(Failure::argument(format!("{what} contains a zero byte")));
    }
    Ok(OsStr::from_bytes(bytes).into())
}

/// Writes bytes, or the message of a failure, to where the caller wants them.
///
/// # Safety
/// If `answer` is not null, a buffer can be written there.
unsafe fn write(answer: *mut Buffer, bytes: Vec<u8>) {
    if !answer.is_null() {
        let (data, length) = buffers::hand_out(bytes);
        // SAFETY: the caller promises it. The old value is not read, so it may be uninitialised.
        unsafe { ptr::write_unaligned(answer, Buffer { data, length }) };
    }
}

/// Runs a call: nothing is done in a fork, panics are caught, and the message of a failure is kept and handed out.
///
/// # Safety
/// As [`write`].
unsafe fn run(handle: u64, answer: *mut Buffer, call: impl FnOnce() -> Answer) -> Code {
    if let Err(code) = process::check() {
        if !answer.is_null() {
            // SAFETY: the caller promises it.
            unsafe { ptr::write_unaligned(answer, Buffer { data: ptr::null(), length: 0 }) };
        }
        return code;
    }
    let answered = catch(call).unwrap_or_else(|panic| Err(Failure::new(Code::Internal, panic.to_string())));
    let (code, bytes) = match answered {
        Ok(bytes) => (Code::Ok, bytes),
        Err(failure) => {
            handles::keep_error(handle, &failure);
            (failure.code, failure.message.into_bytes())
        }
    };
    // SAFETY: the caller promises it.
    unsafe { write(answer, bytes) };
    code
}

/// Runs a call on an open engine, with an answer.
///
/// # Safety
/// As [`write`].
unsafe fn ask(handle: u64, answer: *mut Buffer, call: impl FnOnce(&Arc<Library>) -> Answer) -> Code {
    let call = || {
        if answer.is_null() {
            return Err(Failure::argument("`answer` is null"));
        }
        call(&handles::find(handle)?)
    };
    // SAFETY: the caller promises it.
    unsafe { run(handle, answer, call) }
}

/// The time that a call has. 0 stands for as long as the configuration allows.
fn timeout(milliseconds: u32) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds.into()))
}

/// Opens an engine and writes its handle.
///
/// # Safety
/// If `handle` is not null, a number can be written there, and if `error` is not null, a buffer.
unsafe fn open(handle: *mut u64, error: *mut Buffer, source: impl FnOnce() -> Result<ConfigSource, Failure>) -> Code {
    let mut opened = 0;
    let call = || {
        if handle.is_null() {
            return Err(Failure::argument("`handle` is null"));
        }
        opened = handles::add(Library::open(source()?)?);
        Ok(Vec::new())
    };
    // SAFETY: the caller promises it.
    let code = unsafe { run(0, error, call) };
    if !handle.is_null() {
        // SAFETY: the caller promises it.
        unsafe { ptr::write_unaligned(handle, opened) };
    }
    code
}

/// Opens an engine with a configuration file, the one that `bidprice serve` takes. Its sections `listen` and `tune` are not
/// used. It blocks until the files have settled and the plugin is compiled, and up to two seconds longer until the first
/// inventory is there.
///
/// Writes the engine's handle, or 0 and the text of the error. `error` may be null.
///
/// # Safety
/// `length` bytes can be read at `path`. A handle can be written at `handle`, and a buffer at `error`, unless they are
/// null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_open_file(
    path: *const c_char,
    length: usize,
    handle: *mut u64,
    error: *mut Buffer,
) -> Code {
    // SAFETY: the caller promises it.
    unsafe { open(handle, error, || self::path("`path`", path, length).map(ConfigSource::File)) }
}

/// Opens an engine with a configuration in memory. Relative paths in it start from a folder. Otherwise as
/// `bidprice_open_file`: the files that it names are read again whenever they change.
///
/// # Safety
/// `length` bytes can be read at `text`, and `folder_length` at `folder`. A handle can be written at `handle`, and a
/// buffer at `error`, unless they are null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_open_text(
    text: *const u8,
    length: usize,
    folder: *const c_char,
    folder_length: usize,
    handle: *mut u64,
    error: *mut Buffer,
) -> Code {
    let source = || {
        // SAFETY: the caller promises it.
        let (text, folder) = unsafe { (bytes("`text`", text, length)?, path("`folder`", folder, folder_length)?) };
        let text = str::from_utf8(text).map_err(|_| Failure::argument("the configuration is not UTF-8 text"))?;
        Ok(ConfigSource::Text { text: Arc::from(text), folder })
    };
    // SAFETY: the caller promises it.
    unsafe { open(handle, error, source) }
}

/// Prices an order: a `QuoteRequest` is answered with a `QuoteResponse`. A decline and a fault are answers, too.
///
/// A `timeout` in milliseconds of 0, or one that is longer than `limits.deadline`, stands for that. As with every call,
/// `answer` gets the text of the error if the code is not 0; both are freed with `bidprice_free`.
///
/// # Safety
/// `length` bytes can be read at `request`, and a buffer can be written at `answer`, unless they are null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_quote(
    handle: u64,
    request: *const u8,
    length: usize,
    timeout: u32,
    answer: *mut Buffer,
) -> Code {
    // SAFETY: the caller promises it.
    unsafe {
        ask(handle, answer, |library| library.quote(bytes("`request`", request, length)?, self::timeout(timeout)))
    }
}

/// Declines an order that would be declined wherever it was placed: a `ScreenRequest` is answered with a `ScreenResponse`.
///
/// # Safety
/// As `bidprice_quote`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_screen(
    handle: u64,
    request: *const u8,
    length: usize,
    timeout: u32,
    answer: *mut Buffer,
) -> Code {
    // SAFETY: the caller promises it.
    unsafe {
        ask(handle, answer, |library| library.screen(bytes("`request`", request, length)?, self::timeout(timeout)))
    }
}

/// Releases capacity that is held back for an order: a `ReleaseRequest` is answered with a `ReleaseResponse`.
///
/// # Safety
/// As `bidprice_quote`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_release(handle: u64, request: *const u8, length: usize, answer: *mut Buffer) -> Code {
    // SAFETY: the caller promises it.
    unsafe { ask(handle, answer, |library| library.release(bytes("`request`", request, length)?)) }
}

/// Reads the configuration, the rates and the plugin again: a `ReloadRequest` is answered with a `ReloadResponse`. It blocks
/// until the files have settled. Files that change are also read again without it.
///
/// # Safety
/// As `bidprice_quote`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_reload(handle: u64, request: *const u8, length: usize, answer: *mut Buffer) -> Code {
    // SAFETY: the caller promises it.
    unsafe { ask(handle, answer, |library| library.reload(bytes("`request`", request, length)?)) }
}

/// What the engine prices with at the moment, and its health: a `StatusResponse`.
///
/// # Safety
/// A buffer can be written at `answer`, unless it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_status(handle: u64, answer: *mut Buffer) -> Code {
    // SAFETY: the caller promises it.
    unsafe { ask(handle, answer, |library| Ok(library.status())) }
}

/// The metrics as text, in the format of Prometheus.
///
/// # Safety
/// As `bidprice_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_metrics(handle: u64, answer: *mut Buffer) -> Code {
    // SAFETY: the caller promises it.
    unsafe { ask(handle, answer, |library| Ok(library.metrics().into_bytes())) }
}

/// The text of the last error of an engine; with another handle, such as 0, that of the last call without an open engine.
/// It is empty if there was none. Where several threads call, the text that comes with the call's code is the call's own,
/// and this one is that of any thread.
///
/// # Safety
/// As `bidprice_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_last_error(handle: u64, answer: *mut Buffer) -> Code {
    if answer.is_null() {
        return Code::BadArgument;
    }
    // SAFETY: the caller promises it.
    unsafe { run(handle, answer, || Ok(handles::last_error(handle).into_bytes())) }
}

/// Closes an engine: later calls fail, calls that are running end (for at most `limits.drain`), the bid log is written to
/// its end. Buffers that were handed out stay valid.
#[unsafe(no_mangle)]
pub extern "C" fn bidprice_close(handle: u64) -> Code {
    let close = || {
        handles::remove(handle)?.close();
        Ok(Vec::new())
    };
    // SAFETY: nothing is written to a null pointer.
    unsafe { run(handle, ptr::null_mut(), close) }
}

/// Frees a buffer, and makes it empty. Freeing an empty one does nothing.
///
/// # Safety
/// A buffer can be read and written at `buffer`, unless it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bidprice_free(buffer: *mut Buffer) -> Code {
    if buffer.is_null() {
        return Code::Ok;
    }
    // SAFETY: the caller promises it.
    let data = unsafe { ptr::read_unaligned(buffer) }.data;
    let free = || match buffers::free(data) {
        true => Ok(Vec::new()),
        false => Err(Failure::argument("the buffer is not one of the library's, or was freed before")),
    };
    // SAFETY: nothing is written to a null pointer.
    let code = unsafe { run(0, ptr::null_mut(), free) };
    // SAFETY: the caller promises it.
    unsafe { ptr::write_unaligned(buffer, Buffer { data: ptr::null(), length: 0 }) };
    code
}

/// The version of the library, such as `0.1.0`, which ends with a zero byte. It stays valid.
#[unsafe(no_mangle)]
pub extern "C" fn bidprice_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}
