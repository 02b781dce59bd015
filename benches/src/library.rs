//! An engine in this process, called as a program in C calls it: bytes of a request, bytes of an answer.

#![expect(unsafe_code, reason = "the calls take pointers")]
#![expect(clippy::missing_panics_doc, reason = "a benchmark without its input must stop")]

use std::path::Path;
use std::ptr;

use pricing_ffi::Code;
use pricing_ffi::abi::{Buffer, bidprice_close, bidprice_free, bidprice_open_file, bidprice_quote};

/// An open engine. It is closed when this is dropped.
#[derive(Debug)]
pub struct Library(u64);

impl Library {
    /// Opens an engine with a configuration file. Its inventory is there.
    #[must_use]
    pub fn open(config: &Path) -> Self {
        let path = config.as_os_str().as_encoded_bytes();
        let mut handle = 0;
        // SAFETY: the pointers are those of a slice and a variable, and a null pointer stands for no error's text.
        let code = unsafe { bidprice_open_file(path.as_ptr().cast(), path.len(), &raw mut handle, ptr::null_mut()) };
        assert_eq!(code, Code::Ok);
        Self(handle)
    }

    /// Asks for a quote, and hands the bytes of the answer to `look` before they are freed.
    pub fn quote<R>(&self, request: &[u8], look: impl FnOnce(&[u8]) -> R) -> R {
        let mut answer = Buffer { data: ptr::null(), length: 0 };
        // SAFETY: the pointers are those of a slice and a variable.
        let code = unsafe { bidprice_quote(self.0, request.as_ptr(), request.len(), 0, &raw mut answer) };
        assert_eq!(code, Code::Ok);
        // SAFETY: with this code the library has written an answer, of so many bytes, which is there until it is freed.
        let looked = look(unsafe { std::slice::from_raw_parts(answer.data, answer.length) });
        // SAFETY: the buffer is a variable, and the library's.
        assert_eq!(unsafe { bidprice_free(&raw mut answer) }, Code::Ok);
        looked
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        let _ = bidprice_close(self.0);
    }
}
