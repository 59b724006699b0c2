//! Extended attributes of Windows, and what WSL says with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_layer::Win32Metadata;

/// An extended attribute of Windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedAttribute {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value; `None` if the layer does not have it in base64.
    pub value: Option<Vec<u8>>,
    /// What WSL means by it.
    pub wsl: Option<WslValue>,
}

/// What WSL keeps in extended attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WslValue {
    /// `$LXUID`.
    User(u32),
    /// `$LXGID`.
    Group(u32),
    /// `$LXMOD`, with the bits of the kind.
    Mode(u32),
    /// `$LXDEV`, major and minor number.
    Device(u32, u32),
    /// `LX.` and a name in upper case: an extended attribute of Linux.
    Xattr(Vec<u8>),
}

impl ExtendedAttribute {
    /// The attributes of an entry, decoded.
    pub fn all_of(win32: &Win32Metadata) -> Vec<Self> {
        let attributes = win32.extended.iter();
        attributes
            .map(|(name, text)| {
                let value = BASE64.decode(text).ok();
                Self {
                    name: name.clone(),
                    wsl: value.as_ref().and_then(|value| wsl_value(name, value)),
                    value,
                }
            })
            .collect()
    }
}

/// The beginning of the values of Linux' attributes.
const LINUX_VALUE: &[u8] = b"lxea";

fn wsl_value(name: &[u8], value: &[u8]) -> Option<WslValue> {
    let number = || Some(u32::from_le_bytes(value.try_into().ok()?));
    let name = name.to_ascii_uppercase();
    match &name[..] {
        b"$LXUID" => number().map(WslValue::User),
        b"$LXGID" => number().map(WslValue::Group),
        b"$LXMOD" => number().map(WslValue::Mode),
        b"$LXDEV" => {
            let (major, minor) = value.split_at_checked(4)?;
            let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
            Some(WslValue::Device(number(major)?, number(minor)?))
        }
        name if name.starts_with(b"LX.") => value
            .strip_prefix(LINUX_VALUE)
            .map(|value| WslValue::Xattr(value.to_vec())),
        _ => None,
    }
}
