//! Blocks that are compressed by several threads and come back in order.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};

/// Compresses content that may refer to the dictionary. It depends on nothing but its arguments:
/// what a thread did before must not show.
type Compress = fn(dictionary: &[u8], content: &[u8], level: u32) -> io::Result<Vec<u8>>;

/// How blocks are compressed.
#[derive(Clone, Copy)]
pub(super) struct Method {
    /// The name of the threads.
    pub(super) name: &'static str,
    /// Compresses a block.
    pub(super) compress: Compress,
    /// Given to each call.
    pub(super) level: u32,
    /// Blocks that are on their way at most, for each of the threads: what writes blocks need not
    /// wait for the slowest.
    pub(super) on_the_way: usize,
}

/// A block on its way.
pub(super) struct Block {
    number: u64,
    /// What precedes the content, as far as it may be referred to.
    pub(super) dictionary: Vec<u8>,
    /// What is compressed.
    pub(super) content: Vec<u8>,
    /// What it is compressed to, once it is.
    pub(super) compressed: io::Result<Vec<u8>>,
}

/// Compresses blocks by several threads and gives them back in order.
pub(super) struct Compressor {
    /// `None` with one thread: then blocks are compressed when they are submitted.
    workers: Option<Workers>,
    method: Method,
    submitted: u64,
    taken: u64,
    /// Blocks that are ready before their turn.
    ready: BTreeMap<u64, Block>,
}

struct Workers {
    count: usize,
    jobs: Sender<Block>,
    results: Receiver<Block>,
}

impl Compressor {
    pub(super) fn new(method: Method, threads: usize) -> io::Result<Self> {
        let workers = match threads {
            0 | 1 => None,
            count => Some(Workers::start(method, count)?),
        };
        Ok(Self {
            workers,
            method,
            submitted: 0,
            taken: 0,
            ready: BTreeMap::new(),
        })
    }

    /// The value for [`next`](Self::next) with which the threads always have something to do.
    pub(super) fn most_on_the_way(&self) -> u64 {
        let workers = self.workers.as_ref();
        workers.map_or(0, |workers| (workers.count * self.method.on_the_way) as u64)
    }

    /// Whether no block was ever submitted.
    pub(super) fn is_unused(&self) -> bool {
        self.submitted == 0
    }

    /// Gives a block away to be compressed.
    pub(super) fn submit(&mut self, dictionary: Vec<u8>, content: Vec<u8>) -> io::Result<()> {
        let number = self.submitted;
        self.submitted += 1;
        let mut block = Block {
            number,
            dictionary,
            content,
            compressed: Ok(Vec::new()),
        };
        match &self.workers {
            Some(workers) => workers.jobs.send(block).map_err(|_| ended()),
            None => {
                self.method.run(&mut block);
                self.ready.insert(number, block);
                Ok(())
            }
        }
    }

    /// The next block in order if it is ready, or, while more than `most` are on their way, as soon
    /// as it is. `None` if it is not, or if there is none.
    pub(super) fn next(&mut self, most: u64) -> io::Result<Option<Block>> {
        loop {
            if let Some(block) = self.ready.remove(&self.taken) {
                self.taken += 1;
                return Ok(Some(block));
            }
            let Some(workers) = &self.workers else {
                return Ok(None);
            };
            let on_the_way = self.submitted - self.taken;
            let block = match on_the_way > most {
                true => workers.results.recv().map_err(|_| ended())?,
                false => match workers.results.try_recv() {
                    Ok(block) => block,
                    Err(TryRecvError::Empty) => return Ok(None),
                    // The threads live as long as the sender of the jobs.
                    Err(TryRecvError::Disconnected) => return Err(ended()),
                },
            };
            self.ready.insert(block.number, block);
        }
    }
}

impl Method {
    fn run(self, block: &mut Block) {
        block.compressed = (self.compress)(&block.dictionary, &block.content, self.level);
    }
}

impl Workers {
    /// Starts `count` threads, which end when the sender of jobs is dropped.
    fn start(method: Method, count: usize) -> io::Result<Self> {
        let (jobs, queue) = channel::<Block>();
        let (done, results) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let (queue, done) = (Arc::clone(&queue), done.clone());
            let work = move || {
                loop {
                    let job = queue
                        .lock()
                        .unwrap_or_else(|error| error.into_inner())
                        .recv();
                    let Ok(mut block) = job else { break };
                    method.run(&mut block);
                    if done.send(block).is_err() {
                        break;
                    }
                }
            };
            std::thread::Builder::new()
                .name(method.name.to_owned())
                .spawn(work)?;
        }
        Ok(Self {
            count,
            jobs,
            results,
        })
    }
}

fn ended() -> io::Error {
    io::Error::other("a thread that compresses has ended early")
}

/// Counts what is written.
pub(super) struct Counting<W> {
    pub(super) inner: W,
    pub(super) length: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
