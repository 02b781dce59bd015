//! What a check can notice is an error.

use std::fs;
use std::path::Path;
use std::ptr;

use pricing_ffi::Code;
use pricing_ffi::abi::{
    Buffer, bidprice_close, bidprice_free, bidprice_last_error, bidprice_open_file, bidprice_open_text, bidprice_quote,
    bidprice_status, bidprice_version,
};

use crate::opened::{CONFIG, Opened, empty, folder, open_file, open_text, taken};

#[test]
fn a_bad_configuration_opens_nothing_and_says_why() {
    let folder = folder();
    let cases = [
        ("[inventory]\nfiel = \"x\"\n", "`fiel` is not a key of the configuration (did you mean `file`?)"),
        ("[rates]\nfile = \"absent.toml\"\n", "absent.toml"),
        ("nonsense", "configuration text"),
    ];
    for (config, expected) in cases {
        let (code, message) = open_text(config, folder.path()).unwrap_err();
        assert_eq!(code, Code::BadArgument);
        assert!(message.contains(expected), "{message}");
    }
    let (code, message) = open_file(Path::new("absent/bidprice.toml")).unwrap_err();
    assert!(code == Code::BadArgument && message.contains("absent/bidprice.toml"), "{message}");
}

#[test]
fn a_configuration_file_opens_what_its_text_does() {
    let folder = folder();
    let path = folder.path().join("bidprice.toml");
    fs::write(&path, CONFIG).unwrap();
    let (file, text) = (Opened(open_file(&path).unwrap()), Opened::text(CONFIG, folder.path()));
    assert_ne!(file.0, text.0);
    assert_eq!(file.status().rates, text.status().rates);
}

#[test]
fn null_pointers_and_impossible_lengths_are_refused() {
    let folder = folder();
    let opened = Opened::text(CONFIG, folder.path());
    let bytes = [8_u8];
    for (data, length, expected) in [
        (ptr::null(), 4, "`request` is null, and its length is 4"),
        (bytes.as_ptr(), usize::MAX, "`request` cannot have a length of"),
        (bytes.as_ptr(), 1 << 63, "`request` cannot have a length of"),
    ] {
        let mut answer = empty();
        // SAFETY: it is refused before anything is read.
        let code = unsafe { bidprice_quote(opened.0, data, length, 0, &raw mut answer) };
        let (code, message) = taken(code, answer).unwrap_err();
        assert!(code == Code::BadArgument && message.starts_with(expected), "{message}");
        let mut last = empty();
        // SAFETY: the pointer is that of a variable.
        let code = unsafe { bidprice_last_error(opened.0, &raw mut last) };
        assert_eq!(taken(code, last), Ok(message.into_bytes()));
    }
    // SAFETY: nothing is written to null pointers.
    let codes = unsafe {
        [
            bidprice_quote(opened.0, bytes.as_ptr(), 1, 0, ptr::null_mut()),
            bidprice_status(opened.0, ptr::null_mut()),
            bidprice_last_error(opened.0, ptr::null_mut()),
            bidprice_open_file(ptr::null(), 3, ptr::null_mut(), ptr::null_mut()),
            bidprice_open_text(ptr::null(), 0, ptr::null(), 0, ptr::null_mut(), ptr::null_mut()),
        ]
    };
    assert_eq!(codes, [Code::BadArgument; 5]);
}

#[test]
fn what_is_not_a_message_is_refused() {
    let folder = folder();
    let opened = Opened::text(&CONFIG.replace("[limits]", "[limits]\nrequest_bytes = 4096"), folder.path());
    for request in [&[0xff_u8; 5][..], &[10, 200, 1], &[], &[0; 4097]] {
        let (code, message) = opened.quote(request, 0).unwrap_err();
        assert!(code == Code::BadMessage && !message.is_empty(), "{code:?} {message}");
    }
}

#[test]
fn after_the_end_every_call_says_that_it_is_closed() {
    let folder = folder();
    let opened = Opened::text(CONFIG, folder.path());
    assert_eq!(bidprice_close(opened.0), Code::Ok);
    assert_eq!(bidprice_close(opened.0), Code::Closed);
    assert_eq!(opened.quote(&[], 0).unwrap_err().0, Code::Closed);
    for handle in [0, u64::MAX, opened.0] {
        let mut answer = empty();
        // SAFETY: the pointer is that of a variable.
        let code = unsafe { bidprice_status(handle, &raw mut answer) };
        assert_eq!(taken(code, answer), Err((Code::Closed, "no engine is open under this handle".to_owned())));
    }
}

#[test]
fn buffers_are_freed_once_and_nothing_else_is_freed() {
    let mut answer = empty();
    // SAFETY: the pointers are those of variables.
    unsafe {
        assert_eq!(bidprice_status(0, &raw mut answer), Code::Closed);
        let mut copy = Buffer { ..answer };
        assert_eq!(bidprice_free(&raw mut answer), Code::Ok);
        assert!(answer.data.is_null() && answer.length == 0);
        assert_eq!(bidprice_free(&raw mut answer), Code::Ok);
        assert_eq!(bidprice_free(&raw mut copy), Code::BadArgument);
        let mut foreign = Buffer { data: ptr::dangling(), length: 9 };
        assert_eq!(bidprice_free(&raw mut foreign), Code::BadArgument);
        assert_eq!(bidprice_free(ptr::null_mut()), Code::Ok);
    }
}

#[test]
fn the_version_is_a_text_that_c_can_print() {
    // SAFETY: the text ends with a zero byte, and is never freed.
    let version = unsafe { std::ffi::CStr::from_ptr(bidprice_version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}
