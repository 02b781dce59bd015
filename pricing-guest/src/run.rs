//! One call: runs the author's function and handles its failures.

use core::fmt::Display;

use crate::log::{self, Level};
use crate::{Answer, Request};

/// Calls a price function. A failure is logged as an error and then traps, so that it cannot look like an answer.
pub fn run<A: Into<Answer>, E: Display>(request: &Request, price: fn(&Request) -> Result<A, E>) -> Answer {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(log_panic));
    match price(request) {
        Ok(answer) => answer.into(),
        Err(error) => fail(&error.to_string()),
    }
}

/// The standard hook writes to standard error, which plugins do not have. Authors would see only a trap.
#[cfg(target_family = "wasm")]
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let payload = panic.payload();
    let message =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = one_line(message.unwrap_or("a panic without a text"));
    match panic.location() {
        Some(place) => log::write(Level::Error, &format!("{message}, at {place}")),
        None => log::write(Level::Error, &message),
    }
}

/// Joins a text's lines. The host shows the last line of the log as the reason of a trap, so the reason must be one
/// line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        line.push(if character == '\n' { ';' } else { character });
    }
    line
}

fn fail(message: &str) -> ! {
    log::write(Level::Error, &one_line(message));
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    #[expect(clippy::panic, reason = "outside a plugin a panic is what is nearest to a trap")]
    {
        panic!("{message}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sample, decimal};

    #[test]
    fn answers_of_both_kinds_are_given_on() {
        let request = Sample::new().request();
        let changed = run(&request, |_| Ok::<_, String>(Answer::floor(decimal!("5"))));
        assert_eq!(changed, Answer::floor(decimal!("5")).into());
        let declined = run(&request, |_| Ok::<_, String>(Answer::decline("no")));
        assert_eq!(declined, Answer::Decline("no".to_owned()));
    }

    #[test]
    fn the_reason_of_a_trap_is_one_line() {
        let text = "assertion `left == right` failed\n  left: 1\n right: 2";
        assert_eq!(one_line(text), "assertion `left == right` failed;  left: 1; right: 2");
    }

    #[test]
    #[should_panic(expected = "the request has no owner")]
    fn an_error_is_never_an_answer() {
        run(&Sample::new().request(), |_| Err::<Answer, _>(crate::Error::Missing("owner")));
    }
}
