//! Threads for calls that must not block an executor.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures_channel::oneshot;
use pricing_panics::catch;

use crate::engine::THREAD_STACK;

/// The most waiting jobs; each holds an order.
const WAITING: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

/// A small thread pool. Its threads are started with the first job and end with the host.
pub(crate) struct Workers {
    threads: u32,
    sender: OnceLock<SyncSender<Job>>,
}

impl Workers {
    pub(crate) fn new(threads: u32) -> Self {
        Self { threads: threads.max(1), sender: OnceLock::new() }
    }

    /// Queues a job. None if too many are waiting. The receiver gets nothing if the job panicked or no thread could be
    /// started. A job whose receiver is gone before its turn is skipped.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Option<oneshot::Receiver<T>> {
        let (done, receiver) = oneshot::channel();
        let job = Box::new(move || {
            if !done.is_canceled() {
                // The receiver may be gone by now.
                let _ = done.send(job());
            }
        });
        match self.sender.get_or_init(|| start(self.threads)).try_send(job) {
            Err(TrySendError::Full(_)) => None,
            // Without threads the job is dropped, which its receiver notices.
            Ok(()) | Err(TrySendError::Disconnected(_)) => Some(receiver),
        }
    }
}

fn start(threads: u32) -> SyncSender<Job> {
    let (sender, receiver) = sync_channel::<Job>(WAITING);
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 0..threads {
        let receiver = Arc::clone(&receiver);
        let thread =
            std::thread::Builder::new().name(format!("plugin-{number}")).stack_size(THREAD_STACK.saturating_mul(2));
        // Fewer threads than wanted are enough.
        let _ = thread.spawn(move || work(&receiver));
    }
    sender
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // A job that panics loses its own answer, but not the thread.
        let _ = catch(job);
    }
}
