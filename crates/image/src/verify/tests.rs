use super::*;

/// A reader that gives at most `step` bytes at a time and counts what is taken.
struct Slow<'a> {
    rest: &'a [u8],
    step: usize,
    taken: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = buffer.len().min(self.step);
        let count = self.rest.read(&mut buffer[..limit])?;
        self.taken += count;
        Ok(count)
    }
}

/// Reads `found` as if it were `expected`; `None` means that it must succeed.
#[track_caller]
fn check(expected: &[u8], found: &[u8], error: Option<VerifyError>) {
    let descriptor = Descriptor::of("a/b", expected);
    for step in [1, 2, 3, 1000] {
        let slow = Slow {
            rest: found,
            step,
            taken: 0,
        };
        let mut reader = VerifiedReader::new(slow, descriptor.digest, descriptor.size);
        let mut content = Vec::new();
        let result = reader.read_to_end(&mut content);
        match &error {
            None => {
                assert_eq!(result.unwrap(), expected.len());
                assert_eq!(content, expected);
                assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);
            }
            Some(error) => {
                assert_eq!(VerifyError::of(&result.unwrap_err()), Some(error));
                let again = reader.read(&mut [0; 8]).unwrap_err();
                assert_eq!(VerifyError::of(&again), Some(error), "failures stay");
            }
        }
        assert!(reader.into_inner().taken <= expected.len() + 1);
    }
}

#[test]
fn content() {
    let digest = |bytes: &[u8]| Descriptor::of("a/b", bytes).digest;
    check(b"", b"", None);
    check(b"hello", b"hello", None);
    check(&[7; 5000], &[7; 5000], None);
    check(
        b"hello",
        b"hell",
        Some(VerifyError::TooShort {
            digest: digest(b"hello"),
            expected: 5,
            found: 4,
        }),
    );
    check(
        b"hello",
        b"hello, and more",
        Some(VerifyError::TooLong {
            digest: digest(b"hello"),
            expected: 5,
        }),
    );
    check(
        b"",
        b"x",
        Some(VerifyError::TooLong {
            digest: digest(b""),
            expected: 0,
        }),
    );
    check(
        b"hello",
        b"hallo",
        Some(VerifyError::Digest {
            digest: digest(b"hello"),
            size: 5,
            found: digest(b"hallo"),
        }),
    );
}

#[test]
fn the_last_byte_is_not_handed_out_unproven() {
    let descriptor = Descriptor::of("a/b", b"hello");
    let mut reader = VerifiedReader::new(&b"hallo"[..], descriptor.digest, 5);
    assert!(reader.read_exact(&mut [0; 5]).is_err());
}

#[test]
fn finish_reads_the_rest() {
    let descriptor = Descriptor::of("a/b", b"hello");
    let open = |bytes| VerifiedReader::new(bytes, descriptor.digest, 5);
    assert!(open(&b"hello"[..]).finish().is_ok());
    assert!(open(&b"hallo"[..]).finish().is_err());
}

#[test]
fn other_failures_pass_through() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::TimedOut))
        }
    }
    let descriptor = Descriptor::of("a/b", b"hello");
    let error = VerifiedReader::new(Broken, descriptor.digest, 5)
        .finish()
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(VerifyError::of(&error), None);
}

#[test]
fn the_failure_is_found_in_wrappers() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer: {0}")]
    struct Outer(#[source] io::Error);

    let failure = VerifyError::TooLong {
        digest: Descriptor::of("a/b", b"").digest,
        expected: 0,
    };
    let inner = io::Error::from(failure.clone());
    let wrapped = io::Error::other(Outer(io::Error::other(Outer(inner))));
    assert_eq!(VerifyError::of(&wrapped), Some(&failure));
    assert_eq!(VerifyError::of(&io::Error::other("else")), None);
}
