//! Threads for calls that must not block an executor.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_channel::oneshot;

use crate::engine::THREAD_STACK;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads that run jobs in turn. They start with the first job and end with the host.
pub(crate) struct Workers {
    threads: u32,
    sender: OnceLock<Mutex<Sender<Job>>>,
}

impl Workers {
    pub(crate) fn new(threads: u32) -> Self {
        Self { threads, sender: OnceLock::new() }
    }

    /// Has a job run. The receiver is told nothing when the job panicked or no thread could be started; a job whose
    /// receiver is gone before its turn is skipped.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (done, receiver) = oneshot::channel();
        let job = Box::new(move || {
            if !done.is_canceled() {
                // Whoever waited may be gone by now.
                let _ = done.send(job());
            }
        });
        let sender = self.sender.get_or_init(|| Mutex::new(start(self.threads)));
        // Without threads the job is dropped, which its receiver notices.
        let _ = sender.lock().unwrap_or_else(PoisonError::into_inner).send(job);
        receiver
    }
}

fn start(threads: u32) -> Sender<Job> {
    let (sender, receiver) = channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 0..threads {
        let receiver = Arc::clone(&receiver);
        let thread =
            std::thread::Builder::new().name(format!("plugin-{number}")).stack_size(THREAD_STACK.saturating_mul(2));
        // Fewer threads than wanted still do the work.
        let _ = thread.spawn(move || work(&receiver));
    }
    sender
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A job that panics takes its own answer along, not the thread.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    }
}
