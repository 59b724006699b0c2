//! Reading with proof: bytes count only if their digest and size are the expected ones.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::{BlobDigest, Descriptor, Digest};

/// Gives the blobs of one place: a layout, a store, a registry.
///
/// # Life cycle
/// A reader is opened for a descriptor and read to its end. What it yields may be used only once
/// it is proven: implementations return [`VerifiedReader`]s (boxed), which fail instead of
/// yielding the last byte if the blob is not the one that the descriptor names.
pub trait BlobSource: Send + Sync {
    /// Opens the blob. `NotFound` if it is not there.
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>>;
}

/// A blob that is not what its descriptor says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The bytes ended too early.
    #[error("blob {digest}: expected {expected} bytes, it ends after {found}")]
    TooShort {
        /// The digest that was asked for.
        digest: BlobDigest,
        /// The expected size in bytes.
        expected: u64,
        /// How many bytes there were.
        found: u64,
    },
    /// More bytes follow.
    #[error("blob {digest}: expected {expected} bytes, there are more")]
    TooLong {
        /// The digest that was asked for.
        digest: BlobDigest,
        /// The expected size in bytes.
        expected: u64,
    },
    /// The size is right, the content is not.
    #[error("blob {digest}: its {size} bytes have the digest {found}")]
    Digest {
        /// The digest that was asked for.
        digest: BlobDigest,
        /// The size in bytes, as expected.
        size: u64,
        /// The digest of the bytes that were there.
        found: BlobDigest,
    },
}

impl VerifyError {
    /// The verification failure inside an error of a [`VerifiedReader`] or a [`BlobSource`],
    /// however deep; `None` for any other failure to read.
    pub fn of(error: &io::Error) -> Option<&Self> {
        let mut current: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = current {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            // An `io::Error` passes the error in it over when it is asked for its source.
            current = match error.downcast_ref::<io::Error>() {
                Some(error) => error.get_ref().map(|inner| inner as _),
                None => error.source(),
            };
        }
        None
    }
}

impl From<VerifyError> for io::Error {
    fn from(error: VerifyError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// A reader whose end is `Ok` only if size and SHA-256 are the expected ones.
///
/// The digest is checked *before* the last byte is handed out, so a caller that reads exactly
/// the expected size has proven bytes too. At most `size + 1` bytes are taken from the inner
/// reader. Failures are [`io::Error`]s of kind `InvalidData` around a [`VerifyError`], and stay.
#[derive(Debug)]
pub struct VerifiedReader<R> {
    inner: R,
    digest: BlobDigest,
    size: u64,
    position: u64,
    hash: Sha256,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Bytes are missing.
    Reading,
    /// Size and digest are right, the inner reader's end was not seen yet.
    Complete,
    /// The end was seen.
    Ended,
    /// Verification failed.
    Failed(VerifyError),
}

impl<R: Read> VerifiedReader<R> {
    /// Reads the blob of `digest` and `size` from `inner`, which is at the blob's start.
    pub fn new(inner: R, digest: BlobDigest, size: u64) -> Self {
        Self {
            inner,
            digest,
            size,
            position: 0,
            hash: Sha256::new(),
            state: State::Reading,
        }
    }

    /// Reads what is left, throwing it away, and says whether the blob is the expected one.
    pub fn finish(mut self) -> io::Result<()> {
        io::copy(&mut self, &mut io::sink()).map(|_| ())
    }

    /// The inner reader, wherever it is.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn fail(&mut self, error: VerifyError) -> io::Error {
        self.state = State::Failed(error.clone());
        error.into()
    }

    /// All bytes are hashed: they are the blob, or an error.
    fn complete(&mut self) -> io::Result<()> {
        let found = Digest::from_bytes(self.hash.finalize_reset().into());
        if found != *self.digest.digest() {
            let error = VerifyError::Digest {
                digest: self.digest,
                size: self.size,
                found: BlobDigest::new(found),
            };
            return Err(self.fail(error));
        }
        self.state = State::Complete;
        Ok(())
    }

    fn read_content(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.inner.read(&mut buffer[..wanted])?;
        if count == 0 {
            let error = VerifyError::TooShort {
                digest: self.digest,
                expected: self.size,
                found: self.position,
            };
            return Err(self.fail(error));
        }
        self.hash.update(&buffer[..count]);
        self.position += count as u64;
        if self.position == self.size {
            self.complete()?;
        }
        Ok(count)
    }
}

impl<R: Read> Read for VerifiedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if matches!(self.state, State::Reading) {
            if self.size > self.position {
                return self.read_content(buffer);
            }
            self.complete()?;
        }
        match &self.state {
            State::Failed(error) => Err(error.clone().into()),
            State::Ended => Ok(0),
            State::Reading | State::Complete => {
                if self.inner.read(&mut [0])? != 0 {
                    let error = VerifyError::TooLong {
                        digest: self.digest,
                        expected: self.size,
                    };
                    return Err(self.fail(error));
                }
                self.state = State::Ended;
                Ok(0)
            }
        }
    }
}

#[cfg(test)]
mod tests;
