//! Terminals: what the one behind standard output or standard error understands, and names of
//! devices that are no files.

use std::io::{self, IsTerminal as _};
use std::path::Path;

/// A stream that a terminal may be behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl TerminalStream {
    /// Whether a terminal is behind it that understands control sequences (ECMA-48). Consoles of
    /// Windows are asked to, and those before Windows 10 1511 refuse; each stream is asked for
    /// itself, as the other may go to a file.
    pub fn has_sequences(self) -> bool {
        self.is_terminal() && self.enable_sequences()
    }

    /// Whether the terminal takes only text that is valid Unicode, as consoles of Windows do.
    /// Whatever else is written there fails.
    pub fn is_text_only(self) -> bool {
        self.is_terminal() && self.is_console()
    }

    fn is_terminal(self) -> bool {
        match self {
            Self::Output => io::stdout().is_terminal(),
            Self::Error => io::stderr().is_terminal(),
        }
    }

    #[cfg(not(windows))]
    fn enable_sequences(self) -> bool {
        true
    }

    #[cfg(not(windows))]
    fn is_console(self) -> bool {
        false
    }

    #[cfg(windows)]
    fn enable_sequences(self) -> bool {
        use windows_sys::Win32::System::Console::{
            ENABLE_VIRTUAL_TERMINAL_PROCESSING, SetConsoleMode,
        };
        // What is a terminal and no console is a pipe of Cygwin's or MSYS's, with a real terminal
        // at its end.
        let Some(mode) = self.console_mode() else {
            return true;
        };
        let wanted = mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING;
        // SAFETY: the handle is standard output's or standard error's, which stay open, and the
        // call takes no pointer.
        wanted == mode || unsafe { SetConsoleMode(self.handle(), wanted) } != 0
    }

    #[cfg(windows)]
    fn is_console(self) -> bool {
        self.console_mode().is_some()
    }

    #[cfg(windows)]
    fn console_mode(self) -> Option<u32> {
        let mut mode = 0;
        // SAFETY: the handle is standard output's or standard error's (a null one is refused), and
        // `mode` lives for the call.
        let succeeded = unsafe {
            windows_sys::Win32::System::Console::GetConsoleMode(self.handle(), &raw mut mode)
        };
        (succeeded != 0).then_some(mode)
    }

    #[cfg(windows)]
    fn handle(self) -> windows_sys::Win32::Foundation::HANDLE {
        use std::os::windows::io::AsRawHandle as _;
        match self {
            Self::Output => io::stdout().as_raw_handle(),
            Self::Error => io::stderr().as_raw_handle(),
        }
    }
}

/// The device that a path names instead of a file, as `NUL`, `con.txt` or `C:\x\COM1` do on Windows;
/// `None` on other hosts, and for paths that begin with `\\?\` or `\\.\`, which say exactly what they
/// mean.
pub fn device_name(path: &Path) -> Option<&str> {
    device_in(path.to_str()?).filter(|_| cfg!(windows))
}

/// The rule itself, for tests on all hosts. Source: "Naming Files, Paths, and Namespaces", and
/// `RtlIsDosDeviceName_U`: what follows a dot or a colon does not count, nor do spaces before it.
fn device_in(path: &str) -> Option<&str> {
    if path.starts_with(r"\\?\") || path.starts_with(r"\\.\") {
        return None;
    }
    let name = path.rsplit(['\\', '/']).next()?;
    // A drive may stand before it: `C:nul`.
    let name = match name.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => &name[2..],
        _ => name,
    };
    let name = name.split(['.', ':']).next()?.trim_end_matches(' ');
    let is_named = |device: &&str| name.eq_ignore_ascii_case(device);
    let is_port = || {
        let port = name.get(..3).zip(name.get(3..));
        port.is_some_and(|(kind, number)| {
            ["COM", "LPT"]
                .iter()
                .any(|port| kind.eq_ignore_ascii_case(port))
                && matches!(
                    number,
                    "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
                )
        })
    };
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    (devices.iter().any(is_named) || is_port()).then_some(name)
}

#[cfg(test)]
mod tests;
