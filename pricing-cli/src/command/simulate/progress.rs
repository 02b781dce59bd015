//! What people see of work that goes on, and how they end a sweep.

use std::io::IsTerminal;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{CliError, Exit};
use crate::output;
use pricing_sim::strategy::end_scripts;

/// A sweep that ends sooner shows no bar.
const MOMENT: Duration = Duration::from_millis(500);
/// How often the bar is drawn while no run ends.
const TICK: Duration = Duration::from_millis(250);
/// How work is shown whose amount is not known yet.
#[cfg(feature = "service")]
const SPINNER: &str = "{spinner} {msg}";

/// A bar on stderr with what is done, how fast it is done and what time is left; nothing where stderr is not a
/// terminal.
pub(crate) struct Bar {
    bar: ProgressBar,
    /// The thread that shows the bar after a moment.
    shows: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Bar {
    /// A bar for so many `what`, such as `runs`, of which some are done.
    pub(super) fn new(what: &str, all: usize, done: usize) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        measure(&bar, what, all, done);
        Self::shown_after_a_moment(bar)
    }

    /// A spinner beside what goes on, until [`Self::start`] says how much there is to do.
    #[cfg(feature = "service")]
    pub(crate) fn spinner(doing: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_message(doing);
        if let Ok(style) = ProgressStyle::with_template(SPINNER) {
            bar.set_style(style);
        }
        Self::shown_after_a_moment(bar)
    }

    /// Makes a spinner a bar for so many `what`.
    #[cfg(feature = "service")]
    pub(crate) fn start(&self, what: &str, all: usize) {
        measure(&self.bar, what, all, 0);
    }

    fn shown_after_a_moment(bar: ProgressBar) -> Self {
        let shown = std::io::stderr().is_terminal();
        let shows = shown.then(|| {
            let (stop, stopped) = mpsc::channel();
            let bar = bar.clone();
            let show = move || {
                if stopped.recv_timeout(MOMENT) == Err(RecvTimeoutError::Timeout) {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                    bar.enable_steady_tick(TICK);
                }
            };
            (stop, thread::spawn(show))
        });
        Self { bar, shows }
    }

    /// One more is done.
    pub(crate) fn done(&self) {
        self.bar.inc(1);
    }

    /// Takes the bar away.
    pub(crate) fn clear(mut self) {
        if let Some((stop, shows)) = self.shows.take() {
            drop(stop);
            let _ = shows.join();
        }
        self.bar.finish_and_clear();
    }
}

/// Has a bar show how many of `what` there are and are done.
fn measure(bar: &ProgressBar, what: &str, all: usize, done: usize) {
    let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let template = format!("{{wide_bar}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.set_length(wide(all));
    bar.set_position(wide(done));
    bar.reset_eta();
}

/// Whether somebody wants this program to end: set by the first signal, for good.
static CAME: AtomicBool = AtomicBool::new(false);

/// Handles SIGINT and the signals that ask a program to end.
pub(super) struct Interrupt;

impl Interrupt {
    /// Installs the handler. The first signal lets the current runs finish, so that saved results are complete and
    /// partial files are removed. The second ends the process at once.
    pub(super) fn listen(kept: bool) -> Result<Self, CliError> {
        let handler = move || {
            if CAME.swap(true, Ordering::Relaxed) {
                end_now();
            }
            let kept = if kept { "" } else { "; nothing is saved (`--checkpoint FILE` saves finished runs)" };
            output::complain(&format!(
                "interrupted: the runs in progress are finished first; interrupt again to stop at once{kept}"
            ));
        };
        on_signal(handler)?;
        Ok(Self)
    }

    /// Returns whether a signal has arrived.
    #[expect(clippy::unused_self, reason = "only those who listen may ask")]
    pub(super) fn came(&self) -> bool {
        CAME.load(Ordering::Relaxed)
    }
}

/// Ends the child scripts, too, when a signal ends this program.
#[cfg(feature = "service")]
pub(crate) fn end_with_scripts() -> Result<(), CliError> {
    on_signal(|| end_now())
}

/// Ends this program and its child scripts.
fn end_now() -> ! {
    end_scripts();
    process::exit(Exit::Interrupted.code().into())
}

fn on_signal(handler: impl FnMut() + Send + 'static) -> Result<(), CliError> {
    ctrlc::set_handler(handler).map_err(|error| CliError::internal(format!("signals cannot be listened to: {error}")))
}
