//! An engine that is opened through the library.

use std::fs;
use std::path::Path;
use std::ptr;
use std::time::{Duration, Instant};

use pricing_ffi::Code;
use pricing_ffi::abi::{
    Buffer, bidprice_close, bidprice_free, bidprice_metrics, bidprice_open_file, bidprice_open_text, bidprice_quote,
    bidprice_release, bidprice_reload, bidprice_screen, bidprice_status,
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
        let mut answer = empty();
        // SAFETY: the pointers are those of a slice and a variable.
        let code = unsafe { bidprice_quote(self.0, request.as_ptr(), request.len(), timeout, &raw mut answer) };
        taken(code, answer)
    }

    pub(crate) fn screen(&self, request: &[u8]) -> Answer {
        let mut answer = empty();
        // SAFETY: as above.
        let code = unsafe { bidprice_screen(self.0, request.as_ptr(), request.len(), 0, &raw mut answer) };
        taken(code, answer)
    }

    pub(crate) fn release(&self, request: &[u8]) -> Answer {
        let mut answer = empty();
        // SAFETY: as above.
        let code = unsafe { bidprice_release(self.0, request.as_ptr(), request.len(), &raw mut answer) };
        taken(code, answer)
    }

    pub(crate) fn reload(&self, request: &[u8]) -> Answer {
        let mut answer = empty();
        // SAFETY: as above.
        let code = unsafe { bidprice_reload(self.0, request.as_ptr(), request.len(), &raw mut answer) };
        taken(code, answer)
    }

    pub(crate) fn status(&self) -> StatusResponse {
        let mut answer = empty();
        // SAFETY: the pointer is that of a variable.
        let code = unsafe { bidprice_status(self.0, &raw mut answer) };
        StatusResponse::decode(taken(code, answer).unwrap().as_slice()).unwrap()
    }

    pub(crate) fn metrics(&self) -> String {
        let mut answer = empty();
        // SAFETY: as above.
        let code = unsafe { bidprice_metrics(self.0, &raw mut answer) };
        String::from_utf8(taken(code, answer).unwrap()).unwrap()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let _ = bidprice_close(self.0);
    }
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
