//! An engine that is opened through the library.

use std::fs;
use std::path::Path;
use std::ptr;
use std::time::{Duration, Instant};

use pricing_ffi::Code;
use pricing_ffi::abi::{
    Buffer, bidprice_close, bidprice_free, bidprice_last_error, bidprice_metrics, bidprice_open_file,
    bidprice_open_text, bidprice_quote, bidprice_release, bidprice_reload, bidprice_screen, bidprice_status,
};
use pricing_proto::bidprice::v1::StatusResponse;
use prost::Message;
use tempfile::TempDir;

/// A limit for waiting on what must happen. It only ends tests that hang.
pub(crate) const HANG: Duration = Duration::from_secs(600);

/// A configuration with a live inventory, whose files are put beside it by [`folder`].
pub(crate) const CONFIG: &str = r#"
[inventory]
file = "inventory.json"
max_age = "1h"
[feed]
usd_per_akt = "0.5"
[rates]
file = "rates.toml"
[limits]
deadline = "60s"
[tracing]
level = "off"
"#;

pub(crate) const RATES: &str = "[rates]\ncpu = \"1.6\"\n[rates.gpu]\n\"*\" = \"130\"\n\"h100\" = \"1900\"\n";

/// A folder with the files that [`CONFIG`] names.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let inventory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/inventory/status.json");
    fs::copy(inventory, folder.path().join("inventory.json")).unwrap();
    fs::write(folder.path().join("rates.toml"), RATES).unwrap();
    folder
}

/// A call's code with its answer, or with the text of its error.
pub(crate) type Answer = Result<Vec<u8>, (Code, String)>;

/// Takes an answer out of a buffer that the library has filled.
pub(crate) fn taken(code: Code, mut buffer: Buffer) -> Answer {
    let bytes = if buffer.length == 0 {
        Vec::new()
    } else {
        // SAFETY: the library has written so many bytes there.
        unsafe { std::slice::from_raw_parts(buffer.data, buffer.length) }.to_vec()
    };
    // SAFETY: the buffer is a variable.
    assert_eq!(unsafe { bidprice_free(&raw mut buffer) }, Code::Ok);
    match code {
        Code::Ok => Ok(bytes),
        code => Err((code, String::from_utf8(bytes).unwrap())),
    }
}

pub(crate) fn empty() -> Buffer {
    Buffer { data: ptr::null(), length: 0 }
}

/// An open engine. It is closed when this is dropped, unless it was closed before.
pub(crate) struct Opened(pub(crate) u64);

impl Opened {
    /// Opens an engine with a configuration in memory, and waits until its inventory can be used.
    pub(crate) fn text(config: &str, folder: &Path) -> Self {
        let opened = Self(open_text(config, folder).unwrap());
        opened.wait(|status| status.inventory.as_ref().is_none_or(|inventory| inventory.state == "fresh"));
        opened
    }

    /// Waits until the status is as it should be.
    pub(crate) fn wait(&self, is_so: impl Fn(&StatusResponse) -> bool) {
        let start = Instant::now();
        while !is_so(&self.status()) {
            assert!(start.elapsed() < HANG, "{:?}", self.status());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn quote(&self, request: &[u8], timeout: u32) -> Answer {
        quote(self.0, request, timeout)
    }

    pub(crate) fn screen(&self, request: &[u8]) -> Answer {
        screen(self.0, request)
    }

    pub(crate) fn release(&self, request: &[u8]) -> Answer {
        release(self.0, request)
    }

    pub(crate) fn reload(&self, request: &[u8]) -> Answer {
        reload(self.0, request)
    }

    pub(crate) fn status(&self) -> StatusResponse {
        StatusResponse::decode(status(self.0).unwrap().as_slice()).unwrap()
    }

    pub(crate) fn metrics(&self) -> String {
        String::from_utf8(metrics(self.0).unwrap()).unwrap()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = bidprice_close(self.0);
    }
}

/// Makes a call that fills a buffer, and takes the answer out of it.
pub(crate) fn ask(call: impl FnOnce(*mut Buffer) -> Code) -> Answer {
    let mut answer = empty();
    let code = call(&raw mut answer);
    taken(code, answer)
}

pub(crate) fn quote(handle: u64, request: &[u8], timeout: u32) -> Answer {
    // SAFETY: the pointers are those of a slice and a variable. So are all below.
    ask(|answer| unsafe { bidprice_quote(handle, request.as_ptr(), request.len(), timeout, answer) })
}

pub(crate) fn screen(handle: u64, request: &[u8]) -> Answer {
    // SAFETY: as above.
    ask(|answer| unsafe { bidprice_screen(handle, request.as_ptr(), request.len(), 0, answer) })
}

pub(crate) fn release(handle: u64, request: &[u8]) -> Answer {
    // SAFETY: as above.
    ask(|answer| unsafe { bidprice_release(handle, request.as_ptr(), request.len(), answer) })
}

pub(crate) fn reload(handle: u64, request: &[u8]) -> Answer {
    // SAFETY: as above.
    ask(|answer| unsafe { bidprice_reload(handle, request.as_ptr(), request.len(), answer) })
}

pub(crate) fn status(handle: u64) -> Answer {
    // SAFETY: as above.
    ask(|answer| unsafe { bidprice_status(handle, answer) })
}

pub(crate) fn metrics(handle: u64) -> Answer {
    // SAFETY: as above.
    ask(|answer| unsafe { bidprice_metrics(handle, answer) })
}

pub(crate) fn last_error(handle: u64) -> Answer {
    // SAFETY: as above.
    ask(|answer| unsafe { bidprice_last_error(handle, answer) })
}

pub(crate) fn open_text(config: &str, folder: &Path) -> Result<u64, (Code, String)> {
    let (mut handle, mut error) = (0, empty());
    let folder = folder.to_str().unwrap();
    // SAFETY: the pointers are those of slices and variables.
    let code = unsafe {
        bidprice_open_text(
            config.as_ptr(),
            config.len(),
            folder.as_ptr().cast(),
            folder.len(),
            &raw mut handle,
            &raw mut error,
        )
    };
    taken(code, error).map(|_| handle)
}

pub(crate) fn open_file(path: &Path) -> Result<u64, (Code, String)> {
    let (mut handle, mut error) = (0, empty());
    let path = path.to_str().unwrap();
    // SAFETY: as above.
    let code = unsafe { bidprice_open_file(path.as_ptr().cast(), path.len(), &raw mut handle, &raw mut error) };
    taken(code, error).map(|_| handle)
}
