//! PAX extended headers: `<length> <key>=<value>\n`, over and over (POSIX.1-2017 pax, "pax
//! Extended Header").

/// Most bytes of extended headers of one entry that are read: Go's archive/tar refuses more than
/// 1 MiB, and with it docker, containerd, podman, skopeo and umoci.
pub const MAX_EXTENDED: u64 = 1 << 20;

/// PAX records of one entry, sorted by key, each key once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records(Vec<(Vec<u8>, Vec<u8>)>);

impl Records {
    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let place = self
            .0
            .binary_search_by(|(other, _)| other.as_slice().cmp(key))
            .ok()?;
        Some(&self.0[place].1)
    }

    /// Sets the value of `key`.
    pub fn set(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let (key, value) = (key.into(), value.into());
        match self.0.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (key, value)),
        }
    }

    /// Removes `key` and returns its value.
    pub fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let place = self
            .0
            .binary_search_by(|(other, _)| other.as_slice().cmp(key))
            .ok()?;
        Some(self.0.remove(place).1)
    }

    /// Keys and values in byte order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes that the records take in an extended header.
    pub fn encoded_len(&self) -> u64 {
        self.iter()
            .map(|(key, value)| Self::encoded_len_of(key, value))
            .sum()
    }

    /// Bytes that one record takes.
    pub(crate) fn encoded_len_of(key: &[u8], value: &[u8]) -> u64 {
        record_len(key.len(), value.len()) as u64
    }

    /// The records as an extended header's content.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len() as usize);
        for (key, value) in self.iter() {
            out.extend_from_slice(record_len(key.len(), value.len()).to_string().as_bytes());
            out.push(b' ');
            out.extend_from_slice(key);
            out.push(b'=');
            out.extend_from_slice(value);
            out.push(b'\n');
        }
        out
    }

    /// Reads an extended header's content. A repeated key's last value counts. `None` if the
    /// lengths do not fit, or a key is empty or holds NUL.
    pub(crate) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut records = Self::default();
        let mut unsorted: Vec<(&[u8], &[u8])> = Vec::new();
        while !bytes.is_empty() {
            let space = bytes.iter().take(12).position(|&byte| byte == b' ')?;
            let digits = &bytes[..space];
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
            let record = bytes.get(space + 1..length)?;
            let record = record.strip_suffix(b"\n")?;
            // A record that ends within its own length field would make no progress.
            let equals = record.iter().position(|&byte| byte == b'=')?;
            if equals == 0 || record[..equals].contains(&0) {
                return None;
            }
            unsorted.push((&record[..equals], &record[equals + 1..]));
            bytes = &bytes[length..];
        }
        // A stable sort keeps the order of equal keys, so that the last one wins below.
        unsorted.sort_by(|a, b| a.0.cmp(b.0));
        for (place, (key, value)) in unsorted.iter().enumerate() {
            let last = unsorted.get(place + 1).is_none_or(|(next, _)| next != key);
            if last {
                records.0.push((key.to_vec(), value.to_vec()));
            }
        }
        Some(records)
    }
}

impl FromIterator<(Vec<u8>, Vec<u8>)> for Records {
    fn from_iter<I: IntoIterator<Item = (Vec<u8>, Vec<u8>)>>(iter: I) -> Self {
        let mut records = Self::default();
        for (key, value) in iter {
            records.set(key, value);
        }
        records
    }
}

/// The length of a record, which counts its own digits.
fn record_len(key: usize, value: usize) -> usize {
    let rest = key + value + 3;
    let mut length = rest + 1;
    loop {
        let with_digits = rest + length.ilog10() as usize + 1;
        if with_digits == length {
            return length;
        }
        length = with_digits;
    }
}
