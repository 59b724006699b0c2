//! The program as users run it, for the tests of its commands.

use std::path::Path;
use std::process::Command;

/// Runs the program in `folder` with a store beside what is there; gives the exit code, standard
/// output and standard error.
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_crossdock"))
        .args(arguments)
        .current_dir(folder)
        .env("CROSSDOCK_ROOT", "store")
        .env_remove("SOURCE_DATE_EPOCH")
        .output()
        .expect("the program begins");
    let text = |bytes| {
        let text = String::from_utf8(bytes).expect("what is printed is UTF-8");
        text.replace("\r\n", "\n")
    };
    let code = output.status.code().expect("it ended by itself");
    (code, text(output.stdout), text(output.stderr))
}
