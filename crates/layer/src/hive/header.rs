//! The base block of a registry hive (the regf format).

/// What the base block of a hive says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HiveHeader {
    /// Major and minor version.
    pub version: (u32, u32),
    /// The sequence numbers are equal: the hive was closed after its last change.
    pub clean: bool,
    /// Bytes of the bins that follow the base block.
    pub data_size: u32,
}

/// Why bytes are no hive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HiveError {
    /// No bytes at all.
    #[error("the file is empty")]
    Empty,
    /// It ends in the base block.
    #[error("the file ends within its first 4,096 bytes")]
    Short,
    /// Another kind of file.
    #[error("the file does not begin with regf")]
    Magic,
    /// The base block was changed.
    #[error("the checksum of the base block is {found:#010x}, and its bytes give {expected:#010x}")]
    Checksum {
        /// What the bytes give.
        expected: u32,
        /// What is stated.
        found: u32,
    },
    /// A format that Windows does not read.
    #[error("its version {major}.{minor} is not one of 1.0 to 1.6")]
    Version {
        /// Major version.
        major: u32,
        /// Minor version.
        minor: u32,
    },
    /// The file is shorter than its bins.
    #[error("the base block states {stated} bytes of bins, and {found} follow")]
    Size {
        /// What is stated.
        stated: u64,
        /// How many there are.
        found: u64,
    },
    /// No bin follows.
    #[error("its first bin does not begin with hbin")]
    Bin,
    /// The root key is elsewhere.
    #[error("the root key at {0:#x} is none, or outside of the bins")]
    Root(u32),
}

impl HiveHeader {
    /// Reads the beginning of a hive: the base block, and what of the first bin is in `bytes`.
    /// `size` is that of the whole file.
    pub fn read(bytes: &[u8], size: u64) -> Result<Self, HiveError> {
        if size == 0 {
            return Err(HiveError::Empty);
        }
        let Some(block) = bytes.get(..super::BLOCK) else {
            return Err(match bytes.starts_with(b"regf") {
                true => HiveError::Short,
                false => HiveError::Magic,
            });
        };
        if !block.starts_with(b"regf") {
            return Err(HiveError::Magic);
        }
        let number = |bytes: &[u8], at: usize| {
            let bytes = bytes.get(at..at.checked_add(4)?)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let field = |at| number(block, at).unwrap_or_default();
        let (expected, found) = (super::checksum(&block[..0x1FC]), field(0x1FC));
        if expected != found {
            return Err(HiveError::Checksum { expected, found });
        }
        let (major, minor) = (field(0x14), field(0x18));
        if major != 1 || minor > 6 {
            return Err(HiveError::Version { major, minor });
        }
        let (data_size, root) = (field(0x28), field(0x24));
        let follow = size - super::BLOCK as u64;
        if u64::from(data_size) > follow {
            return Err(HiveError::Size {
                stated: data_size.into(),
                found: follow,
            });
        }
        let bins = &bytes[super::BLOCK..];
        if data_size == 0 || bins.len() >= 4 && !bins.starts_with(b"hbin") {
            return Err(HiveError::Bin);
        }
        // The size of the cell, then the signature of a key.
        let key = bins.get(root as usize..).and_then(|cell| cell.get(4..6));
        if root >= data_size || key.is_some_and(|key| key != b"nk") {
            return Err(HiveError::Root(root));
        }
        Ok(Self {
            version: (major, minor),
            clean: field(0x04) == field(0x08),
            data_size,
        })
    }
}
