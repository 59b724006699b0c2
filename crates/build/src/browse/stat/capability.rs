//! Capabilities of programs (capabilities(7), `security.capability`).

use std::fmt;

/// What a program may do that its user may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileCapabilities {
    /// Bits of capabilities that the program gets.
    pub permitted: u64,
    /// Bits of capabilities that it keeps if whoever starts it has them.
    pub inheritable: u64,
    /// They count at once, without the program asking.
    pub effective: bool,
    /// The user that is root in the user namespace for which they are meant.
    pub root: Option<u32>,
}

const EFFECTIVE: u32 = 1;
const REVISION: u32 = 0xFF00_0000;

impl FileCapabilities {
    /// Reads the value of the attribute `security.capability`; `None` if it is of no known
    /// revision.
    ///
    /// Source: linux/capability.h, `struct vfs_ns_cap_data`.
    pub fn parse(value: &[u8]) -> Option<Self> {
        if !value.len().is_multiple_of(4) {
            return None;
        }
        let (words, _) = value.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (&first, rest) = words.split_first()?;
        let (low, high, root) = match (first & REVISION, rest) {
            (0x0100_0000, &[permitted, inheritable]) => ((permitted, inheritable), (0, 0), None),
            (0x0200_0000, &[a, b, c, d]) => ((a, b), (c, d), None),
            (0x0300_0000, &[a, b, c, d, root]) => ((a, b), (c, d), Some(root)),
            _ => return None,
        };
        let both = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        Some(Self {
            permitted: both(low.0, high.0),
            inheritable: both(low.1, high.1),
            effective: first & EFFECTIVE != 0,
            root,
        })
    }
}

impl fmt::Display for FileCapabilities {
    /// As getcap(8) shows them: `cap_net_bind_service,cap_net_raw=ep`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effective = if self.effective { "e" } else { "" };
        let groups = [
            (self.permitted & self.inheritable, "ip"),
            (self.permitted & !self.inheritable, "p"),
            (self.inheritable & !self.permitted, "i"),
        ];
        let mut separator = "";
        for (bits, letters) in groups {
            if bits == 0 {
                continue;
            }
            f.write_str(separator)?;
            let mut comma = "";
            for bit in (0..64).filter(|bit| bits >> bit & 1 != 0) {
                match NAMES.get(bit) {
                    Some(name) => write!(f, "{comma}cap_{name}")?,
                    None => write!(f, "{comma}{bit}")?,
                }
                comma = ",";
            }
            write!(f, "={effective}{letters}")?;
            separator = " ";
        }
        if separator.is_empty() {
            f.write_str("=")?;
        }
        match self.root {
            Some(root) if root != 0 => write!(f, " [rootid={root}]"),
            _ => Ok(()),
        }
    }
}

/// By bit.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];
