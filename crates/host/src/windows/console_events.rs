//! What a console tells its processes: Ctrl-C, Ctrl-Break, that it closes, that the session ends.

use std::io;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

type Handle = Box<dyn FnOnce(bool) + Send>;

static HANDLE: Mutex<Option<Handle>> = Mutex::new(None);

/// Calls `handle` at the first event, with whether it comes from the keyboard or the console's window,
/// in a thread of its own. A second event ends the process.
///
/// When a console closes or a session ends, the system ends the process as soon as the event counts as
/// handled, and after some seconds in any case: so `handle` runs inside the event, and does not return.
pub(crate) fn on_console_event(handle: impl FnOnce(bool) + Send + 'static) -> io::Result<()> {
    *HANDLE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(handle));
    // SAFETY: the function is there as long as the process, and may be called from any thread.
    match unsafe { SetConsoleCtrlHandler(Some(on_event), 1) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The system calls this in a new thread for each event.
unsafe extern "system" fn on_event(event: u32) -> BOOL {
    let is_keyboard = matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT | CTRL_CLOSE_EVENT);
    // Another event need not wait for the first one's end.
    let handle = HANDLE.lock().unwrap_or_else(PoisonError::into_inner).take();
    match handle {
        Some(handle) => handle(is_keyboard),
        // The code of Ctrl-C, as shells give it.
        None => std::process::exit(130),
    }
    1
}

#[cfg(test)]
mod tests;
