//! Shell completion: the scripts ask the program itself what may follow, in an environment variable.
//!
//! Only what is here already is told: names of the store, files of this machine, and paths of
//! images whose layers were indexed before. Nothing is asked of registries, and every failure is
//! silent, because it would stand in the middle of somebody's command line.

mod values;
mod words;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{Elvish, EnvCompleter as _};

use self::values::{Given, with_completers};
use self::words::{BashLine, fish_value};
use crate::arguments::Arguments;

/// Says for which shell the program completes; then it does nothing else.
const VARIABLE: &str = "_CROSSDOCK_COMPLETE";
/// The words of the command line, one a line, where arguments cannot be trusted.
const WORDS: &str = "_CROSSDOCK_WORDS";

/// The script that makes a shell complete.
pub(crate) fn script(shell: Shell) -> io::Result<Vec<u8>> {
    Ok(match shell {
        Shell::Bash => include_bytes!("completion/bash.sh").to_vec(),
        Shell::Fish => include_bytes!("completion/fish.fish").to_vec(),
        Shell::PowerShell => include_bytes!("completion/powershell.ps1").to_vec(),
        Shell::Zsh => include_bytes!("completion/zsh.zsh").to_vec(),
        // The enumeration may grow.
        Shell::Elvish | _ => {
            let mut script = Vec::new();
            Elvish.write_registration(
                VARIABLE,
                "crossdock",
                "crossdock",
                "crossdock",
                &mut script,
            )?;
            script
        }
    })
}

/// Completes the command line if a shell's script asks for that; whether it did.
pub(crate) fn answer() -> bool {
    let Some(shell) = std::env::var_os(VARIABLE) else {
        return false;
    };
    if let Some(answer) = answer_to(&shell) {
        // A shell that does not wait for the answer has its reasons.
        let _ = io::stdout().lock().write_all(&answer);
    }
    true
}

fn answer_to(shell: &OsStr) -> Option<Vec<u8>> {
    let given = std::env::args_os().skip_while(|argument| argument != "--");
    let mut words: Vec<OsString> = given.skip(1).collect();
    let mut answer = Vec::new();
    match shell.to_str()? {
        "bash" => {
            let [line, replaced] = &words[..] else {
                return None;
            };
            let line = BashLine::read(line.to_str()?, replaced.to_str()?);
            for candidate in candidates(line.words())? {
                let text = spoken(&candidate).and_then(|text| line.inserted(text));
                answer.extend(text.into_iter().flat_map(|text| (text + "\n").into_bytes()));
            }
        }
        "elvish" => {
            let given = Given::read(&words);
            let mut command = with_completers(Arguments::command(), &given);
            let _ = Elvish.write_complete(&mut command, words, None, &mut answer);
        }
        shell @ ("fish" | "powershell" | "zsh") => {
            if shell == "powershell" {
                let lines = std::env::var_os(WORDS)?;
                words = lines.to_str()?.split('\n').map(OsString::from).collect();
            }
            if shell == "fish" {
                let last = words.last_mut()?;
                *last = fish_value(last.to_str()?).into();
            }
            for candidate in candidates(words)? {
                let Some(value) = spoken(&candidate) else {
                    continue;
                };
                let help = candidate.get_help().map(ToString::to_string);
                let help = help.as_deref().unwrap_or("").lines().next().unwrap_or("");
                answer.extend(format!("{value}\t{help}\n").into_bytes());
            }
        }
        _ => return None,
    }
    Some(answer)
}

/// What may stand in place of the last word.
fn candidates(words: Vec<OsString>) -> Option<Vec<CompletionCandidate>> {
    let last = words.len().checked_sub(1)?;
    let given = Given::read(&words[..last]);
    let mut command = with_completers(Arguments::command(), &given);
    let directory = std::env::current_dir().ok();
    clap_complete::engine::complete(&mut command, words, last, directory.as_deref()).ok()
}

/// A candidate, if a line of text can hold it.
fn spoken(candidate: &CompletionCandidate) -> Option<&str> {
    let text = candidate.get_value().to_str()?;
    (!text.contains(char::is_control)).then_some(text)
}
