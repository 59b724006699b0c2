use std::io::{BufRead, BufReader, Write};
use std::os::windows::process::CommandExt;
use std::process::{Child, Command, Stdio};

use windows_sys::Win32::System::Console::GenerateConsoleCtrlEvent;
use windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;

use crate::{TemporaryFile, TemporaryFolder, on_interruption};

/// What the other process is told by.
const FOLDER: &str = "CROSSDOCK_TEST_INTERRUPTED_FOLDER";

/// The other process: it makes what is temporary and waits.
#[ignore = "a process of its own of the test below"]
#[test]
fn waits_to_be_interrupted() {
    let Some(folder) = std::env::var_os(FOLDER).map(std::path::PathBuf::from) else {
        return;
    };
    on_interruption(|_, _| {}).unwrap();
    let _file = TemporaryFile::create_in(&folder).unwrap();
    let inner = TemporaryFolder::create_in(&folder, "x").unwrap();
    let _open = std::fs::File::create(inner.path().join("open")).unwrap();
    println!("\nready");
    // Where there is no console, the event comes from here, as the system would send it.
    let mut line = String::new();
    if std::io::stdin()
        .read_line(&mut line)
        .is_ok_and(|length| length > 0)
    {
        // SAFETY: the function may be called from any thread.
        let event = || unsafe { super::on_event(super::CTRL_CLOSE_EVENT) };
        std::thread::spawn(event);
    }
    std::thread::sleep(std::time::Duration::from_secs(60));
}

fn start(folder: &std::path::Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "windows::console_events::tests::waits_to_be_interrupted",
        ])
        .args(["--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .creation_flags(CREATE_NEW_PROCESS_GROUP);
    command.spawn().unwrap()
}

/// Ctrl-Break, which reaches process groups; the others come the same way.
#[test]
fn what_is_temporary_goes_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path());
    let output = BufReader::new(child.stdout.take().unwrap());
    let is_ready = output.lines().any(|line| line.unwrap() == "ready");
    assert!(is_ready);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    // SAFETY: the call takes numbers alone.
    let sent = unsafe { GenerateConsoleCtrlEvent(super::CTRL_BREAK_EVENT, child.id()) };
    let mut input = child.stdin.take().unwrap();
    if sent == 0 {
        // Tests that run without a console, as under Wine.
        input.write_all(b"close\n").unwrap();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    // Where the name of an open file stays until it is closed, as in Wine, the folder in which the
    // process had one is empty now; whoever makes the next one there removes it.
    for entry in left {
        std::fs::remove_dir(entry.unwrap().path()).unwrap();
    }
}
