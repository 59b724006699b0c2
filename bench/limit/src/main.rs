//! `crossdock-limit`: the machine's limit on the bytes of a build.
//!
//! Whoever makes an image from layers that he has not seen has to inflate them and to hash both
//! sides of each, and has to compress what is new. This program does that and nothing else: it
//! parses no tar, keeps nothing and sends nothing. No build that verifies what it reads can be
//! faster on the same cores. It shares no code with the product.

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{fs, thread};

use clap::Parser;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// Measures how long the unavoidable work of a build takes; prints one line of JSON.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A gzip layer that must be read: it is inflated, and both sides are hashed; repeatable
    #[arg(long, value_name = "FILE")]
    read: Vec<PathBuf>,
    /// What is new and must be compressed as gzip, level 6, and hashed; repeatable
    #[arg(long, value_name = "FILE")]
    compress: Vec<PathBuf>,
    /// How many threads work [default: one for each processor]
    #[arg(long)]
    threads: Option<usize>,
}

/// Blocks of what is new are compressed on their own, so that all threads can work on it.
const BLOCK: usize = 1 << 20;

/// A piece of work that one thread does.
enum Job {
    /// Inflate a layer and hash both sides.
    Read(PathBuf),
    /// Compress a block and hash both sides.
    Compress(Vec<u8>),
}

/// What was done.
#[derive(Debug, Default)]
struct Totals {
    compressed_read: AtomicU64,
    inflated: AtomicU64,
    new: AtomicU64,
    new_compressed: AtomicU64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let threads = arguments
        .threads
        .or_else(|| thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1)
        .max(1);
    let outcome = jobs(&arguments.read, &arguments.compress).and_then(|jobs| {
        let started = Instant::now();
        let totals = work(jobs, threads)?;
        Ok((started.elapsed(), totals))
    });
    match outcome {
        Ok((elapsed, totals)) => {
            let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            println!(
                "{{\"seconds\": {:.3}, \"threads\": {threads}, \"compressed_read\": {}, \
                 \"inflated\": {}, \"new\": {}, \"new_compressed\": {}}}",
                elapsed.as_secs_f64(),
                number(&totals.compressed_read),
                number(&totals.inflated),
                number(&totals.new),
                number(&totals.new_compressed),
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("crossdock-limit: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The jobs, last to be done first: threads take from the end.
fn jobs(read: &[PathBuf], compress: &[PathBuf]) -> io::Result<Vec<Job>> {
    let mut jobs = Vec::new();
    for path in compress {
        let bytes = fs::read(path).map_err(|error| named(path, &error))?;
        jobs.extend(bytes.chunks(BLOCK).map(|b| Job::Compress(b.to_vec())));
    }
    let mut layers = Vec::new();
    for path in read {
        let size = fs::metadata(path)
            .map_err(|error| named(path, &error))?
            .len();
        layers.push((size, path));
    }
    // The largest go first, and the small blocks of what is new even out what is left.
    layers.sort();
    jobs.extend(layers.into_iter().map(|(_, path)| Job::Read(path.clone())));
    Ok(jobs)
}

fn work(jobs: Vec<Job>, threads: usize) -> io::Result<Totals> {
    let queue = Mutex::new(jobs);
    let totals = Totals::default();
    let next = || queue.lock().expect("no thread panics").pop();
    let one = || -> io::Result<()> {
        while let Some(job) = next() {
            match job {
                Job::Read(path) => {
                    read_layer(&path, &totals).map_err(|error| named(&path, &error))?;
                }
                Job::Compress(block) => compress_block(&block, &totals)?,
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no thread panics"))
    })?;
    Ok(totals)
}

fn read_layer(path: &Path, totals: &Totals) -> io::Result<()> {
    let hashing = Hashing {
        inner: File::open(path)?,
        hash: Sha256::new(),
        count: 0,
    };
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(256 << 10, hashing));
    let mut buffer = vec![0; 256 << 10];
    let mut hash = Sha256::new();
    loop {
        let count = decoder.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        totals.inflated.fetch_add(count as u64, Ordering::Relaxed);
    }
    let hashing = decoder.into_inner().into_inner();
    totals
        .compressed_read
        .fetch_add(hashing.count, Ordering::Relaxed);
    std::hint::black_box((hash.finalize(), hashing.hash.finalize()));
    Ok(())
}

fn compress_block(block: &[u8], totals: &Totals) -> io::Result<()> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(block)?;
    let compressed = encoder.finish()?;
    std::hint::black_box((Sha256::digest(block), Sha256::digest(&compressed)));
    totals.new.fetch_add(block.len() as u64, Ordering::Relaxed);
    totals
        .new_compressed
        .fetch_add(compressed.len() as u64, Ordering::Relaxed);
    Ok(())
}

/// A reader that hashes what passes.
struct Hashing {
    inner: File,
    hash: Sha256,
    count: u64,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.count += count as u64;
        Ok(count)
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
