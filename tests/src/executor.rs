//! An executor for futures that knows nothing of May, and polling by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// A future on its way to the end.
type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task of the executor.
struct Task {
    job: Mutex<Option<Job>>,
    queue: mpsc::Sender<Arc<Task>>,
}

impl Wake for Task {
    fn wake(self: Arc<Task>) {
        // An executor that has ended no longer polls.
        let _ = self.queue.clone().send(self);
    }
}

impl Task {
    fn run(self: Arc<Task>) {
        let waker = Waker::from(self.clone());
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(future) = &mut *job
            && future
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
        {
            *job = None;
        }
    }
}

/// Some plain threads that poll futures, each on whichever is free.
#[derive(Debug)]
pub struct Executor {
    queue: Option<mpsc::Sender<Arc<Task>>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Executor {
    /// Starts it.
    #[must_use]
    pub fn new(threads: usize) -> Executor {
        let (queue, tasks) = mpsc::channel::<Arc<Task>>();
        let tasks = Arc::new(Mutex::new(tasks));
        let work = move || {
            loop {
                let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv();
                match task {
                    Ok(task) => task.run(),
                    Err(mpsc::RecvError) => return,
                }
            }
        };
        Executor {
            queue: Some(queue),
            threads: (0..threads).map(|_| thread::spawn(work.clone())).collect(),
        }
    }

    /// Polls a future to its end.
    ///
    /// # Panics
    ///
    /// Never: there is a queue until it is dropped.
    pub fn spawn<F>(&self, future: F) -> Spawned<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (result, receiver) = mpsc::channel();
        let queue = self.queue.clone().expect("a queue");
        let job: Job = Box::pin(async move {
            let _ = result.send(future.await);
        });
        Arc::new(Task {
            job: Mutex::new(Some(job)),
            queue,
        })
        .wake();
        Spawned(receiver)
    }
}

/// A future that the executor polls.
#[derive(Debug)]
#[must_use = "what fails in a future shows when it is joined"]
pub struct Spawned<T>(mpsc::Receiver<T>);

impl<T> Spawned<T> {
    /// Waits for its end; on a coroutine others run meanwhile.
    ///
    /// # Panics
    ///
    /// If the future did.
    #[track_caller]
    pub fn join(self) -> T {
        let mut result = None;
        crate::eventually("the future has ended", || match self.0.try_recv() {
            Ok(value) => {
                result = Some(value);
                true
            }
            Err(mpsc::TryRecvError::Empty) => false,
            Err(mpsc::TryRecvError::Disconnected) => panic!("the future panicked"),
        });
        result.expect("it has just come")
    }
}

/// Waits until all tasks have ended that can be woken.
impl Drop for Executor {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // What a task raised shows where its result is missing.
            let _ = thread.join();
        }
    }
}

/// A waker that counts.
#[derive(Debug, Default)]
pub struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Count>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future that is polled by hand.
#[derive(Debug)]
pub struct ByHand<F> {
    future: Pin<Box<F>>,
    wakes: Arc<Count>,
}

impl<F: Future> ByHand<F> {
    /// One that was not polled yet.
    pub fn new(future: F) -> ByHand<F> {
        ByHand {
            future: Box::pin(future),
            wakes: Arc::default(),
        }
    }

    /// One that was polled once and was not ready.
    ///
    /// # Panics
    ///
    /// If it was.
    #[track_caller]
    pub fn waiting(future: F) -> ByHand<F> {
        let mut this = ByHand::new(future);
        assert!(this.poll().is_pending(), "it has nothing to wait for");
        this
    }

    /// Polls it.
    pub fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(self.wakes.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// How often it was woken.
    #[must_use]
    pub fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::SeqCst)
    }

    /// The result of one that was woken.
    ///
    /// # Panics
    ///
    /// If it was not, or is not ready.
    #[track_caller]
    pub fn woken(mut self) -> F::Output {
        assert!(self.wakes() > 0, "it was not woken");
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it was woken in vain"),
        }
    }
}
