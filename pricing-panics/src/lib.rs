//! Panics that are caught, and what is said of them: one line, without a stack trace or a path of this machine.
//!
//! A library that gives up on a file of somebody's is no bug of the reader's, and a trace of it tells an operator nothing.
//! So whoever catches a panic also keeps the default hook from printing it, on that thread and for that time alone; what
//! it said becomes part of the reason. [`tell_by`] is for programs, whose other panics are to be one line, too.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use pricing_core::text::Untrusted;

/// What the paths of this project's own files start with, in the places that the compiler writes down.
const OWN_FILES: &str = "pricing-";

/// The most characters of what a panic says.
const MAX_CHARACTERS: usize = 400;

/// What a panic said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panic {
    message: String,
    /// File and line, where the file is one of this project's.
    place: Option<String>,
}

impl Panic {
    fn new(payload: &(dyn Any + Send), place: Option<String>) -> Self {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Self { message: line(text.unwrap_or("it gave no reason")), place }
    }

    fn of(info: &PanicHookInfo<'_>) -> Self {
        let text = info.payload_as_str().unwrap_or("it gave no reason");
        Self { message: line(text), place: info.location().and_then(own_place) }
    }
}

fn line(text: &str) -> String {
    format!("{:.MAX_CHARACTERS$}", Untrusted::new(text.trim()))
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.place {
            Some(place) => write!(f, " (at {place})"),
            None => Ok(()),
        }
    }
}

/// Where a panic of this project's was. Files of libraries have the paths of the machine that built the program.
fn own_place(location: &Location<'_>) -> Option<String> {
    location.file().starts_with(OWN_FILES).then(|| format!("{}:{}", location.file(), location.line()))
}

thread_local! {
    /// Whether a panic of this thread is caught.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic of this thread that is caught was.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs some work, and catches its panic, of which nothing is printed.
///
/// Whatever the work held is dropped with it; what it shares with others must bear that.
///
/// # Errors
/// When it panicked, and what it said.
pub fn catch<R>(work: impl FnOnce() -> R) -> Result<R, Panic> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if CAUGHT.get() {
                PLACE.set(info.location().and_then(own_place));
            } else {
                before(info);
            }
        }));
    });
    let outer = CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(outer);
    done.map_err(|payload| Panic::new(&*payload, PLACE.take()))
}

/// Has panics that nobody catches told in one line each, as a program's error, instead of by the default hook.
pub fn tell_by(tell: impl Fn(&Panic) + Send + Sync + 'static) {
    set_hook(Box::new(move |info| tell(&Panic::of(info))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_what_it_said_on_one_line() {
        assert_eq!(catch(|| 7), Ok(7));
        let said = |work: fn()| catch(work).unwrap_err().message;
        assert_eq!(said(|| panic!("no rate for {}\u{1b}[2J", 5)), "no rate for 5\u{fffd}[2J");
        assert_eq!(said(|| panic!("plain")), "plain");
        assert_eq!(said(|| std::panic::panic_any(5)), "it gave no reason");
        let long = said(|| panic!("{}", "x".repeat(1 << 20)));
        assert!(long.chars().count() < 500);
    }

    #[test]
    fn a_place_is_told_of_this_project_s_own_files_alone() {
        let own = catch(|| panic!("ours")).unwrap_err().to_string();
        assert!(own.starts_with("ours (at pricing-panics/src/lib.rs:"), "{own}");
        // The file is the standard library's.
        let library = catch(|| "x".repeat(usize::MAX)).unwrap_err().to_string();
        assert_eq!(library, "capacity overflow");
    }

    #[test]
    fn catching_ends_with_the_work_also_within_other_work() {
        let outer = catch(|| {
            assert!(catch(|| panic!("inner")).is_err());
            panic!("outer")
        });
        assert_eq!(outer.unwrap_err().message, "outer");
        assert!(!CAUGHT.get());
    }
}
