//! Catches panics, and reports them in one line, without a stack trace or a path of the build machine.
//!
//! A library that panics over somebody's file is not a bug of this program, and a stack trace tells an operator
//! nothing. So [`catch`] also keeps the default hook from printing the panic, on the current thread only; the panic's
//! message becomes part of the error. [`tell_by`] is for programs whose uncaught panics should be a single line, too.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use pricing_core::text::Untrusted;

/// The prefix of the paths of this project's own files, as the compiler records them.
const OWN_FILES: &str = "pricing-";

/// The maximum length of a panic's message, in characters.
const MAX_CHARACTERS: usize = 400;

/// A caught panic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panic {
    message: String,
    /// File and line, if the file belongs to this project.
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

/// The location of a panic in this project. The files of libraries have paths of the build machine, which are left out.
fn own_place(location: &Location<'_>) -> Option<String> {
    location.file().starts_with(OWN_FILES).then(|| format!("{}:{}", location.file(), location.line()))
}

thread_local! {
    /// Whether panics of this thread are being caught.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// The location of this thread's last caught panic.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs some work and catches its panic, without printing it.
///
/// What the work owned is dropped during unwinding. State that it shares with others must tolerate that.
///
/// # Errors
/// The panic, if there was one.
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

/// Reports uncaught panics in one line each through `tell`, instead of the default hook.
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
